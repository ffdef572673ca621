import type { Queryable, Trx } from '../ports/db/db.ts'
import type { ProfileWindow, WindowTotals } from './schema.ts'
import type { MonitoredSegmentRow, ProfileWindowRow } from './tables.ts'

/** False when the segment's counts are in already. */
export async function insertMonitoredSegment(trx: Trx, row: MonitoredSegmentRow): Promise<boolean> {
  const inserted = await trx
    .insertInto('monitored_segment')
    .values(row)
    .onConflict((conflict) => conflict.column('segment_id').doNothing())
    .returning('segment_id')
    .executeTakeFirst()
  return inserted !== undefined
}

export async function isMonitored(at: Queryable, segmentId: string): Promise<boolean> {
  const row = await at
    .selectFrom('monitored_segment')
    .select('segment_id')
    .where('segment_id', '=', segmentId)
    .executeTakeFirst()
  return row !== undefined
}

export type WindowKey = Pick<
  ProfileWindowRow,
  'project_id' | 'deployment' | 'version' | 'variant' | 'slice' | 'grain' | 'start_ms'
>

export async function findWindow(at: Queryable, key: WindowKey): Promise<ProfileWindowRow | undefined> {
  return at
    .selectFrom('profile_window')
    .selectAll()
    .where('project_id', '=', key.project_id)
    .where('deployment', '=', key.deployment)
    .where('version', '=', key.version)
    .where('variant', '=', key.variant)
    .where('slice', '=', key.slice)
    .where('grain', '=', key.grain)
    .where('start_ms', '=', key.start_ms)
    .executeTakeFirst()
}

export async function upsertWindow(trx: Trx, row: ProfileWindowRow): Promise<void> {
  const { layout_sha256, rows, labelled, label_sum, loss_sum, revision, profile } = row
  await trx
    .insertInto('profile_window')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['project_id', 'deployment', 'version', 'variant', 'slice', 'grain', 'start_ms'])
        .doUpdateSet({ layout_sha256, rows, labelled, label_sum, loss_sum, revision, profile }),
    )
    .execute()
}

interface WindowFilter {
  projectId: string
  deployment: string
  grain: 'hour' | 'day'
  fromMs: number
  toMs: number
}

/** Of all variants, in order of time. */
function windowsIn(at: Queryable, filter: WindowFilter) {
  return at
    .selectFrom('profile_window')
    .where('project_id', '=', filter.projectId)
    .where('deployment', '=', filter.deployment)
    .where('grain', '=', filter.grain)
    .where('slice', '=', 'all')
    .where('start_ms', '>=', filter.fromMs)
    .where('start_ms', '<', filter.toMs)
    .orderBy('start_ms')
}

/** Windows of all variants without their profiles, in order of time. */
export async function listWindowTotals(at: Queryable, filter: WindowFilter): Promise<WindowTotals[]> {
  const rows = await windowsIn(at, filter)
    .select([
      'deployment',
      'version',
      'variant',
      'start_ms',
      'rows',
      'labelled',
      'label_sum',
      'loss_sum',
      'revision',
      'layout_sha256',
    ])
    .execute()
  return rows.map(toTotals)
}

export async function listWindows(at: Queryable, filter: WindowFilter): Promise<ProfileWindow[]> {
  const rows = await windowsIn(at, filter).selectAll().execute()
  return rows.map((row) => ({ ...toTotals(row), profile: row.profile }))
}

export interface HealthKey {
  projectId: string
  deployment: string
  version: number
  source: string
  hourMs: number
}

/** Adds rows by entity to one hour. Call it in a transaction that holds the segment. */
export async function addEntityHealth(
  trx: Trx,
  { projectId, deployment, version, source, hourMs }: HealthKey,
  added: ReadonlyMap<string, number>,
): Promise<void> {
  const known = await trx
    .selectFrom('entity_health')
    .select(['cells_json', 'revision'])
    .where('project_id', '=', projectId)
    .where('deployment', '=', deployment)
    .where('version', '=', version)
    .where('source', '=', source)
    .where('hour_ms', '=', hourMs)
    .executeTakeFirst()
  const cells = known ? (JSON.parse(known.cells_json) as Record<string, number>) : {}
  for (const [entity, rows] of added) cells[entity] = (cells[entity] ?? 0) + rows
  const changed = { cells_json: JSON.stringify(cells), revision: (known?.revision ?? 0) + 1 }
  await trx
    .insertInto('entity_health')
    .values({ project_id: projectId, deployment, version, source, hour_ms: hourMs, ...changed })
    .onConflict((conflict) =>
      conflict.columns(['project_id', 'deployment', 'version', 'source', 'hour_ms']).doUpdateSet(changed),
    )
    .execute()
}

export interface EntityHealth {
  source: string
  hourMs: number
  revision: number
  cells: Record<string, number>
}

export async function listEntityHealth(
  at: Queryable,
  filter: { projectId: string; deployment: string; version: number; fromMs: number; toMs: number },
): Promise<EntityHealth[]> {
  const rows = await at
    .selectFrom('entity_health')
    .selectAll()
    .where('project_id', '=', filter.projectId)
    .where('deployment', '=', filter.deployment)
    .where('version', '=', filter.version)
    .where('hour_ms', '>=', filter.fromMs)
    .where('hour_ms', '<', filter.toMs)
    .orderBy('hour_ms')
    .execute()
  return rows.map((row) => ({
    source: row.source,
    hourMs: row.hour_ms,
    revision: row.revision,
    cells: JSON.parse(row.cells_json) as Record<string, number>,
  }))
}

/** The revision of each hour: the sum over its sources. */
export async function listHealthRevisions(
  at: Queryable,
  filter: { projectId: string; deployment: string; version: number; fromMs: number },
): Promise<Map<number, number>> {
  const rows = await at
    .selectFrom('entity_health')
    .select((eb) => ['hour_ms', eb.fn.sum('revision').as('revision')])
    .where('project_id', '=', filter.projectId)
    .where('deployment', '=', filter.deployment)
    .where('version', '=', filter.version)
    .where('hour_ms', '>=', filter.fromMs)
    .groupBy('hour_ms')
    .orderBy('hour_ms')
    .execute()
  return new Map(rows.map((row) => [row.hour_ms, Number(row.revision)]))
}

function toTotals(row: Omit<ProfileWindowRow, 'profile' | 'slice' | 'grain' | 'project_id'>): WindowTotals {
  return {
    deployment: row.deployment,
    version: row.version,
    variant: row.variant,
    startMs: row.start_ms,
    rows: row.rows,
    labelled: row.labelled,
    labelSum: row.label_sum,
    lossSum: row.loss_sum,
    revision: row.revision,
    layoutSha256: row.layout_sha256,
  }
}
