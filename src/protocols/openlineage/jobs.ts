import { resolveVersion } from '../../data/data.ts'
import type { Context } from '../../http/context.ts'
import type { Consumer } from '../../jobs/events.ts'
import { enqueue, type JobHandler } from '../../jobs/jobs.ts'
import { AppError, messageOf } from '../../kernel/errors.ts'
import { openLineageOf } from './openlineage.ts'

const SEND = 'openlineage.send'
const TIMEOUT_MS = 10_000
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

/** At least once: a receiver knows a run by its id. */
const send: JobHandler = {
  kind: SEND,
  slot: 'delivery',
  async run(context, { projectId, payload, signal }) {
    const { openLineageUrl: url, openLineageToken: token } = context.config
    if (url === undefined) return
    const id = await reportIdOf(context, projectId, payload)
    if (id === null) return
    const event = await openLineageOf(context, { projectId, id })
    await post({ url, token, body: JSON.stringify(event), signal })
  },
}

export const openLineageJobs: readonly JobHandler[] = [send]

async function reportIdOf(
  context: Context,
  projectId: string,
  { reportId, versionId }: { reportId?: unknown; versionId?: unknown },
): Promise<string | null> {
  if (typeof reportId === 'string') return reportId
  return (await resolveVersion(context, { projectId, reference: String(versionId) })).reportId
}

async function post({
  url,
  token,
  body,
  signal,
}: {
  url: string
  token: string | undefined
  body: string
  signal: AbortSignal
}): Promise<void> {
  let response: Response
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body,
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    })
  } catch (error) {
    throw new AppError('unavailable', `The OpenLineage server can't be reached: ${messageOf(error)}`, {
      cause: error,
    })
  }
  if (response.ok) {
    await response.body?.cancel()
    return
  }
  const answer = (await response.text()).slice(0, 500)
  throw new AppError('unavailable', `The OpenLineage server answered ${response.status}: ${answer}`)
}
