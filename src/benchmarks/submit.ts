import { audit, requireMember } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { enqueue } from '../jobs/jobs.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { hashJson } from '../kernel/json.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import type { Trx } from '../ports/db/db.ts'
import { getModelVersion, getUpload, holdModelVersion } from '../registry/registry.ts'
import type { BenchmarkDefinition, Submission, Submitted } from './schema.ts'
import {
  countTriesSince,
  definitionOf,
  drawNumber,
  findSubmissionOf,
  getBenchmarkRow,
  insertSubmission,
  listSubmissions,
  toSubmission,
  updateSubmission,
} from './store.ts'
import type { BenchmarkRow, SubmissionRow } from './tables.ts'

export const EVALUATE_JOB = 'benchmarks.evaluate'

type Content = Pick<
  SubmissionRow,
  'label' | 'model_version_id' | 'predictions_sha256' | 'predictions_format' | 'content_sha256'
> & { blob?: StoredBlob }

/**
 * Asks for a model version, or a file of predictions, to be measured on the holdout by a worker. The same content is measured once for a
 * participant: asking again answers with what came of it, and one that failed is tried again. Throws `conflict` when the benchmark is not
 * open, `denied` when the day's submissions are used up and for a team of others, `invalid` for what can't be measured here.
 */
export async function submit(
  context: Pick<Context, 'db' | 'clock' | 'ids' | 'artifacts'>,
  { projectId, actor, name, submitted }: Caller & { name: string; submitted: Submitted },
): Promise<Submission> {
  const { db, clock, ids } = context
  requirePermission(actor, 'contribute', projectId)
  // Every execution would be a participant of its own, with a limit of its own.
  if (actor.kind === 'step')
    throw new AppError('denied', 'A step of a pipeline can’t submit: a person or a team does')
  const { team } = submitted
  if (team !== undefined) await requireMember(db.read, { actor, team })
  const [participant, participantName] = team === undefined ? [actor.id, actor.name] : [`team:${team}`, team]
  const benchmark = await getBenchmarkRow(db.read, projectId, name)
  const content = await contentOf(context, { projectId, actor }, definitionOf(benchmark), submitted)
  const row = await db.write(async (trx) => {
    const key = { benchmarkId: benchmark.id, participant, content: content.content_sha256 }
    const known = await findSubmissionOf(trx, key)
    if (known && known.state !== 'failed') return known
    const current = await drawNumber(trx, benchmark.id, 'submissions')
    const askedMs = clock.now()
    const sinceMs = dayOf(askedMs)
    await requireRoom(trx, current, { participant, sinceMs })
    const { blob, ...columns } = content
    if ('model' in submitted) await holdModelVersion(trx, { projectId, ...submitted })
    if (blob) await recordBlob(trx, { projectId, blob, nowMs: await db.wallTime(trx) })
    const asked: SubmissionRow = {
      ...waiting(known, { id: ids.uuid(), askedMs, sinceMs }),
      ...columns,
      project_id: projectId,
      benchmark_id: benchmark.id,
      participant,
      participant_name: participantName,
      actor_id: actor.id,
    }
    if (known) await updateSubmission(trx, known.id, asked)
    else await insertSubmission(trx, asked)
    await enqueue(trx, {
      projectId,
      kind: EVALUATE_JOB,
      payload: { submissionId: asked.id },
      uniqueKey: `${EVALUATE_JOB}:${asked.id}:${askedMs}:${asked.tries}`,
    })
    const detail = { participant, label: asked.label, content: asked.content_sha256 }
    await audit(trx, { projectId, actor, action: 'benchmarks.submit', subject: name, detail })
    await appendEvent(trx, {
      projectId,
      kind: 'benchmark.changed',
      payload: { benchmark: name },
      atMs: askedMs,
    })
    return asked
  })
  return toSubmission(row)
}

/** The state of a submission that waits to be measured, for the first time or again. */
function waiting(
  known: SubmissionRow | undefined,
  { id, askedMs, sinceMs }: { id: string; askedMs: number; sinceMs: number },
) {
  const triesToday = known && known.asked_ms >= sinceMs ? known.tries : 0
  return {
    id: known?.id ?? id,
    tries: triesToday + 1,
    state: 'queued' as const,
    error: null,
    blocks_json: null,
    released_json: null,
    evaluated_as: null,
    asked_ms: askedMs,
    created_ms: known?.created_ms ?? askedMs,
    finished_ms: null,
  }
}

/** What the caller has submitted, for whomever, newest first. */
export async function listOwnSubmissions(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, name, limit }: Caller & { name: string; limit: number },
): Promise<Submission[]> {
  requirePermission(actor, 'view', projectId)
  const { id: benchmarkId } = await getBenchmarkRow(db.read, projectId, name)
  return (await listSubmissions(db.read, { benchmarkId, actorId: actor.id, limit })).map(toSubmission)
}

/** When the day of a moment began, in UTC. */
function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS) * DAY_MS
}

async function requireRoom(
  trx: Trx,
  { id: benchmarkId, name, state, daily_limit: limit }: BenchmarkRow,
  { participant, sinceMs }: { participant: string; sinceMs: number },
): Promise<void> {
  if (state !== 'open')
    throw new AppError('conflict', `The benchmark ${name} is ${state}: it takes submissions while it is open`)
  if ((await countTriesSince(trx, { benchmarkId, participant, sinceMs })) < limit) return
  throw new AppError(
    'denied',
    `${limit} submissions a day may be made to ${name}; the next day begins at 00:00 UTC`,
    {
      details: { dailyLimit: limit, nextMs: sinceMs + DAY_MS },
    },
  )
}

async function contentOf(
  context: Pick<Context, 'db' | 'artifacts'>,
  caller: Caller,
  definition: BenchmarkDefinition,
  submitted: Submitted,
): Promise<Content> {
  if ('model' in submitted) return await modelContent(context, caller, definition, submitted)
  if (definition.id === undefined)
    throw new AppError('invalid', 'This benchmark names no id column, so that only models can be submitted')
  const blob = await getUpload(context, { projectId: caller.projectId, id: submitted.upload })
  return {
    label: submitted.label,
    model_version_id: null,
    predictions_sha256: blob.sha256,
    predictions_format: submitted.format,
    content_sha256: hashJson({ predictions: blob.sha256, format: submitted.format }),
    blob,
  }
}

async function modelContent(
  context: Pick<Context, 'db'>,
  caller: Caller,
  { task }: BenchmarkDefinition,
  { model, version: number }: { model: string; version: number },
): Promise<Content> {
  const version = await getModelVersion(context, { ...caller, model, version: number })
  const label = `${model}/${number}`
  if (version.onnxSha256 === undefined)
    throw new AppError('invalid', `${label} has no ONNX graph: submit a file of its predictions instead`)
  if (version.task !== undefined && version.task !== task)
    throw new AppError('invalid', `${label} is a ${version.task} model; the benchmark is ${task}`)
  return {
    label,
    model_version_id: version.id,
    predictions_sha256: null,
    predictions_format: null,
    content_sha256: hashJson({ onnx: version.onnxSha256, features: version.signature?.features ?? null }),
  }
}
