import { sql, type Updateable } from 'kysely'
import { AppError } from '../kernel/errors.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { inPieces } from '../ports/db/pieces.ts'
import type { ImportReport, PythonModel, Signature } from '../model-files/schema.ts'
import type { Tag } from '../tracking/schema.ts'
import type { FeatureServiceReference, ModelVersion, RegisteredModel } from './schema.ts'
import type { ModelAliasRow, ModelVersionRow, RegisteredModelRow } from './tables.ts'

export async function insertModel(trx: Trx, row: RegisteredModelRow): Promise<void> {
  await trx.insertInto('registered_model').values(row).execute()
}

/** Also finds deleted ones: their names come back with their counters. */
export async function findModelRow(
  at: Queryable,
  projectId: string,
  name: string,
): Promise<RegisteredModelRow | undefined> {
  return await at
    .selectFrom('registered_model')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('name', '=', name)
    .executeTakeFirst()
}

export async function getModelRow(
  at: Queryable,
  projectId: string,
  name: string,
): Promise<RegisteredModelRow> {
  const row = await findModelRow(at, projectId, name)
  if (row && row.deleted_ms === null) return row
  throw new AppError('not_found', `Registered Model with name=${name} not found`, {
    details: { model: name },
  })
}

/** Also a deleted one. */
export async function getModelRowById(at: Queryable, id: string): Promise<RegisteredModelRow> {
  return await at.selectFrom('registered_model').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}

/** The row of a model, held until the transaction ends: two changes of its aliases follow one another. Throws `not_found`. */
export async function lockModelRow(trx: Trx, projectId: string, name: string): Promise<RegisteredModelRow> {
  await trx
    .updateTable('registered_model')
    .set((eb) => ({ name: eb.ref('name') }))
    .where('project_id', '=', projectId)
    .where('name', '=', name)
    .execute()
  return await getModelRow(trx, projectId, name)
}

export async function updateModelRow(
  trx: Trx,
  id: string,
  change: Updateable<RegisteredModelRow>,
): Promise<void> {
  await trx.updateTable('registered_model').set(change).where('id', '=', id).execute()
}

/** The next version number; the row lock makes it unique. */
export async function drawVersion(trx: Trx, modelId: string, nowMs: number): Promise<number> {
  const { last_version } = await trx
    .updateTable('registered_model')
    .set((eb) => ({ last_version: eb('last_version', '+', 1), updated_ms: nowMs }))
    .where('id', '=', modelId)
    .returning('last_version')
    .executeTakeFirstOrThrow()
  return last_version
}

/** Numbers up to this one are not given out. */
export async function raiseLastVersion(trx: Trx, modelId: string, version: number): Promise<void> {
  await trx
    .updateTable('registered_model')
    .set({ last_version: version })
    .where('id', '=', modelId)
    .where('last_version', '<', version)
    .execute()
}

export async function deleteModelBelongings(trx: Trx, modelId: string, nowMs: number): Promise<void> {
  await trx.deleteFrom('model_alias').where('model_id', '=', modelId).execute()
  await trx.deleteFrom('registered_model_tag').where('model_id', '=', modelId).execute()
  await trx
    .updateTable('model_version')
    .set({ deleted_ms: nowMs, updated_ms: nowMs })
    .where('model_id', '=', modelId)
    .where('deleted_ms', 'is', null)
    .execute()
}

export async function insertVersion(trx: Trx, row: ModelVersionRow): Promise<void> {
  await trx.insertInto('model_version').values(row).execute()
}

export async function updateVersionRow(
  trx: Trx,
  id: string,
  change: Updateable<ModelVersionRow>,
): Promise<void> {
  await trx.updateTable('model_version').set(change).where('id', '=', id).execute()
}

export async function findVersionByRegistration(
  at: Queryable,
  modelId: string,
  key: string,
): Promise<ModelVersionRow | undefined> {
  return await at
    .selectFrom('model_version')
    .selectAll()
    .where('model_id', '=', modelId)
    .where('registration_key', '=', key)
    .executeTakeFirst()
}

export async function getVersionRow(
  at: Queryable,
  model: RegisteredModelRow,
  version: number,
): Promise<ModelVersionRow> {
  const row = await findVersionByNumber(at, model.id, version)
  if (row) return row
  const message = `Model Version (name=${model.name}, version=${version}) not found`
  throw new AppError('not_found', message, { details: { model: model.name, version } })
}

/** Also finds deleted ones. */
export async function findVersionRow(
  at: Queryable,
  modelId: string,
  version: number,
): Promise<ModelVersionRow | undefined> {
  return await at
    .selectFrom('model_version')
    .selectAll()
    .where('model_id', '=', modelId)
    .where('version', '=', version)
    .executeTakeFirst()
}

