import { sql, type RawBuilder } from 'kysely'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { below } from './store-artifacts.ts'
import { LOGGED_MODEL_POINT } from './store-logged-models.ts'

/** A piece of a deletion: a transaction holds no more rows. */
export const PIECE = 500

/**
 * What is being purged belongs to no project any more, so that nothing finds it, its name is free, and it can't be restored half-way. The
 * project that it came from follows the sign.
 */
function purgingOf(projectId: string): string {
  return `-${projectId}`
}

export interface TrashScope {
  projectId: string
  /** Deleted at that time or earlier. */
  beforeMs: number
  /** Only what belongs to this experiment. */
  experimentId?: string | undefined
}

export interface DeletedRow {
  id: string
  name: string
  experiment_id: string
  artifact_uri: string
  deleted_ms: number
}

/** Deleted runs by id. */
export async function listDeletedRuns(
  at: Queryable,
  scope: TrashScope,
  { after, limit }: { after: string; limit: number },
): Promise<DeletedRow[]> {
  const { rows } = await sql<DeletedRow>`
    select id, name, experiment_id, artifact_uri, coalesce(deleted_ms, 0) as deleted_ms from run
    where project_id = ${scope.projectId} and lifecycle = 'deleted' and coalesce(deleted_ms, 0) <= ${scope.beforeMs}
      and id > ${after}${inExperiment(scope)} order by id limit ${limit}`.execute(at)
  return rows
}

/** Deleted logged models by id, and those of deleted experiments. */
export async function listDeletedModels(
  at: Queryable,
  scope: TrashScope,
  { after, limit, ids }: { after: string; limit: number; ids?: readonly string[] },
): Promise<DeletedRow[]> {
  const { rows } = await sql<DeletedRow>`
    select m.id, m.name, m.experiment_id, m.artifact_uri,
      case when m.lifecycle = 'deleted' then m.updated_ms else e.updated_ms end as deleted_ms
    from logged_model m left join experiment e on e.id = m.experiment_id
    where m.project_id = ${scope.projectId} and m.id > ${after}
      and ((m.lifecycle = 'deleted' and m.updated_ms <= ${scope.beforeMs})
        or (e.lifecycle = 'deleted' and e.updated_ms <= ${scope.beforeMs}))
      ${scope.experimentId === undefined ? sql`` : sql`and m.experiment_id = ${scope.experimentId}`}
      ${ids === undefined ? sql`` : sql`and m.id in (${sql.join([...ids])})`}
    order by m.id limit ${limit}`.execute(at)
  return rows
}

/** Deleted experiments, each with how many runs and logged models are still in it. */
export async function listDeletedExperiments(
  at: Queryable,
  scope: TrashScope,
): Promise<{ id: string; name: string; deleted_ms: number; holds: number }[]> {
  const { rows } = await sql<{ id: string; name: string; deleted_ms: number; holds: number }>`
    select e.id, e.name, e.updated_ms as deleted_ms,
      (select count(*) from run r where r.experiment_id = e.id and r.project_id = e.project_id)
        + (select count(*) from logged_model m where m.experiment_id = e.id and m.project_id = e.project_id) as holds
    from experiment e where e.project_id = ${scope.projectId} and e.lifecycle = 'deleted' and e.updated_ms <= ${scope.beforeMs}
      ${scope.experimentId === undefined ? sql`` : sql`and e.id = ${scope.experimentId}`} order by e.id`.execute(
    at,
  )
  return rows
}

function inExperiment({ experimentId }: TrashScope): RawBuilder<unknown> {
  return experimentId === undefined ? sql`` : sql` and experiment_id = ${experimentId}`
}

/** Takes runs out of the project. Those that have been restored since stay. */
export async function markRuns(
  trx: Trx,
  { projectId, beforeMs }: TrashScope,
  ids: readonly string[],
): Promise<string[]> {
  const rows = await trx
    .updateTable('run')
    .set({ project_id: purgingOf(projectId), deleted_ms: -1 })
    .where('id', 'in', ids)
    .where('project_id', '=', projectId)
    .where('lifecycle', '=', 'deleted')
    .where(sql<boolean>`coalesce(deleted_ms, 0) <= ${beforeMs}`)
    .returning('id')
    .execute()
  return rows.map(({ id }) => id)
}

export async function markModels(trx: Trx, scope: TrashScope, ids: readonly string[]): Promise<string[]> {
  const due = await listDeletedModels(trx, scope, { after: '', limit: ids.length, ids })
  const marked = due.map(({ id }) => id)
  if (marked.length > 0)
    await trx
      .updateTable('logged_model')
      .set({ project_id: purgingOf(scope.projectId), lifecycle: 'deleted' })
      .where('id', 'in', marked)
      .execute()
  return marked
}

export async function markExperiment(trx: Trx, { projectId }: TrashScope, id: string): Promise<void> {
  await trx
    .updateTable('experiment')
    .set({ project_id: purgingOf(projectId), name: id })
    .where('id', '=', id)
    .execute()
}

