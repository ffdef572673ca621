import type { Queryable, Trx } from '../ports/db/db.ts'
import type { DatasetFileRow } from './tables.ts'

export async function listFileRows(at: Queryable, datasetId: string): Promise<DatasetFileRow[]> {
  return await at.selectFrom('dataset_file').selectAll().where('dataset_id', '=', datasetId).execute()
}

export async function upsertFiles(trx: Trx, rows: readonly DatasetFileRow[]): Promise<void> {
  if (rows.length === 0) return
  await trx
    .insertInto('dataset_file')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['dataset_id', 'path']).doUpdateSet((eb) => ({
        size_bytes: eb.ref('excluded.size_bytes'),
        modified_ns: eb.ref('excluded.modified_ns'),
        tag: eb.ref('excluded.tag'),
        source_sha256: eb.ref('excluded.source_sha256'),
        created_ms: eb.ref('excluded.created_ms'),
      })),
    )
    .execute()
}

export async function deleteFiles(trx: Trx, datasetId: string, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return
  await trx
    .deleteFrom('dataset_file')
    .where('dataset_id', '=', datasetId)
    .where('path', 'in', paths)
    .execute()
}
