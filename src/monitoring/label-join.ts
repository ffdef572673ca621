import type { Context } from '../http/context.ts'
import { fence, type Job } from '../jobs/jobs.ts'
import { AppError } from '../kernel/errors.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { addRolloutCounts, getRollout, listDeployments } from '../rollout/rollout.ts'
import type { Rollout } from '../rollout/schema.ts'
import { findSegment, listRolledSegments, readFeedbackSegment } from '../prediction-log/prediction-log.ts'
import { effectsOf, type LabelEffects, type LabelledRow } from './label-effects.ts'
import { matchLabels, storeJoined, type ArrivedLabel } from './label-match.ts'
import { toArrived, toPending } from './pending-label.ts'
import {
  addLabelDelays,
  deletePendingLabels,
  hasLabelJoin,
  insertLabelJoin,
  insertPendingLabels,
  labelJoinVersion,
  listJoinBlobs,
  listPendingLabels,
  takeJoinTurn,
} from './store-labels.ts'
import type { LabelPendingRow } from './tables.ts'
import { VersionFacts } from './version-facts.ts'
import { addToWindows } from './windows.ts'

type JoinContext = Pick<Context, 'db' | 'artifacts' | 'analytics' | 'clock'>

const DEFAULT_HORIZON_MS = 30 * DAY_MS
const TRIES = 20

/**
 * Joins the labels of a feedback segment with their predictions, once for each segment. After a prediction segment has come
 * (`waiting`) these are the labels that wait, and those that its shadows have missed: a shadow is logged after its answer, and the
 * label may be joined in between. Joins of a project commit one after another: each sees the labels of those before it.
 */
export async function joinLabels(
  context: JoinContext,
  job: Job,
  { segmentId, waiting }: { segmentId: string; waiting: boolean },
): Promise<void> {
  for (let attempt = 0; attempt < TRIES; attempt++)
    if (await tryJoin(context, job, { segmentId, waiting })) return
  throw new AppError('conflict', 'Other label joins were quicker each time; this one will be tried again')
}

async function tryJoin(
  context: JoinContext,
  job: Job,
  { segmentId, waiting }: { segmentId: string; waiting: boolean },
): Promise<boolean> {
  const { db } = context
  const { projectId } = job
  if (await hasLabelJoin(db.read, segmentId)) return true
  const version = await labelJoinVersion(db.read, projectId)
  const stored = await findSegment(db.read, segmentId)
  if (!stored) throw new AppError('not_found', `There is no segment ${segmentId}`)
  const pending = waiting ? await listPendingLabels(db.read, projectId) : []
  const labels = waiting ? pending.map(toArrived) : await labelsOf(context, stored)
  const late = waiting ? lateShadowsOf(stored) : undefined
  const versions = new VersionFacts(context, projectId)
  const { span, segments, rows, found } = await match(context, projectId, { labels, late, versions })
  const effects = effectsOf(rows, {
    scoredBy: (row) => versions.of(row),
    armOf: await armsOf(context, projectId, rows),
  })
  const blob = effects.rows.length > 0 ? await storeJoined(context, effects.rows) : undefined
  const left = labels.filter(({ feedbackId }) => !found.has(feedbackId))
  return commit(context, job, { stored, waiting, version, effects, blob, left, pending, span, segments })
}

/** Looks where the declared horizons say that the predictions are; for labels that are later than declared, further back. */
async function match(context: JoinContext, projectId: string, arrived: Arrived) {
  const declaredMs = await labelHorizonMs(context, projectId)
  const near = await matchWithin(context, projectId, arrived, declaredMs)
  if (declaredMs >= DEFAULT_HORIZON_MS || near.found.size === arrived.labels.length) return near
  return matchWithin(context, projectId, arrived, DEFAULT_HORIZON_MS)
}

async function matchWithin(
  context: JoinContext,
  projectId: string,
  { labels, late, versions }: Arrived,
  horizonMs: number,
) {
  const span = spanOf(labels, horizonMs)
  const segments = await predictionSegments(context, projectId, span)
  // An earlier label of the same prediction may have come at any time since.
  const since = [
    ...(labels.length > 0 ? [spanOf(labels, DEFAULT_HORIZON_MS).fromMs] : []),
    ...(late === undefined ? [] : [late.fromMs]),
  ]
  const joined =
    since.length === 0 ? [] : await listJoinBlobs(context.db.read, { projectId, fromMs: Math.min(...since) })
  const matched = await matchLabels(context.analytics, {
    labels,
    predictions: await Promise.all(segments.map(({ sha256 }) => context.artifacts.localPath(sha256))),
    joined: await Promise.all(joined.map((sha256) => context.artifacts.localPath(sha256))),
    lateShadows: late && (await context.artifacts.localPath(late.sha256)),
    classOutputs: (made) => versions.load(made),
  })
  return { span, segments, ...matched }
}

interface Arrived {
  labels: readonly ArrivedLabel[]
  late: LateShadows | undefined
  versions: VersionFacts
}
/** A prediction segment whose shadows may have missed a label. */
interface LateShadows {
  sha256: string
  fromMs: number
}
type StoredSegment = NonNullable<Awaited<ReturnType<typeof findSegment>>>
interface Segment {
  id: string
  sha256: string
}
interface Span {
  fromMs: number
  toMs: number
}

