import { sql } from 'kysely'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { isIn } from '../ports/db/dialect.ts'
import { inPieces } from '../ports/db/pieces.ts'
import { TAGS, type DatasetUse, type ModelUse, type Tag } from './schema.ts'
import { groupBy } from './store.ts'

/** Datasets are one for each (experiment, name, digest); a run uses one at most once, and keeps the tags of its first use. */
export async function insertDatasetUse(
  trx: Trx,
  use: {
    id: string
    projectId: string
    experimentId: string
    runId: string
    nowMs: number
    dataset: DatasetUse
  },
): Promise<void> {
  const { dataset, projectId, experimentId, nowMs } = use
  await trx
    .insertInto('run_dataset')
    .values({
      id: use.id,
      project_id: projectId,
      experiment_id: experimentId,
      name: dataset.name,
      digest: dataset.digest,
      source_type: dataset.sourceType,
      source: dataset.source,
      schema: dataset.schema ?? null,
      profile: dataset.profile ?? null,
      created_ms: nowMs,
    })
    .onConflict((conflict) => conflict.columns(['experiment_id', 'name', 'digest']).doNothing())
    .execute()
  const { id } = await trx
    .selectFrom('run_dataset')
    .select('id')
    .where('experiment_id', '=', experimentId)
    .where('name', '=', dataset.name)
    .where('digest', '=', dataset.digest)
    .executeTakeFirstOrThrow()
  await trx
    .insertInto('run_input')
    .values({
      run_id: use.runId,
      dataset_id: id,
      project_id: projectId,
      context: dataset.tags.find((tag) => tag.key === TAGS.datasetContext)?.value ?? null,
      tags_json: JSON.stringify(dataset.tags),
      created_ms: nowMs,
    })
    .onConflict((conflict) => conflict.columns(['run_id', 'dataset_id']).doNothing())
    .execute()
}

export async function listDatasetUses(
  at: Queryable,
  runIds: readonly string[],
): Promise<Map<string, DatasetUse[]>> {
  const rows = await inPieces(runIds, (ids) =>
    at
      .selectFrom('run_input as i')
      .innerJoin('run_dataset as d', 'd.id', 'i.dataset_id')
      .select([
        'i.run_id',
        'i.tags_json',
        'd.name',
        'd.digest',
        'd.source_type',
        'd.source',
        'd.schema',
        'd.profile',
      ])
      .where(isIn(at, sql.ref('i.run_id'), ids))
      .orderBy('i.created_ms')
      .orderBy('d.name')
      .execute(),
  )
  return groupBy(
    rows,
    (row) => row.run_id,
    (row) => ({
      name: row.name,
      digest: row.digest,
      sourceType: row.source_type,
      source: row.source,
      ...(row.schema !== null && { schema: row.schema }),
      ...(row.profile !== null && { profile: row.profile }),
      tags: JSON.parse(row.tags_json) as Tag[],
    }),
  )
}

/** The distinct datasets that runs of these experiments used, with the context of use. */
export async function listDatasetSummaries(
  at: Queryable,
  projectId: string,
  experimentIds: readonly string[],
) {
  if (experimentIds.length === 0) return []
  return await at
    .selectFrom('run_dataset as d')
    .leftJoin('run_input as i', 'i.dataset_id', 'd.id')
    .select(['d.experiment_id', 'd.name', 'd.digest', 'i.context'])
    .distinct()
    .where('d.project_id', '=', projectId)
    .where('d.experiment_id', 'in', experimentIds)
    .orderBy('d.name')
    .orderBy('d.digest')
    .limit(1000)
    .execute()
}

export async function insertModelUses(
  trx: Trx,
  owner: { runId: string; projectId: string; nowMs: number },
  uses: readonly ModelUse[],
): Promise<void> {
  if (uses.length === 0) return
  await trx
    .insertInto('run_model')
    .values(
      uses.map((use) => ({
        run_id: owner.runId,
        direction: use.direction,
        logged_model_id: use.loggedModelId,
        project_id: owner.projectId,
        step: use.step,
        created_ms: owner.nowMs,
      })),
    )
    .onConflict((conflict) => conflict.columns(['run_id', 'direction', 'logged_model_id']).doNothing())
    .execute()
}

export async function listModelUses(
  at: Queryable,
  runIds: readonly string[],
): Promise<Map<string, ModelUse[]>> {
  const rows = await inPieces(runIds, (ids) =>
    at
      .selectFrom('run_model')
      .select(['run_id', 'direction', 'logged_model_id', 'step'])
      .where(isIn(at, sql.ref('run_id'), ids))
      .orderBy('created_ms')
      .orderBy('logged_model_id')
      .execute(),
  )
  return groupBy(
    rows,
    (row) => row.run_id,
    (row) => ({ direction: row.direction, loggedModelId: row.logged_model_id, step: row.step }),
  )
}