export async function listPurging(
  at: Queryable,
  table: 'run' | 'logged_model' | 'experiment',
  projectId: string,
  limit: number,
): Promise<{ id: string; artifact_uri: string }[]> {
  const uri = table === 'experiment' ? sql`artifact_location` : sql`artifact_uri`
  const { rows } = await sql<{ id: string; artifact_uri: string }>`
    select id, ${uri} as artifact_uri from ${sql.table(table)} where project_id = ${purgingOf(projectId)} order by id limit ${limit}`.execute(
    at,
  )
  return rows
}

interface Belongings {
  table: string
  key: readonly string[]
  owner: string
}

const OF_RUNS: readonly Belongings[] = [
  { table: 'run_metric', key: ['run_id', 'key', 'timestamp_ms', 'step', 'value', 'is_nan'], owner: 'run_id' },
  { table: 'run_metric_latest', key: ['run_id', 'key'], owner: 'run_id' },
  { table: 'run_param', key: ['run_id', 'key'], owner: 'run_id' },
  { table: 'run_tag', key: ['run_id', 'key'], owner: 'run_id' },
  { table: 'run_word', key: ['run_id', 'key', 'word'], owner: 'run_id' },
  { table: 'run_input', key: ['run_id', 'dataset_id'], owner: 'run_id' },
  { table: 'run_model', key: ['run_id', 'direction', 'logged_model_id'], owner: 'run_id' },
  {
    table: 'logged_model_metric',
    key: LOGGED_MODEL_POINT,
    owner: 'run_id',
  },
]

const OF_MODELS: readonly Belongings[] = [
  { table: 'logged_model_param', key: ['logged_model_id', 'key'], owner: 'logged_model_id' },
  { table: 'logged_model_tag', key: ['logged_model_id', 'key'], owner: 'logged_model_id' },
  {
    table: 'logged_model_metric',
    key: LOGGED_MODEL_POINT,
    owner: 'logged_model_id',
  },
  { table: 'run_model', key: ['run_id', 'direction', 'logged_model_id'], owner: 'logged_model_id' },
]

const OF_EXPERIMENTS: readonly Belongings[] = [
  { table: 'experiment_tag', key: ['experiment_id', 'key'], owner: 'experiment_id' },
  { table: 'run_dataset', key: ['id'], owner: 'experiment_id' },
]

export const BELONGINGS = { run: OF_RUNS, logged_model: OF_MODELS, experiment: OF_EXPERIMENTS } as const

/** Deletes up to a piece of what belongs to these owners. Returns how many rows that were. */
export async function deleteBelongings(
  trx: Trx,
  { table, key, owner }: Belongings,
  ids: readonly string[],
): Promise<number> {
  const columns = sql.join(key.map((column) => sql.ref(column)))
  const result = await sql`delete from ${sql.table(table)} where (${columns}) in
    (select ${columns} from ${sql.table(table)} where ${sql.ref(owner)} in (${sql.join([...ids])}) limit ${PIECE})`.execute(
    trx,
  )
  return Number(result.numAffectedRows ?? 0n)
}

export async function deletePurged(
  trx: Trx,
  table: 'run' | 'logged_model' | 'experiment',
  ids: readonly string[],
): Promise<void> {
  await trx.deleteFrom(table).where('id', 'in', ids).execute()
}

/** Deletes up to a piece of the files below a folder. Returns how many that were. */
export async function deleteFilesPiece(trx: Trx, projectId: string, folder: string): Promise<number> {
  const result = await sql`delete from artifact_file where project_id = ${projectId} and path in
    (select path from artifact_file where project_id = ${projectId} and ${below(folder)} limit ${PIECE})`.execute(
    trx,
  )
  return Number(result.numAffectedRows ?? 0n)
}

export async function sumFiles(
  at: Queryable,
  projectId: string,
  folder: string,
): Promise<{ files: number; bytes: number }> {
  const { rows } = await sql<{ files: number; bytes: number }>`
    select count(*) as files, coalesce(sum(size_bytes), 0) as bytes from artifact_file
    where project_id = ${projectId} and ${below(folder)}`.execute(at)
  return { files: rows[0]!.files, bytes: rows[0]!.bytes }
}

/** Paths of files that were put there at that time or earlier, in order. */
export async function listFilePaths(
  at: Queryable,
  { projectId, beforeMs }: TrashScope,
  after: string,
): Promise<string[]> {
  const rows = await at
    .selectFrom('artifact_file')
    .select('path')
    .where('project_id', '=', projectId)
    .where('path', '>', after)
    .where('created_ms', '<=', beforeMs)
    .orderBy('path')
    .limit(PIECE)
    .execute()
  return rows.map(({ path }) => path)
}

/** Which of these exist, in whatever project. */
export async function listExisting(
  at: Queryable,
  table: 'run' | 'logged_model',
  ids: readonly string[],
): Promise<Set<string>> {
  if (ids.length === 0) return new Set()
  const rows = await at.selectFrom(table).select('id').where('id', 'in', ids).execute()
  return new Set(rows.map(({ id }) => id))
}
