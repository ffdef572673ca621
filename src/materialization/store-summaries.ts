import type { DatasetSummary } from '../summaries/schema.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import type { ViewSpec } from '../features/schema.ts'
import type { ViewSummary } from './summarise-view.ts'

/** Of each definition of a view, the newest. */
const KEPT = 40

export async function upsertSummary(
  trx: Trx,
  made: Omit<ViewSummary, 'summary'> & {
    projectId: string
    spec: ViewSpec
    summary: DatasetSummary
    nowMs: number
  },
): Promise<void> {
  const { projectId, spec, fromMs, toMs, datasetVersionId, summary, nowMs } = made
  const content = {
    from_ms: fromMs,
    dataset_version_id: datasetVersionId,
    rows: summary.rows,
    keys: summary.rows,
    summary_json: JSON.stringify(summary),
    created_ms: nowMs,
  }
  await trx
    .insertInto('feature_summary')
    .values({
      project_id: projectId,
      view: spec.view,
      definition_hash: spec.definitionHash,
      to_ms: toMs,
      ...content,
    })
    .onConflict((conflict) =>
      conflict.columns(['project_id', 'view', 'definition_hash', 'to_ms']).doUpdateSet(content),
    )
    .execute()
  const [oldest] = await ofView(trx, projectId, spec).select('to_ms').offset(KEPT).limit(1).execute()
  if (!oldest) return
  await trx
    .deleteFrom('feature_summary')
    .where('project_id', '=', projectId)
    .where('view', '=', spec.view)
    .where('definition_hash', '=', spec.definitionHash)
    .where('to_ms', '<=', oldest.to_ms)
    .execute()
}

/** The newest summaries of a view, newest first. */
export async function listSummaries(
  at: Queryable,
  { projectId, spec, limit }: { projectId: string; spec: ViewSpec; limit: number },
): Promise<ViewSummary[]> {
  const rows = await ofView(at, projectId, spec).selectAll().limit(limit).execute()
  return rows.map((row) => ({
    fromMs: row.from_ms,
    toMs: row.to_ms,
    datasetVersionId: row.dataset_version_id,
    summary: JSON.parse(row.summary_json) as DatasetSummary,
  }))
}

function ofView(at: Queryable, projectId: string, { view, definitionHash }: ViewSpec) {
  return at
    .selectFrom('feature_summary')
    .where('project_id', '=', projectId)
    .where('view', '=', view)
    .where('definition_hash', '=', definitionHash)
    .orderBy('to_ms', 'desc')
}
