import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { listDatasetSummaries } from './store-inputs.ts'

/** The datasets that runs of these experiments used: name, digest, and what for. */
export async function summarizeDatasets(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, experimentIds }: Caller & { experimentIds: readonly string[] },
): Promise<{ experimentId: string; name: string; digest: string; context?: string }[]> {
  requirePermission(actor, 'view', projectId)
  const rows = await listDatasetSummaries(db.read, projectId, experimentIds)
  return rows.map((row) => ({
    experimentId: row.experiment_id,
    name: row.name,
    digest: row.digest,
    ...(row.context !== null && { context: row.context }),
  }))
}
