import { materializeViews } from '../../materialization/materialization.ts'
import type { Context } from '../../http/context.ts'
import type { Caller } from '../../kernel/actor.ts'
import { AppError } from '../../kernel/errors.ts'
import { parseTime } from '../../kernel/time.ts'
import { jsonReply, type GatewayReply } from '../../serving/serving.ts'
import { parseBody } from './body.ts'

/** A call that the server answers. */
export interface ServerCall extends Caller {
  body: Buffer
  query: URLSearchParams
  header: (name: string) => string | undefined
}

/** Feast answers when the work is done. What takes longer goes on, and is answered as Feast answers `async=true`. */
const WAIT_MS = 120_000

const SHARED = {
  feature_views: { kind: 'strings', or: null },
  full_feature_names: { kind: 'boolean', or: false },
  version: { kind: 'string', or: null },
} as const

const MATERIALIZE = {
  ...SHARED,
  start_ts: { kind: 'string', or: null },
  end_ts: { kind: 'string', or: null },
  disable_event_timestamp: { kind: 'boolean', or: false },
} as const

const INCREMENTAL = { ...SHARED, end_ts: { kind: 'string' } } as const

/**
 * `POST /materialize`: the rows from `start_ts` on are computed and written again. A view is always brought up to the present, so it holds
 * what the span asks for and what is newer. Without event timestamps the span is, as in Feast, all since 1970.
 */
export async function answerMaterialize(
  context: Pick<Context, 'db'>,
  call: ServerCall,
): Promise<GatewayReply> {
  const request = parseBody(call.body, MATERIALIZE)
  if (request.disable_event_timestamp) return await answer(context, call, { ...request, fromMs: 0 })
  const startMs = timeOf('start_ts', request.start_ts)
  const endMs = timeOf('end_ts', request.end_ts)
  if (startMs >= endMs) throw new AppError('invalid', 'start_ts must be before end_ts')
  return await answer(context, call, { ...request, fromMs: startMs })
}

/** `POST /materialize-incremental`: what is not online yet. */
export async function answerIncremental(
  context: Pick<Context, 'db'>,
  call: ServerCall,
): Promise<GatewayReply> {
  const request = parseBody(call.body, INCREMENTAL)
  timeOf('end_ts', request.end_ts)
  return await answer(context, call, request)
}

async function answer(
  context: Pick<Context, 'db'>,
  { projectId, actor, query }: ServerCall,
  request: { feature_views: readonly string[] | null; version: string | null; fromMs?: number },
): Promise<GatewayReply> {
  const { feature_views, version, fromMs } = request
  if (version !== null)
    throw new AppError(
      'invalid',
      `Feature views have no numbered versions here; leave out version ${version}`,
    )
  const waitMs = isTrue(query.get('async')) ? 0 : WAIT_MS
  const views = feature_views ?? undefined
  const result = await materializeViews(context, { projectId, actor, views, fromMs, waitMs })
  if (result.done) return jsonReply(200, null)
  return jsonReply(202, { status: 'accepted', feature_views: result.views })
}

function timeOf(name: string, text: string | null): number {
  const timeMs = text === null ? NaN : parseTime(text)
  if (!Number.isNaN(timeMs)) return timeMs
  throw new AppError('invalid', `${name} must be an ISO 8601 time`)
}

function isTrue(text: string | null): boolean {
  return text !== null && ['true', '1', 'on', 'yes'].includes(text.toLowerCase())
}
