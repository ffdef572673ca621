import { sql } from 'kysely'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { isIn } from '../ports/db/dialect.ts'

/** Until the transaction ends no other one adds a version of the dataset or gives up its parts. */
export async function lockDataset(trx: Trx, datasetId: string): Promise<void> {
  await trx
    .updateTable('dataset')
    .set((eb) => ({ id: eb.ref('id') }))
    .where('id', '=', datasetId)
    .execute()
}

/** `lockDataset` for all of a project. */
export async function lockDatasets(trx: Trx, projectId: string): Promise<void> {
  await trx
    .updateTable('dataset')
    .set((eb) => ({ id: eb.ref('id') }))
    .where('project_id', '=', projectId)
    .execute()
}

/**
 * Call it in the transaction that first refers to a dataset version: retention cannot take the version any more. False when it has
 * taken it already, and the transaction must not refer to it.
 */
export async function holdVersion(trx: Trx, id: string): Promise<boolean> {
  const row = await trx
    .updateTable('dataset_version')
    .set((eb) => ({ id: eb.ref('id') }))
    .where('id', '=', id)
    .returning('deleted_ms')
    .executeTakeFirst()
  return row === undefined || row.deleted_ms === null
}

/** How many of these parts the dataset has. */
export async function countParts(
  at: Queryable,
  datasetId: string,
  hashes: readonly string[],
): Promise<number> {
  const row = await at
    .selectFrom('dataset_part')
    .select((eb) => eb.fn.count<number>('sha256').distinct().as('n'))
    .where('dataset_id', '=', datasetId)
    .where(isIn(at, sql.ref('sha256'), hashes))
    .executeTakeFirstOrThrow()
  return row.n
}

export interface OldVersion {
  id: string
  number: number
  rows: number
  size_bytes: number
  created_ms: number
}

/** Versions that still have their rows, but for the newest `newest` of all, made before `beforeMs`; the oldest first. */
export async function listOldVersions(
  at: Queryable,
  datasetId: string,
  { newest, beforeMs }: { newest: number; beforeMs: number },
): Promise<OldVersion[]> {
  return await at
    .selectFrom('dataset_version')
    .select(['id', 'number', 'rows', 'size_bytes', 'created_ms'])
    .where('dataset_id', '=', datasetId)
    .where('deleted_ms', 'is', null)
    .where('created_ms', '<', beforeMs)
    .where(
      'number',
      '<=',
      sql<number>`(select max(v.number) from dataset_version v where v.dataset_id = ${datasetId}) - ${newest}`,
    )
    .orderBy('number')
    .execute()
}

/** Marks versions as deleted, and locks their rows. Returns those that were not yet. */
export async function updateDeleted(
  trx: Trx,
  ids: readonly string[],
  { atMs, why }: { atMs: number; why: string },
): Promise<string[]> {
  const rows = await trx
    .updateTable('dataset_version')
    .set({ deleted_ms: atMs, deleted_why: why })
    .where(isIn(trx, sql.ref('id'), ids))
    .where('deleted_ms', 'is', null)
    .returning('id')
    .execute()
  return rows.map(({ id }) => id)
}

export async function updateRestored(trx: Trx, ids: readonly string[]): Promise<void> {
  await trx
    .updateTable('dataset_version')
    .set({ deleted_ms: null, deleted_why: null })
    .where(isIn(trx, sql.ref('id'), ids))
    .execute()
}

/** Datasets with deleted versions whose parts have not been given up. */
export async function listUnreleased(at: Queryable, projectId: string): Promise<string[]> {
  const rows = await at
    .selectFrom('dataset_version')
    .select('dataset_id')
    .distinct()
    .where('project_id', '=', projectId)
    .where('deleted_ms', 'is not', null)
    .where('released_ms', 'is', null)
    .execute()
  return rows.map(({ dataset_id }) => dataset_id)
}

export async function listKept(
  at: Queryable,
  datasetId: string,
): Promise<{ id: string; manifest_sha256: string }[]> {
  return await at
    .selectFrom('dataset_version')
    .select(['id', 'manifest_sha256'])
    .where('dataset_id', '=', datasetId)
    .where('deleted_ms', 'is', null)
    .orderBy('number')
    .execute()
}

export async function listPartHashes(at: Queryable, datasetId: string): Promise<string[]> {
  const rows = await at
    .selectFrom('dataset_part')
    .select('sha256')
    .distinct()
    .where('dataset_id', '=', datasetId)
    .execute()
  return rows.map(({ sha256 }) => sha256)
}

export async function deleteParts(trx: Trx, datasetId: string, hashes: readonly string[]): Promise<void> {
  await trx
    .deleteFrom('dataset_part')
    .where('dataset_id', '=', datasetId)
    .where(isIn(trx, sql.ref('sha256'), hashes))
    .execute()
}

export async function updateReleased(trx: Trx, datasetId: string, atMs: number): Promise<void> {
  await trx
    .updateTable('dataset_version')
    .set({ released_ms: atMs })
    .where('dataset_id', '=', datasetId)
    .where('deleted_ms', 'is not', null)
    .where('released_ms', 'is', null)
    .execute()
}