/** A version by its number, when it is not deleted. */
export async function findVersionByNumber(
  at: Queryable,
  modelId: string,
  version: number,
): Promise<ModelVersionRow | undefined> {
  const row = await findVersionRow(at, modelId, version)
  return row?.deleted_ms === null ? row : undefined
}

export async function findVersionRowById(
  at: Queryable,
  projectId: string,
  id: string,
): Promise<(ModelVersionRow & { model_name: string }) | undefined> {
  return await at
    .selectFrom('model_version as v')
    .innerJoin('registered_model as m', 'm.id', 'v.model_id')
    .selectAll('v')
    .select('m.name as model_name')
    .where('v.id', '=', id)
    .where('v.project_id', '=', projectId)
    .executeTakeFirst()
}

/** Versions of these models that are not deleted, newest first. */
export async function listVersionRows(
  at: Queryable,
  modelIds: readonly string[],
  limit: number,
): Promise<ModelVersionRow[]> {
  if (modelIds.length === 0) return []
  return await at
    .selectFrom('model_version')
    .selectAll()
    .where('model_id', 'in', modelIds)
    .where('deleted_ms', 'is', null)
    .orderBy('version', 'desc')
    .limit(limit)
    .execute()
}

/** The newest version of each stage of these models. */
export async function listLatestVersionRows(
  at: Queryable,
  modelIds: readonly string[],
): Promise<(ModelVersionRow & { model_name: string })[]> {
  return await inPieces(modelIds, async (piece) => {
    const { rows } = await sql<ModelVersionRow & { model_name: string }>`
      select v.*, m.name as model_name from model_version v
      join (select model_id, stage, max(version) as version from model_version
        where model_id in (${sql.join(piece)}) and deleted_ms is null
        group by model_id, stage) newest on newest.model_id = v.model_id and newest.version = v.version
      join registered_model m on m.id = v.model_id order by v.version`.execute(at)
    return rows
  })
}

/** Of each of these models that has versions: how many are not deleted, and the newest of them. */
export async function summarizeVersions(
  at: Queryable,
  modelIds: readonly string[],
): Promise<Map<string, { versions: number; latest: { version: number; createdMs: number } }>> {
  const rows = await inPieces(modelIds, (piece) =>
    at
      .selectFrom('model_version as v')
      .innerJoin(
        (query) =>
          query
            .selectFrom('model_version')
            .select((eb) => [
              'model_id',
              eb.fn.countAll<number>().as('versions'),
              eb.fn.max<number>('version').as('newest'),
            ])
            .where('model_id', 'in', piece)
            .where('deleted_ms', 'is', null)
            .groupBy('model_id')
            .as('counted'),
        (join) => join.onRef('counted.model_id', '=', 'v.model_id').onRef('counted.newest', '=', 'v.version'),
      )
      .select(['v.model_id', 'v.version', 'v.created_ms', 'counted.versions'])
      .execute(),
  )
  return new Map(
    rows.map(({ model_id, version, created_ms: createdMs, versions }) => [
      model_id,
      { versions, latest: { version, createdMs } },
    ]),
  )
}

export async function upsertAlias(trx: Trx, row: ModelAliasRow): Promise<void> {
  const { version, updated_ms, set_by, promotion_id } = row
  await trx
    .insertInto('model_alias')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['model_id', 'alias']).doUpdateSet({ version, updated_ms, set_by, promotion_id }),
    )
    .execute()
}

export async function findAliasRow(
  at: Queryable,
  modelId: string,
  alias: string,
): Promise<ModelAliasRow | undefined> {
  return await at
    .selectFrom('model_alias')
    .selectAll()
    .where('model_id', '=', modelId)
    .where('alias', '=', alias)
    .executeTakeFirst()
}

