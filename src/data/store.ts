import type { Queryable, Trx } from '../ports/db/db.ts'
import type { PersonalPolicies } from '../privacy/definition.ts'
import { datasetDefinition } from './definition.ts'
import type { Column, SchemaChange } from '../sources/schema.ts'
import type { Dataset, DatasetVersion, VersionCause } from './schema.ts'
import type { DatasetPartRow, DatasetRow, DatasetVersionRow } from './tables.ts'

export async function findDataset(
  at: Queryable,
  projectId: string,
  name: string,
): Promise<Dataset | undefined> {
  const row = await at
    .selectFrom('dataset')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('name', '=', name)
    .executeTakeFirst()
  return row && toDataset(row)
}

export async function listDatasets(at: Queryable, projectId: string): Promise<Dataset[]> {
  const rows = await at
    .selectFrom('dataset')
    .selectAll()
    .where('project_id', '=', projectId)
    .orderBy('name')
    .execute()
  return rows.map(toDataset)
}

/** What datasets say of personal columns, for those of the names that say something. */
export async function listPersonal(
  at: Queryable,
  projectId: string,
  names: readonly string[],
): Promise<PersonalPolicies[]> {
  if (names.length === 0) return []
  const rows = await at
    .selectFrom('dataset')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('name', 'in', names)
    .orderBy('name')
    .execute()
  return rows.map((row) => toDataset(row).definition.personal ?? {})
}

export async function listDeclaredDatasets(at: Queryable): Promise<Dataset[]> {
  const rows = await at.selectFrom('dataset').selectAll().where('declared', '=', 1).orderBy('id').execute()
  return rows.map(toDataset)
}

export async function upsertDataset(trx: Trx, row: DatasetRow): Promise<void> {
  const { definition_json, definition_hash, directory, updated_ms } = row
  await trx
    .insertInto('dataset')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['project_id', 'name'])
        .doUpdateSet({ definition_json, definition_hash, directory, updated_ms, declared: 1 }),
    )
    .execute()
}

export async function updateUndeclared(
  trx: Trx,
  projectId: string,
  declared: readonly string[],
): Promise<void> {
  await trx
    .updateTable('dataset')
    .set({ declared: 0 })
    .where('project_id', '=', projectId)
    .$if(declared.length > 0, (query) => query.where('name', 'not in', declared))
    .execute()
}

const versionColumns = [
  'dataset_version.id',
  'dataset_version.project_id',
  'dataset_id',
  'number',
  'manifest_sha256',
  'content_hash',
  'schema_json',
  'schema_change_json',
  'rows',
  'added_rows',
  'size_bytes',
  'parts',
  'min_time_ms',
  'max_time_ms',
  'parent_id',
  'report_id',
  'summary_sha256',
  'dataset_version.created_ms',
  'source_cursor',
  'late_rows',
  'actor_id',
  'actor_name',
  'cause_kind',
  'cause_reference',
  'deleted_ms',
  'deleted_why',
  'dataset.name',
] as const

function versions(at: Queryable) {
  return at
    .selectFrom('dataset_version')
    .innerJoin('dataset', 'dataset.id', 'dataset_version.dataset_id')
    .select(versionColumns)
}

export async function findVersion(
  at: Queryable,
  projectId: string,
  id: string,
): Promise<DatasetVersion | undefined> {
  const row = await versions(at)
    .where('dataset_version.project_id', '=', projectId)
    .where('dataset_version.id', '=', id)
    .executeTakeFirst()
  return row && toVersion(row)
}

export async function findVersionByNumber(
  at: Queryable,
  datasetId: string,
  number: number,
): Promise<DatasetVersion | undefined> {
  const row = await versions(at)
    .where('dataset_id', '=', datasetId)
    .where('number', '=', number)
    .executeTakeFirst()
  return row && toVersion(row)
}

export async function findLatestVersion(
  at: Queryable,
  datasetId: string,
): Promise<DatasetVersion | undefined> {
  const row = await versions(at)
    .where('dataset_id', '=', datasetId)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && toVersion(row)
}

export async function listVersionRows(
  at: Queryable,
  datasetId: string,
  { limit, below }: { limit: number; below?: number | undefined },
): Promise<DatasetVersion[]> {
  const rows = await versions(at)
    .where('dataset_id', '=', datasetId)
    .$if(below !== undefined, (query) => query.where('number', '<', below!))
    .orderBy('number', 'desc')
    .limit(limit)
    .execute()
  return rows.map(toVersion)
}

export async function insertVersion(trx: Trx, row: DatasetVersionRow): Promise<void> {
  await trx.insertInto('dataset_version').values(row).execute()
}

export async function listPartRows(at: Queryable, datasetId: string): Promise<DatasetPartRow[]> {
  return await at.selectFrom('dataset_part').selectAll().where('dataset_id', '=', datasetId).execute()
}

export async function insertParts(trx: Trx, rows: readonly DatasetPartRow[]): Promise<void> {
  if (rows.length === 0) return
  await trx
    .insertInto('dataset_part')
    .values(rows)
    .onConflict((conflict) => conflict.columns(['dataset_id', 'source_sha256', 'reading']).doNothing())
    .execute()
}

/** Every blob that the room's rows refer to, for garbage collection. */
export async function referencedBlobs(at: Queryable): Promise<string[]> {
  const parts = await at.selectFrom('dataset_part').select('sha256').distinct().execute()
  const held = await at
    .selectFrom('dataset_version')
    .select(['manifest_sha256', 'summary_sha256', 'deleted_ms'])
    .execute()
  return [
    ...parts.map((row) => row.sha256),
    ...held.flatMap((row) =>
      row.deleted_ms === null ? [row.manifest_sha256, row.summary_sha256] : [row.summary_sha256],
    ),
  ]
}

function toDataset(row: DatasetRow): Dataset {
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    definition: datasetDefinition.parse(JSON.parse(row.definition_json)),
    definitionHash: row.definition_hash,
    directory: row.directory,
    declared: row.declared === 1,
    createdMs: row.created_ms,
  }
}

function toVersion(row: Omit<DatasetVersionRow, 'released_ms'> & { name: string }): DatasetVersion {
  return {
    id: row.id,
    projectId: row.project_id,
    datasetId: row.dataset_id,
    dataset: row.name,
    number: row.number,
    manifestSha256: row.manifest_sha256,
    contentHash: row.content_hash,
    schema: JSON.parse(row.schema_json) as Column[],
    schemaChange:
      row.schema_change_json === null ? null : (JSON.parse(row.schema_change_json) as SchemaChange),
    rows: row.rows,
    addedRows: row.added_rows,
    sizeBytes: row.size_bytes,
    parts: row.parts,
    minTimeMs: row.min_time_ms,
    maxTimeMs: row.max_time_ms,
    parentId: row.parent_id,
    reportId: row.report_id,
    summarySha256: row.summary_sha256,
    createdMs: row.created_ms,
    sourceCursor: row.source_cursor,
    lateRows: row.late_rows,
    by: row.actor_id === null ? null : { id: row.actor_id, name: row.actor_name ?? row.actor_id },
    cause:
      row.cause_kind === null
        ? null
        : { kind: row.cause_kind as VersionCause['kind'], reference: row.cause_reference },
    deleted: row.deleted_ms === null ? null : { atMs: row.deleted_ms, why: row.deleted_why ?? '' },
  }
}
