import { sql } from 'kysely'
import type { Queryable, Trx } from '../ports/db/db.ts'
import type { LabelJoinRow, LabelPendingRow } from './tables.ts'

/** The number of joins that the project has committed. */
export async function labelJoinVersion(at: Queryable, projectId: string): Promise<number> {
  const row = await at
    .selectFrom('label_join_state')
    .select('version')
    .where('project_id', '=', projectId)
    .executeTakeFirst()
  return row?.version ?? 0
}

/**
 * Until the transaction ends, no other one changes what is counted for the project: counts are read, added to and written back, and what
 * one has committed the next one sees.
 */
export async function lockCounts(trx: Trx, projectId: string): Promise<void> {
  await trx
    .insertInto('label_join_state')
    .values({ project_id: projectId, version: 0 })
    .onConflict((conflict) =>
      conflict.column('project_id').doUpdateSet({ version: sql`label_join_state.version` }),
    )
    .execute()
}

/** Takes the turn of the next join, and locks the counts. False when another one has committed since `version` was read. */
export async function takeJoinTurn(
  trx: Trx,
  { projectId, version }: { projectId: string; version: number },
): Promise<boolean> {
  await lockCounts(trx, projectId)
  const { numUpdatedRows } = await trx
    .updateTable('label_join_state')
    .set({ version: sql`version + 1` })
    .where('project_id', '=', projectId)
    .where('version', '=', version)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

export async function hasLabelJoin(at: Queryable, segmentId: string): Promise<boolean> {
  const row = await at
    .selectFrom('label_join')
    .select('segment_id')
    .where('segment_id', '=', segmentId)
    .executeTakeFirst()
  return row !== undefined
}

export async function insertLabelJoin(trx: Trx, row: LabelJoinRow): Promise<void> {
  await trx.insertInto('label_join').values(row).execute()
}

/** Joined rows of predictions from a time on: the blobs that a revision must look into. */
export async function listJoinBlobs(
  at: Queryable,
  { projectId, fromMs }: { projectId: string; fromMs: number },
): Promise<string[]> {
  const rows = await at
    .selectFrom('label_join')
    .select('parquet_sha256')
    .where('project_id', '=', projectId)
    .where('parquet_sha256', 'is not', null)
    .where('to_ms', '>=', fromMs)
    .orderBy('created_ms')
    .execute()
  return rows.flatMap((row) => row.parquet_sha256 ?? [])
}

export async function listPendingLabels(at: Queryable, projectId: string): Promise<LabelPendingRow[]> {
  return at.selectFrom('label_pending').selectAll().where('project_id', '=', projectId).execute()
}

export async function insertPendingLabels(trx: Trx, rows: readonly LabelPendingRow[]): Promise<void> {
  for (let start = 0; start < rows.length; start += 100) {
    await trx
      .insertInto('label_pending')
      .values(rows.slice(start, start + 100))
      .onConflict((conflict) => conflict.columns(['project_id', 'feedback_id']).doNothing())
      .execute()
  }
}

export async function deletePendingLabels(
  trx: Trx,
  { projectId, feedbackIds }: { projectId: string; feedbackIds: readonly string[] },
): Promise<void> {
  for (let start = 0; start < feedbackIds.length; start += 500) {
    await trx
      .deleteFrom('label_pending')
      .where('project_id', '=', projectId)
      .where('feedback_id', 'in', feedbackIds.slice(start, start + 500))
      .execute()
  }
}

export async function addLabelDelays(
  trx: Trx,
  {
    projectId,
    deployment,
    dayMs,
    counts,
  }: { projectId: string; deployment: string; dayMs: number; counts: readonly number[] },
): Promise<void> {
  const known = (await listLabelDelays(trx, { projectId, deployment, fromMs: dayMs, toMs: dayMs + 1 }))[0]
  const sum = counts.map((count, i) => count + (known?.counts[i] ?? 0))
  const counts_json = JSON.stringify(sum)
  await trx
    .insertInto('label_delay')
    .values({ project_id: projectId, deployment, day_ms: dayMs, counts_json })
    .onConflict((conflict) =>
      conflict.columns(['project_id', 'deployment', 'day_ms']).doUpdateSet({ counts_json }),
    )
    .execute()
}

export async function listLabelDelays(
  at: Queryable,
  filter: { projectId: string; deployment: string; fromMs: number; toMs: number },
): Promise<{ dayMs: number; counts: number[] }[]> {
  const rows = await at
    .selectFrom('label_delay')
    .selectAll()
    .where('project_id', '=', filter.projectId)
    .where('deployment', '=', filter.deployment)
    .where('day_ms', '>=', filter.fromMs)
    .where('day_ms', '<', filter.toMs)
    .orderBy('day_ms')
    .execute()
  return rows.map((row) => ({ dayMs: row.day_ms, counts: JSON.parse(row.counts_json) as number[] }))
}

/** Every blob of joined labels, for garbage collection. */
export async function referencedBlobs(at: Queryable): Promise<string[]> {
  const rows = await at
    .selectFrom('label_join')
    .select('parquet_sha256')
    .where('parquet_sha256', 'is not', null)
    .execute()
  return rows.flatMap((row) => row.parquet_sha256 ?? [])
}