async function commit(
  { db, clock }: JoinContext,
  job: Job,
  made: {
    stored: StoredSegment
    waiting: boolean
    version: number
    effects: LabelEffects
    blob: StoredBlob | undefined
    left: readonly ArrivedLabel[]
    pending: readonly LabelPendingRow[]
    span: Span
    segments: readonly Segment[]
  },
): Promise<boolean> {
  const { projectId } = job
  const { effects, blob, left, span } = made
  const nowMs = await db.wallTime()
  const alive = left.filter(({ labelTimeMs }) => labelTimeMs > clock.now() - 2 * (span.toMs - span.fromMs))
  return db.write(async (trx) => {
    await fence(trx, job)
    if (!(await takeJoinTurn(trx, { projectId, version: made.version }))) return false
    const now = await listRolledSegments(trx, { projectId, kind: 'prediction', ...span })
    // Rows that were erased meanwhile must not come back.
    const { sha256, segment_id: segmentId } = made.stored
    if ((await findSegment(trx, segmentId))?.sha256 !== sha256 || isAnyErased(made.segments, now))
      return false
    // A segment that was rolled meanwhile may hold what was not found.
    if (left.length > 0 && now.length !== made.segments.length) return false
    const times = effects.rows.map(({ timeMs }) => timeMs)
    await insertLabelJoin(trx, {
      segment_id: made.stored.segment_id,
      project_id: projectId,
      parquet_sha256: blob?.sha256 ?? null,
      matched: effects.rows.length,
      revised: effects.revised,
      pending: alive.length,
      from_ms: times.length > 0 ? times.reduce((a, b) => Math.min(a, b)) : null,
      to_ms: times.length > 0 ? times.reduce((a, b) => Math.max(a, b)) : null,
      created_ms: nowMs,
    })
    if (blob) await recordBlob(trx, { projectId, blob, nowMs })
    await addToWindows(trx, { projectId, additions: effects.windows })
    await addRolloutCounts(trx, { projectId, counts: effects.counts })
    for (const delay of effects.delays.values()) await addLabelDelays(trx, { projectId, ...delay })
    if (made.waiting) {
      const stay = new Set(alive.map(({ feedbackId }) => feedbackId))
      const gone = made.pending.map((row) => row.feedback_id).filter((id) => !stay.has(id))
      await deletePendingLabels(trx, { projectId, feedbackIds: gone })
    } else {
      await insertPendingLabels(
        trx,
        alive.map((label) => toPending(label, projectId, made.stored.segment_id)),
      )
    }
    return true
  })
}

function isAnyErased(read: readonly Segment[], now: Awaited<ReturnType<typeof listRolledSegments>>): boolean {
  const stored = new Map(now.map(({ segment_id, parquet_sha256 }) => [segment_id, parquet_sha256]))
  return read.some(({ id, sha256 }) => stored.get(id) !== sha256)
}

async function labelsOf({ artifacts }: JoinContext, stored: StoredSegment): Promise<ArrivedLabel[]> {
  const { items } = readFeedbackSegment(await artifacts.bytes(stored.sha256))
  return items
    .filter((item) => item.has_label)
    .map((item) => ({
      feedbackId: item.feedback_id,
      predictionId: item.prediction_id,
      requestId: item.request_id,
      rowIndex: item.row_index,
      label: item.label,
      labelTimeMs: item.label_time_ms,
      receivedMs: item.received_ms,
      revision: item.revision,
    }))
}

function lateShadowsOf({ parquet_sha256: sha256, from_ms: fromMs }: StoredSegment): LateShadows | undefined {
  return sha256 === null ? undefined : { sha256, fromMs }
}

/** The longest declared horizon; the default where a deployment declares none. */
async function labelHorizonMs({ db }: JoinContext, projectId: string): Promise<number> {
  const deployments = await listDeployments(db.read, projectId)
  const declared = deployments.map(({ definition }) => definition.label?.horizonMs ?? DEFAULT_HORIZON_MS)
  return declared.length === 0 ? DEFAULT_HORIZON_MS : Math.max(...declared)
}

/** Times of the predictions that the labels can belong to. */
function spanOf(labels: readonly ArrivedLabel[], horizonMs: number): Span {
  if (labels.length === 0) return { fromMs: 0, toMs: 0 }
  let [fromMs, toMs] = [Infinity, -Infinity]
  for (const { labelTimeMs, receivedMs } of labels) {
    fromMs = Math.min(fromMs, labelTimeMs)
    toMs = Math.max(toMs, labelTimeMs, receivedMs)
  }
  return { fromMs: fromMs - horizonMs, toMs: toMs + 1 }
}

async function predictionSegments({ db }: JoinContext, projectId: string, span: Span): Promise<Segment[]> {
  if (span.toMs === 0) return []
  const segments = await listRolledSegments(db.read, { projectId, kind: 'prediction', ...span })
  return segments.flatMap(({ segment_id, parquet_sha256 }) =>
    parquet_sha256 === null ? [] : [{ id: segment_id, sha256: parquet_sha256 }],
  )
}

/**
 * The arm of its rollout that a row counts for. Rows that the policy answered stay in the arm they were assigned to, or a candidate whose
 * features are often stale would be judged on the others alone; a row that was not assigned counts for none.
 */
async function armsOf(
  { db }: JoinContext,
  projectId: string,
  rows: readonly LabelledRow[],
): Promise<(row: LabelledRow) => string | null> {
  const rollouts = new Map<string, Rollout>()
  for (const id of new Set(rows.flatMap(({ rolloutId }) => rolloutId ?? [])))
    rollouts.set(id, await getRollout(db.read, { projectId, id }))
  return ({ variant, rolloutId, version, bucket, stage }) => {
    if (rolloutId === null || stage === null || bucket === null) return null
    if (variant !== 'fallback') return variant
    const { candidate, plan } = rollouts.get(rolloutId)!
    const isCandidate = candidate.version === version && bucket < (plan.stages[stage]?.weight ?? 0)
    return isCandidate ? 'canary' : 'stable'
  }
}
