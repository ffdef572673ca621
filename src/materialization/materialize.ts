import { setTimeout as pause } from 'node:timers/promises'
import {
  compareVersions,
  getDataset,
  getVersion,
  holdVersion,
  latestVersion,
  versionScan,
} from '../data/data.ts'
import type { DatasetVersion } from '../data/schema.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { monotonicMs } from '../kernel/clock.ts'
import { AppError } from '../kernel/errors.ts'
import type { OnlineClaim } from '../ports/online/online.ts'
import { isKept } from './due.ts'
import { onlineRows, type WrittenRows } from './online-rows.ts'
import { openOnlineSource, type Computation } from './online-source.ts'
import { onlineView, type ViewSpec } from '../features/schema.ts'
import { findMaterialization, upsertMaterialization } from './store.ts'
import { findView } from '../features/features.ts'
import type { FeatureMaterializationRow } from './tables.ts'

type MaterializeContext = Pick<
  Context,
  'db' | 'artifacts' | 'analytics' | 'online' | 'clock' | 'ids' | 'config' | 'log'
>

export interface Materialize {
  projectId: string
  view: string
  definitionHash: string
  untilMs: number
  /** Computes every row anew, whatever the store has. */
  complete?: boolean
  /** Computes and writes the rows from here on again, whatever the store has. */
  fromMs?: number | undefined
  /** Ends the process of a row function. */
  signal?: AbortSignal
}

export interface Materialized {
  untilMs: number
  /** Keys whose row was written. */
  rows: number
  /** True when every row of the view was computed anew. */
  complete: boolean
}

const CLAIM_WAIT_MS = 30_000
const CLAIM_POLL_MS = 100
const LOOK_AGAIN_MS = 60_000

/**
 * Brings a view's values in the online store up to the moment `untilMs`, from the dataset's latest version. Only rows
 * that became known since the last time, or that parts of the dataset that are new since then can have changed, are
 * computed; everything, when parts are gone or changed, or the store does not have what was written last. One process
 * at a time does it for a view. Idempotent: a crash at any point is healed by running it again.
 */
export async function materialize(context: MaterializeContext, input: Materialize): Promise<Materialized> {
  const { db } = context
  const { projectId, untilMs } = input
  const stored = await findView(db.read, projectId, input.view, input.definitionHash)
  if (!stored) throw new AppError('not_found', `There is no feature view ${input.view} of this definition`)
  const { spec, codeSnapshot } = stored
  await using claim = await claimView(context, onlineView(projectId, spec))
  const version = await latestVersion(context, { projectId, dataset: spec.dataset })
  if (!version) return { untilMs, rows: 0, complete: false }
  const before = await findMaterialization(db.read, projectId, spec)
  const anew = input.complete === true || !isKept(claim.marks, before?.online_mark ?? null)
  const affectedMs = anew ? -Infinity : await firstAffected(context, before, version, untilMs)
  const fromMs = Math.min(affectedMs, input.fromMs ?? Infinity)
  if (fromMs === Infinity) return { untilMs: before!.cursor_ms, rows: 0, complete: false }
  const span = { fromMs, untilMs: Math.max(untilMs, before?.cursor_ms ?? untilMs) }
  const computation = { spec, codeSnapshot, signal: input.signal }
  const written = await writeRows(context, claim, { ...computation, projectId, version, ...span })
  const mark = context.ids.uuid()
  await claim.finish(mark)
  await moveCursor(context, { spec, version, before, untilMs: span.untilMs, mark, ...written })
  return { untilMs: span.untilMs, rows: written.rows, complete: fromMs === -Infinity }
}

/** Waits while another process materialises the view: what is left to do afterwards may be nothing. */
async function claimView({ online }: Pick<Context, 'online'>, view: string): Promise<OnlineClaim> {
  const started = monotonicMs()
  for (;;) {
    const claim = await online.claim(view)
    if (claim !== undefined) return claim
    if (monotonicMs() - started > CLAIM_WAIT_MS)
      throw new AppError('conflict', `Another process materialises ${view} and has not ended yet`)
    await pause(CLAIM_POLL_MS)
  }
}

