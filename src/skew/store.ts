import type { Queryable, Trx } from '../ports/db/db.ts'
import type { SkewCounts, SkewExample, SkewHour } from './schema.ts'
import type { SkewCountRow, SkewWindowRow } from './tables.ts'

interface WindowKey {
  projectId: string
  deployment: string
  model: string
  version: number
}

/** Hours of a version that were checked, from a time on. */
export async function listCheckedHours(
  at: Queryable,
  key: WindowKey & { fromMs: number },
): Promise<Set<number>> {
  const rows = await at
    .selectFrom('skew_window')
    .select('start_ms')
    .where('project_id', '=', key.projectId)
    .where('deployment', '=', key.deployment)
    .where('model', '=', key.model)
    .where('version', '=', key.version)
    .where('start_ms', '>=', key.fromMs)
    .execute()
  return new Set(rows.map(({ start_ms }) => start_ms))
}

/** False when the hour was checked before. */
export async function insertWindow(trx: Trx, row: SkewWindowRow): Promise<boolean> {
  const inserted = await trx
    .insertInto('skew_window')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .returning('start_ms')
    .executeTakeFirst()
  return inserted !== undefined
}

export async function insertCounts(trx: Trx, rows: readonly SkewCountRow[]): Promise<void> {
  for (let start = 0; start < rows.length; start += 200)
    await trx
      .insertInto('skew_count')
      .values(rows.slice(start, start + 200))
      .execute()
}

export interface CountFilter {
  projectId: string
  deployment?: string | undefined
  model?: string | undefined
  version?: number | undefined
  source?: string | undefined
  /** Hours that start in [fromMs, toMs). */
  fromMs: number
  toMs: number
}

/** Sums over the hours of a span, by deployment, version and feature. */
export async function sumCounts(at: Queryable, filter: CountFilter): Promise<SkewCounts[]> {
  return await filtered(at, filter)
    .select((eb) => [
      'deployment',
      'model',
      'version',
      'feature',
      'source',
      eb.fn.sum<number>('checked').as('checked'),
      eb.fn.sum<number>('mismatched').as('mismatched'),
      eb.fn.sum<number>('late').as('late'),
      eb.fn.sum<number>('unchecked').as('unchecked'),
    ])
    .groupBy(['deployment', 'model', 'version', 'feature', 'source'])
    .orderBy('deployment')
    .orderBy('version')
    .orderBy('feature')
    .execute()
}

/** Each hour of each feature, newest first. */
export async function listHours(at: Queryable, filter: CountFilter & { limit: number }): Promise<SkewHour[]> {
  const rows = await filtered(at, filter)
    .selectAll()
    .orderBy('start_ms', 'desc')
    .orderBy('feature')
    .limit(filter.limit)
    .execute()
  return rows.map((row) => ({
    deployment: row.deployment,
    model: row.model,
    version: row.version,
    feature: row.feature,
    source: row.source,
    startMs: row.start_ms,
    checked: row.checked,
    mismatched: row.mismatched,
    late: row.late,
    unchecked: row.unchecked,
    examples: JSON.parse(row.examples_json) as SkewExample[],
  }))
}

function filtered(
  at: Queryable,
  { projectId, deployment, model, version, source, fromMs, toMs }: CountFilter,
) {
  return at
    .selectFrom('skew_count')
    .where('project_id', '=', projectId)
    .where('start_ms', '>=', fromMs)
    .where('start_ms', '<', toMs)
    .$if(deployment !== undefined, (query) => query.where('deployment', '=', deployment!))
    .$if(model !== undefined, (query) => query.where('model', '=', model!))
    .$if(version !== undefined, (query) => query.where('version', '=', version!))
    .$if(source !== undefined, (query) => query.where('source', '=', source!))
}

/** What could not be computed again lately, newest first. */
export async function listProblems(
  at: Queryable,
  { projectId, fromMs }: { projectId: string; fromMs: number },
): Promise<(WindowKey & { startMs: number; problem: string })[]> {
  const rows = await at
    .selectFrom('skew_window')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('start_ms', '>=', fromMs)
    .where('problem', 'is not', null)
    .orderBy('start_ms', 'desc')
    .limit(20)
    .execute()
  return rows.map((row) => ({
    projectId,
    deployment: row.deployment,
    model: row.model,
    version: row.version,
    startMs: row.start_ms,
    problem: row.problem!,
  }))
}
