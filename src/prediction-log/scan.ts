import type { Context } from '../http/context.ts'
import { parquetScan, quoteLiteral } from '../ports/analytics/analytics.ts'
import { FEEDBACK_COLUMNS, PREDICTION_COLUMNS } from './parquet.ts'
import { listRolledSegments, type SegmentWindow } from './store.ts'

type ScanContext = Pick<Context, 'db' | 'artifacts'>

/**
 * DuckDB SQL for a FROM clause: predictions with `fromMs <= time_ms < toMs` out of the segments that are rolled by now.
 * A prediction of a model served elsewhere counts once, however often it was sent.
 */
export async function predictionScan(
  context: ScanContext,
  { deployment, ...window }: Omit<SegmentWindow, 'kind'> & { deployment?: string },
): Promise<string> {
  const paths = await pathsOf(context, { ...window, kind: 'prediction' }, (deployments) =>
    deployment === undefined ? true : deployments.includes(deployment),
  )
  if (paths.length === 0) return emptyScan(PREDICTION_COLUMNS)
  const { fromMs, toMs } = window
  const only = deployment === undefined ? '' : ` AND deployment = ${quoteLiteral(deployment)}`
  const rows = `SELECT * FROM ${parquetScan(paths)} WHERE time_ms >= ${fromMs} AND time_ms < ${toMs}${only}`
  return `(WITH scanned AS (${rows})
    SELECT * FROM scanned WHERE variant <> 'external'
    UNION ALL BY NAME
    SELECT * FROM scanned WHERE variant = 'external'
    QUALIFY row_number() OVER (PARTITION BY deployment, prediction_id ORDER BY segment_id) = 1)`
}

/** DuckDB SQL for a FROM clause: feedback with `fromMs <= received_ms < toMs`; what was sent again counts once. */
export async function feedbackScan(
  context: ScanContext,
  window: Omit<SegmentWindow, 'kind'>,
): Promise<string> {
  const paths = await pathsOf(context, { ...window, kind: 'feedback' }, () => true)
  if (paths.length === 0) return emptyScan(FEEDBACK_COLUMNS)
  return `(SELECT * FROM ${parquetScan(paths)} WHERE received_ms >= ${window.fromMs} AND received_ms < ${window.toMs}
    QUALIFY row_number() OVER (PARTITION BY feedback_id ORDER BY received_ms, segment_id) = 1)`
}

/**
 * DuckDB SQL for a FROM clause: `predictionScan` with the latest label of each prediction (`label`, `label_text`,
 * `label_time_ms`, `received_ms`, `revision`; null where none has come by `labelledUntilMs`). A shadow row has the label of
 * the answer that it is paired with.
 */
export async function labelledScan(
  context: ScanContext,
  input: Omit<SegmentWindow, 'kind'> & { deployment?: string; labelledUntilMs: number },
): Promise<string> {
  const { labelledUntilMs, ...window } = input
  const predictions = await predictionScan(context, window)
  const feedback = await feedbackScan(context, {
    projectId: input.projectId,
    fromMs: 0,
    toMs: labelledUntilMs,
  })
  const label = 'f.label, f.label_text, f.label_time_ms, f.received_ms, f.revision, f.feedback_id'
  return `(WITH p AS ${predictions}, f AS (SELECT * FROM ${feedback} WHERE has_label = 1),
    matched AS (
      SELECT p.prediction_id AS answered_id, ${label} FROM p JOIN f ON f.prediction_id = p.prediction_id
      UNION ALL
      SELECT p.prediction_id, ${label} FROM p JOIN f ON f.prediction_id IS NULL AND p.pair_id IS NULL
        AND f.request_id = p.request_id AND f.row_index = p.row_index),
    latest AS (SELECT * FROM matched
      QUALIFY row_number() OVER (PARTITION BY answered_id ORDER BY revision DESC, received_ms DESC, feedback_id DESC) = 1)
    SELECT p.*, latest.* EXCLUDE (answered_id, feedback_id)
    FROM p LEFT JOIN latest ON latest.answered_id = coalesce(p.pair_id, p.prediction_id))`
}

async function pathsOf(
  { db, artifacts }: ScanContext,
  window: SegmentWindow,
  wanted: (deployments: readonly string[]) => boolean,
): Promise<string[]> {
  const segments = await listRolledSegments(db.read, window)
  const hashes = segments
    .filter(({ deployments_json }) => wanted(JSON.parse(deployments_json) as string[]))
    .flatMap(({ parquet_sha256 }) => parquet_sha256 ?? [])
  return await Promise.all([...new Set(hashes)].map((hash) => artifacts.localPath(hash)))
}

function emptyScan(columns: Readonly<Record<string, string>>): string {
  const nulls = Object.entries(columns).map(([name, type]) => `NULL::${type} AS ${name}`)
  return `(SELECT ${nulls.join(', ')} WHERE false)`
}