/** Throws `conflict` when another process moved it meanwhile: then that one's claim was later, and its values are newer. */
async function moveCursor(
  { db, clock }: MaterializeContext,
  done: WrittenRows & {
    spec: ViewSpec
    version: DatasetVersion
    before: FeatureMaterializationRow | undefined
    untilMs: number
    mark: string
  },
): Promise<void> {
  const { spec, version, before, untilMs, rows, nextMs } = done
  const { projectId } = version
  const newest = Math.max(done.newestMs, before?.newest_event_ms ?? -Infinity)
  await db.write(async (trx) => {
    const now = await findMaterialization(trx, projectId, spec)
    if (now?.cursor_ms !== before?.cursor_ms || now?.online_mark !== before?.online_mark)
      throw new AppError('conflict', `Another process has materialised ${spec.view} meanwhile`)
    // The version was the latest when it was looked up; retention may have taken it since.
    if (!(await holdVersion(trx, version.id)))
      throw new AppError('conflict', `Retention took ${version.dataset}@${version.number} meanwhile`)
    await upsertMaterialization(trx, {
      project_id: projectId,
      view: spec.view,
      definition_hash: spec.definitionHash,
      cursor_ms: untilMs,
      dataset_version_id: version.id,
      rows,
      newest_event_ms: Number.isFinite(newest) ? newest : null,
      next_event_ms: nextMs,
      online_mark: done.mark,
      updated_ms: clock.now(),
      created_ms: before?.created_ms ?? clock.now(),
    })
    await appendEvent(trx, {
      projectId,
      kind: 'features.materialized',
      payload: { view: spec.view, untilMs, rows },
      atMs: clock.now(),
    })
  })
}

/** The earliest moment at which a value can differ from the stored one; Infinity when none can. */
async function firstAffected(
  context: MaterializeContext,
  before: FeatureMaterializationRow | undefined,
  version: DatasetVersion,
  untilMs: number,
): Promise<number> {
  if (!before) return -Infinity
  if (before.dataset_version_id === version.id)
    return untilMs > before.cursor_ms ? before.cursor_ms : Infinity
  const old = await getVersion(context, { projectId: version.projectId, id: before.dataset_version_id })
  const { added, onlyAdded } = await compareVersions(context, old, version)
  if (!onlyAdded) return -Infinity
  return added.reduce(
    (earliest, { minTimeMs }) => Math.min(earliest, minTimeMs ?? -Infinity),
    before.cursor_ms,
  )
}

/** Writes the newest row of each key, a piece in memory at a time. */
async function writeRows(
  context: MaterializeContext,
  claim: OnlineClaim,
  input: Computation & { projectId: string; version: DatasetVersion; fromMs: number; untilMs: number },
): Promise<WrittenRows> {
  const { projectId, spec, version, fromMs, untilMs } = input
  const { definition } = await getDataset(context, { projectId, name: spec.dataset })
  const whole = spec.lookbackMs === null || definition.time === undefined
  const scan = await versionScan(
    context,
    version,
    whole ? {} : { fromMs: fromMs - spec.lookbackMs!, untilMs },
  )
  // A few parts cost more to share between threads than to read.
  const isIncrement = !whole && fromMs !== -Infinity
  await using session = await context.analytics.session(isIncrement ? { threads: 1 } : {})
  await using source = await openOnlineSource(context, input, scan)
  const span = { source: source.sql, fromMs, untilMs }
  const written = await onlineRows(session, spec, span, async (pieces) => {
    if (fromMs === -Infinity) await claim.replace(pieces)
    else for await (const rows of pieces) await claim.write(rows)
  })
  // Rows of a later time were not read: look again soon.
  const later = !whole && (version.maxTimeMs ?? -Infinity) > untilMs ? untilMs + LOOK_AGAIN_MS : Infinity
  const nextMs = Math.min(later, written.nextMs ?? Infinity)
  return { ...written, nextMs: nextMs === Infinity ? null : nextMs }
}
