import { resolveVersion } from '../../data/data.ts'
import type { Context } from '../../http/context.ts'
import type { JobHandler } from '../../jobs/jobs.ts'
import { AppError, messageOf } from '../../kernel/errors.ts'
import { SEND } from './consumers.ts'
import { openLineageOf } from './openlineage.ts'

const TIMEOUT_MS = 10_000

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
