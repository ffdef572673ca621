import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import type { AnalyticsRow, AnalyticsSession } from '../ports/analytics/analytics.ts'
import { feedbackScan, labelledScan, predictionScan } from './scan.ts'

const EVER = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }

export interface LogTable {
  columns: string[]
  rows: AnalyticsRow[]
}

/**
 * Runs one DuckDB query over the prediction log as far as it is rolled: the views `prediction`, `feedback` and `labelled`
 * (predictions with the latest label of each). Throws `invalid` with DuckDB's words for a query that is wrong.
 */
export async function queryLog(
  context: Pick<Context, 'db' | 'artifacts' | 'analytics'>,
  { projectId, actor, sql }: Caller & { sql: string },
): Promise<LogTable> {
  requirePermission(actor, 'view', projectId)
  await using session = await context.analytics.session()
  await createLogViews(context, session, projectId)
  const read = await session.columns(sql)
  const columns = Object.keys(read)
  const count = columns.length === 0 ? 0 : read[columns[0]!]!.length
  const rows = Array.from({ length: count }, (_, row) =>
    Object.fromEntries(columns.map((name) => [name, read[name]![row]])),
  )
  return { columns, rows }
}

async function createLogViews(
  context: Pick<Context, 'db' | 'artifacts'>,
  session: AnalyticsSession,
  projectId: string,
): Promise<void> {
  const views = {
    prediction: await predictionScan(context, { projectId, ...EVER }),
    feedback: await feedbackScan(context, { projectId, ...EVER }),
    labelled: await labelledScan(context, { projectId, ...EVER, labelledUntilMs: EVER.toMs }),
  }
  for (const [name, scan] of Object.entries(views)) {
    await session.execute(`CREATE TEMP VIEW ${name} AS SELECT * FROM ${scan}`)
  }
}