export async function deleteAliasRow(trx: Trx, modelId: string, alias: string): Promise<boolean> {
  const result = await trx
    .deleteFrom('model_alias')
    .where('model_id', '=', modelId)
    .where('alias', '=', alias)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

export async function deleteAliasesOfVersion(trx: Trx, modelId: string, version: number): Promise<void> {
  await trx.deleteFrom('model_alias').where('model_id', '=', modelId).where('version', '=', version).execute()
}

export async function listAliases(at: Queryable, modelIds: readonly string[]): Promise<ModelAliasRow[]> {
  if (modelIds.length === 0) return []
  return await at
    .selectFrom('model_alias')
    .selectAll()
    .where('model_id', 'in', modelIds)
    .orderBy('alias')
    .execute()
}

type TagTable =
  | { table: 'registered_model_tag'; owner: 'model_id' }
  | { table: 'model_version_tag'; owner: 'model_version_id' }
export const MODEL_TAGS: TagTable = { table: 'registered_model_tag', owner: 'model_id' }
export const VERSION_TAGS: TagTable = { table: 'model_version_tag', owner: 'model_version_id' }

export async function upsertTag(
  trx: Trx,
  { table, owner }: TagTable,
  row: { ownerId: string; projectId: string; tag: Tag },
): Promise<void> {
  await sql`insert into ${sql.table(table)} (${sql.ref(owner)}, key, project_id, value)
    values (${row.ownerId}, ${row.tag.key}, ${row.projectId}, ${row.tag.value})
    on conflict (${sql.ref(owner)}, key) do update set value = excluded.value`.execute(trx)
}

export async function deleteTag(
  trx: Trx,
  { table, owner }: TagTable,
  ownerId: string,
  key: string,
): Promise<void> {
  await sql`delete from ${sql.table(table)} where ${sql.ref(owner)} = ${ownerId} and key = ${key}`.execute(
    trx,
  )
}

export async function listTags(
  at: Queryable,
  { table, owner }: TagTable,
  ownerIds: readonly string[],
): Promise<{ owner: string; key: string; value: string }[]> {
  return await inPieces(ownerIds, async (piece) => {
    const { rows } = await sql<{ owner: string; key: string; value: string }>`
      select ${sql.ref(owner)} as owner, key, value from ${sql.table(table)}
      where ${sql.ref(owner)} in (${sql.join(piece)}) order by key`.execute(at)
    return rows
  })
}

/** Of the versions of a model that are not deleted. */
export async function listVersionIds(at: Queryable, modelId: string): Promise<string[]> {
  const rows = await at
    .selectFrom('model_version')
    .select('id')
    .where('model_id', '=', modelId)
    .where('deleted_ms', 'is', null)
    .execute()
  return rows.map(({ id }) => id)
}

/** Where the files of versions lie that are not deleted. */
export async function listVersionPlaces(at: Queryable): Promise<{ version: string; location: string }[]> {
  const rows = await at
    .selectFrom('model_version as v')
    .innerJoin('registered_model as m', 'm.id', 'v.model_id')
    .select(['m.name', 'v.version', 'v.source', 'v.storage_location'])
    .where('v.deleted_ms', 'is', null)
    .execute()
  return rows.map(({ name, version, source, storage_location }) => ({
    version: `${name}/${version}`,
    location: storage_location ?? source,
  }))
}

/** Every blob that a version holds, for garbage collection; a deleted version keeps its own. */
export async function referencedBlobs(at: Queryable): Promise<string[]> {
  const rows = await at
    .selectFrom('model_version')
    .select(['onnx_sha256', 'layout_sha256', 'python_json'])
    .execute()
  const hashes = rows.flatMap((row) => [row.onnx_sha256, row.layout_sha256, ...filesOf(row)])
  return [...new Set(hashes)].filter((hash) => hash !== null)
}

function filesOf({ python_json }: Pick<ModelVersionRow, 'python_json'>): string[] {
  if (python_json === null) return []
  return (JSON.parse(python_json) as PythonModel).files.map(({ sha256 }) => sha256)
}

export function toModel(
  row: RegisteredModelRow,
  aliases: readonly ModelAliasRow[],
  tags: Tag[],
): RegisteredModel {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    ...(row.task !== null && { task: row.task }),
    ...(row.owner !== null && { owner: row.owner }),
    aliases: aliases.map(({ alias, version }) => ({ alias, version })),
    tags,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
  }
}

export function toVersion(
  row: ModelVersionRow,
  { model, aliases, tags }: { model: string; aliases: string[]; tags: Tag[] },
): ModelVersion {
  const optional = <Key extends string>(key: Key, value: string | null): { [K in Key]?: string } =>
    (value === null ? {} : { [key]: value }) as { [K in Key]?: string }
  return {
    id: row.id,
    projectId: row.project_id,
    model,
    version: row.version,
    status: row.deleted_ms === null ? 'ready' : 'deleted',
    stage: row.stage,
    description: row.description,
    source: row.source,
    ...optional('storageLocation', row.storage_location),
    ...optional('runId', row.run_id),
    ...optional('runLink', row.run_link),
    ...optional('loggedModelId', row.logged_model_id),
    createdBy: row.created_by,
    ...optional('task', row.task),
    ...(row.signature_json !== null && { signature: JSON.parse(row.signature_json) as Signature }),
    ...optional('onnxSha256', row.onnx_sha256),
    ...(row.feature_service_json !== null && {
      featureService: JSON.parse(row.feature_service_json) as FeatureServiceReference,
    }),
    ...optional('codeSnapshot', row.code_snapshot),
    lineage: {
      ...optional('datasetVersionId', row.dataset_version_id),
      ...optional('pipelineRunId', row.pipeline_run_id),
      ...optional('executionId', row.execution_id),
      ...optional('projectVersionId', row.project_version_id),
    },
    ...optional('layoutSha256', row.layout_sha256),
    ...(row.import_json !== null && { importReport: JSON.parse(row.import_json) as ImportReport }),
    ...(row.python_json !== null && { python: JSON.parse(row.python_json) as PythonModel }),
    ...optional('problem', row.problem),
    aliases,
    tags,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
  }
}
