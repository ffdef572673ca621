import type { Consumer } from '../../jobs/events.ts'
import { enqueue } from '../../jobs/jobs.ts'

export const SEND = 'openlineage.send'

/** With the pauses of the queue, a few hours. */
const MAX_ATTEMPTS = 12

/** Asks for an event to be sent after each report, while there is an address to send to. */
export const openLineageConsumer: Consumer = {
  name: 'openlineage',
  kinds: ['dataset.version_created', 'dataset.rejected'],
  async narrow({ config }) {
    return new Set(config.openLineageUrl === undefined ? [] : openLineageConsumer.kinds)
  },
  async handle(_context, trx, { projectId, kind, payload }) {
    const about =
      kind === 'dataset.rejected'
        ? { reportId: (payload as { reportId: string }).reportId }
        : { versionId: (payload as { versionId: string }).versionId }
    await enqueue(trx, {
      projectId,
      kind: SEND,
      payload: about,
      slot: 'delivery',
      maxAttempts: MAX_ATTEMPTS,
      uniqueKey: `${SEND}:${Object.values(about)[0]}`,
    })
  },
}

export const consumers: readonly Consumer[] = [openLineageConsumer]
