import type { Queryable, Trx } from '../ports/db/db.ts'
import type { LogSegmentRow } from './tables.ts'

/** Inserts a segment unless it is registered already. */
export async function insertSegment(trx: Trx, row: LogSegmentRow): Promise<boolean> {
  const inserted = await trx
    .insertInto('log_segment')
    .values(row)
    .onConflict((conflict) => conflict.column('segment_id').doNothing())
    .returning('segment_id')
    .executeTakeFirst()
  return inserted !== undefined
}

export async function findSegment(at: Queryable, segmentId: string): Promise<LogSegmentRow | undefined> {
  return await at.selectFrom('log_segment').selectAll().where('segment_id', '=', segmentId).executeTakeFirst()
}

/** Segments of a kind in the order of their ids. */
export async function listSegments(
  at: Queryable,
  {
    projectId,
    kind,
    after,
    limit,
  }: Pick<LogSegmentRow, 'kind'> & { projectId: string; after: string; limit: number },
): Promise<LogSegmentRow[]> {
  return await at
    .selectFrom('log_segment')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('kind', '=', kind)
    .where('segment_id', '>', after)
    .orderBy('segment_id')
    .limit(limit)
    .execute()
}

/** Gives a segment other content. False when it is no longer what it was. */
export async function updateSegment(
  trx: Trx,
  { segment_id, sha256, state }: LogSegmentRow,
  content: Pick<LogSegmentRow, 'sha256' | 'size_bytes' | 'rows' | 'parquet_sha256'>,
): Promise<boolean> {
  const updated = await trx
    .updateTable('log_segment')
    .set(content)
    .where('segment_id', '=', segment_id)
    .where('sha256', '=', sha256)
    .where('state', '=', state)
    .returning('segment_id')
    .executeTakeFirst()
  return updated !== undefined
}

/** Marks a segment rolled. Returns false when it was already, or has other content since. */
export async function markRolled(
  trx: Trx,
  {
    segmentId,
    sha256,
    parquetSha256,
    nowMs,
  }: { segmentId: string; sha256: string; parquetSha256: string; nowMs: number },
): Promise<boolean> {
  const updated = await trx
    .updateTable('log_segment')
    .set({ state: 'rolled', parquet_sha256: parquetSha256, rolled_ms: nowMs })
    .where('segment_id', '=', segmentId)
    .where('state', '=', 'closed')
    .where('sha256', '=', sha256)
    .returning('segment_id')
    .executeTakeFirst()
  return updated !== undefined
}

export interface SegmentWindow {
  projectId: string
  kind: 'prediction' | 'feedback'
  fromMs: number
  toMs: number
}

/** Rolled segments with rows in `[fromMs, toMs)`, in order of registration. */
export async function listRolledSegments(
  at: Queryable,
  { projectId, kind, fromMs, toMs }: SegmentWindow,
): Promise<Pick<LogSegmentRow, 'segment_id' | 'parquet_sha256' | 'deployments_json'>[]> {
  return await at
    .selectFrom('log_segment')
    .select(['segment_id', 'parquet_sha256', 'deployments_json'])
    .where('project_id', '=', projectId)
    .where('kind', '=', kind)
    .where('state', '=', 'rolled')
    .where('to_ms', '>=', fromMs)
    .where('from_ms', '<', toMs)
    .orderBy('created_ms')
    .orderBy('segment_id')
    .execute()
}

/** Every blob that the prediction log refers to, for garbage collection. */
export async function referencedBlobs(at: Queryable): Promise<string[]> {
  const rows = await at.selectFrom('log_segment').select(['sha256', 'parquet_sha256']).execute()
  return rows.flatMap((row) =>
    row.parquet_sha256 === null ? [row.sha256] : [row.sha256, row.parquet_sha256],
  )
}
