import { compareVersions, getDataset, getVersion, latestVersion, versionScan } from '../data/data.ts'
import type { DatasetVersion } from '../data/schema.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { AppError } from '../kernel/errors.ts'
import type { OnlineWrite } from '../ports/online/online.ts'
import { onlineRows } from './online-rows.ts'
import { onlineView, type ViewSpec } from './schema.ts'
import { findMaterialization, findView, upsertMaterialization } from './store.ts'
import type { FeatureMaterializationRow } from './tables.ts'

type MaterializeContext = Pick<Context, 'db' | 'artifacts' | 'analytics' | 'online' | 'clock'>

export interface Materialize {
  projectId: string
  view: string
  definitionHash: string
  untilMs: number
}

export interface Materialized {
  untilMs: number
  /** Keys whose row was written. */
  rows: number
  /** True when every row of the view was computed anew. */
  complete: boolean
}

const ATTEMPTS = 3
const LOOK_AGAIN_MS = 60_000

/**
 * Brings a view's values in the online store up to the moment `untilMs`, from the dataset's latest version. Only rows
 * that became known since the last time, or that parts of the dataset that are new since then can have changed, are
 * computed; everything, when parts are gone or changed. Idempotent: a crash at any point is healed by running it again.
 */
export async function materialize(context: MaterializeContext, input: Materialize): Promise<Materialized> {
  const { db } = context
  const { projectId, untilMs } = input
  const stored = await findView(db.read, projectId, input.view, input.definitionHash)
  if (!stored) throw new AppError('not_found', `There is no feature view ${input.view} of this definition`)
  const { spec } = stored
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const version = await latestVersion(context, { projectId, dataset: spec.dataset })
    if (!version) return { untilMs, rows: 0, complete: false }
    const before = await findMaterialization(db.read, projectId, spec)
    const fromMs = attempt > 1 ? -Infinity : await firstAffected(context, before, version, untilMs)
    if (fromMs === Infinity) return { untilMs: before!.cursor_ms, rows: 0, complete: false }
    const span = { fromMs, untilMs: Math.max(untilMs, before?.cursor_ms ?? untilMs) }
    const { rows, nextMs } = await computeRows(context, { projectId, spec, version, ...span })
    await store(context, onlineView(projectId, spec), rows, before !== undefined && fromMs === -Infinity)
    const done = { spec, version, before, untilMs: span.untilMs, rows, nextMs }
    if (await moveCursor(context, done))
      return { untilMs: span.untilMs, rows: rows.length, complete: fromMs === -Infinity }
  }
  throw new AppError('conflict', `Others materialise ${spec.view} at the same time`)
}

async function store(
  { online }: MaterializeContext,
  name: string,
  rows: OnlineWrite[],
  anew: boolean,
): Promise<void> {
  if (anew) await online.replace(name, rows)
  else await online.write(name, rows)
}

/** False when another process moved it meanwhile: what is stored may be either's, so all must be computed again. */
async function moveCursor(
  { db, clock }: MaterializeContext,
  done: {
    spec: ViewSpec
    version: DatasetVersion
    before: FeatureMaterializationRow | undefined
    untilMs: number
    rows: OnlineWrite[]
    nextMs: number | null
  },
): Promise<boolean> {
  const { spec, version, before, untilMs, rows, nextMs } = done
  const { projectId } = version
  const newest = rows.reduce(
    (latest, { eventMs }) => Math.max(latest, eventMs),
    before?.newest_event_ms ?? -Infinity,
  )
  return await db.write(async (trx) => {
    const now = await findMaterialization(trx, projectId, spec)
    if (now?.cursor_ms !== before?.cursor_ms || now?.dataset_version_id !== before?.dataset_version_id)
      return false
    await upsertMaterialization(trx, {
      project_id: projectId,
      view: spec.view,
      definition_hash: spec.definitionHash,
      cursor_ms: untilMs,
      dataset_version_id: version.id,
      rows: rows.length,
      newest_event_ms: Number.isFinite(newest) ? newest : null,
      next_event_ms: nextMs,
      updated_ms: clock.now(),
      created_ms: before?.created_ms ?? clock.now(),
    })
    await appendEvent(trx, {
      projectId,
      kind: 'features.materialized',
      payload: { view: spec.view, untilMs, rows: rows.length },
      atMs: clock.now(),
    })
    return true
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

/** The newest row of each key, and when there will be more to do without any new data. */
async function computeRows(
  context: MaterializeContext,
  input: { projectId: string; spec: ViewSpec; version: DatasetVersion; fromMs: number; untilMs: number },
): Promise<{ rows: OnlineWrite[]; nextMs: number | null }> {
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
  const { rows, nextMs: pendingMs } = await onlineRows(session, spec, scan, { fromMs, untilMs })
  // Rows of a later time were not read: look again soon.
  const later = !whole && (version.maxTimeMs ?? -Infinity) > untilMs ? untilMs + LOOK_AGAIN_MS : Infinity
  const nextMs = Math.min(later, pendingMs ?? Infinity)
  return { rows, nextMs: nextMs === Infinity ? null : nextMs }
}
