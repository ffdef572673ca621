import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import type { AppError } from '../kernel/errors.ts'
import { canonicalJson, hashJson } from '../kernel/json.ts'
import { unknownName } from '../kernel/unknown-name.ts'
import type { Queryable } from '../ports/db/db.ts'
import { protectingPolicies } from '../privacy/definition.ts'
import type { DatasetDefinition } from './definition.ts'
import type { Dataset } from './schema.ts'
import { findDataset, listDatasets, updateUndeclared, upsertDataset } from './store.ts'

/**
 * Makes the datasets of a project version the project's datasets. Those it does not name keep their versions and are
 * no longer probed. A dataset whose source or expectations changed reads the files it had set aside again.
 */
export async function declareDatasets(
  { db, clock, ids }: Pick<Context, 'db' | 'clock' | 'ids'>,
  input: Caller & { directory: string; datasets: readonly DatasetDefinition[] },
): Promise<void> {
  const { projectId, actor, directory, datasets } = input
  requirePermission(actor, 'maintain', projectId)
  await db.write(async (trx) => {
    await updateUndeclared(
      trx,
      projectId,
      datasets.map(({ name }) => name),
    )
    for (const definition of datasets) {
      const { source, expect, time } = definition
      const personal = protectingPolicies(definition.personal)
      await upsertDataset(trx, {
        id: ids.uuid(),
        project_id: projectId,
        name: definition.name,
        definition_json: canonicalJson(definition),
        definition_hash: hashJson({ source, expect, time, personal }),
        directory,
        declared: 1,
        created_ms: clock.now(),
        updated_ms: clock.now(),
      })
    }
    const names = datasets.map(({ name }) => name)
    await audit(trx, { projectId, actor, action: 'data.declare', subject: 'datasets', detail: { names } })
  })
}

export async function getDataset(
  { db }: Pick<Context, 'db'>,
  { projectId, name }: { projectId: string; name: string },
): Promise<Dataset> {
  const dataset = await findDataset(db.read, projectId, name)
  if (dataset) return dataset
  throw await unknownDataset(db.read, projectId, name)
}

export async function unknownDataset(at: Queryable, projectId: string, name: string): Promise<AppError> {
  const names = (await listDatasets(at, projectId)).map((dataset) => dataset.name)
  return unknownName('dataset', name, names)
}
