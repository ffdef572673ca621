import type { Context } from '../../src/http/context.ts'
import { feedbackScan, labelledScan, predictionScan } from '../../src/prediction-log/prediction-log.ts'
import type { Checks } from './checks.ts'
import type { Traffic } from './traffic.ts'

export const EVER = { projectId: 'default', fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }
const HOUR_MS = 3_600_000

/** What was acknowledged is in the log, and what monitoring counted is what the log gives. */
export async function checkLog(checks: Checks, context: Context, traffic: Traffic): Promise<void> {
  await checkPredictions(checks, context, traffic)
  await checkFeedback(checks, context, traffic)
  await checkWindows(checks, context)
  await checkTraffic(checks, context)
  await checkJobs(checks, context)
}

async function checkPredictions(checks: Checks, context: Context, { acknowledged }: Traffic): Promise<void> {
  const rows = await context.analytics.query(
    `SELECT prediction_id, count(*) AS times, min(request_id) AS request_id FROM ${await predictionScan(context, EVER)} GROUP BY 1`,
  )
  const found = new Map(rows.map((row) => [String(row['prediction_id']), row]))
  const missing = [...acknowledged].filter(
    ([id, { requestId }]) => found.get(id)?.['request_id'] !== requestId,
  )
  checks.none(
    'every acknowledged prediction is in the log',
    missing.map(([id]) => id),
    `${acknowledged.size} acknowledged, ${found.size} logged`,
  )
  const repeated = [...found].filter(([, row]) => Number(row['times']) !== 1)
  checks.none(
    'no prediction is in the log twice',
    repeated.map(([id]) => id),
  )
}

async function checkFeedback(checks: Checks, context: Context, { feedback }: Traffic): Promise<void> {
  const rows = await context.analytics.query(`SELECT feedback_id FROM ${await feedbackScan(context, EVER)}`)
  const found = new Set(rows.map((row) => String(row['feedback_id'])))
  checks.none(
    'every acknowledged label is in the log',
    [...feedback].filter((id) => !found.has(id)),
    `${feedback.size} acknowledged`,
  )
  checks.that('the feedback scan has no label twice', found.size === rows.length)
}

/** By version, variant and hour: rows, labels and their sum, from the log and from the profile windows. */
async function checkWindows(checks: Checks, context: Context): Promise<void> {
  const scan = await labelledScan(context, { ...EVER, labelledUntilMs: EVER.toMs })
  const logged = await context.analytics.query(`
    SELECT version, variant, time_ms - time_ms % ${HOUR_MS} AS start_ms, count(*) AS rows,
      count(label) AS labelled, coalesce(sum(label), 0) AS label_sum
    FROM ${scan} WHERE status = 'ok' AND score IS NOT NULL GROUP BY ALL`)
  const windows = await context.db.read
    .selectFrom('profile_window')
    .select(['version', 'variant', 'start_ms', 'rows', 'labelled', 'label_sum'])
    .where('grain', '=', 'hour')
    .where('slice', '=', 'all')
    .execute()
  const counted = logged.map(toLine)
  const labels = windows.reduce((sum, { labelled }) => sum + labelled, 0)
  checks.none(
    'monitoring counts rows and labels as the joined log has them',
    differences(counted, windows.map(toLine)),
    `${labels} labels in ${windows.length} windows`,
  )
}

async function checkTraffic(checks: Checks, context: Context): Promise<void> {
  const logged = await context.analytics.query(`
    SELECT version, CASE WHEN pair_id IS NULL THEN variant ELSE 'shadow' END AS variant,
      time_ms - time_ms % ${HOUR_MS} AS start_ms, count(*) AS rows, count(*) FILTER (status = 'error') AS errors
    FROM ${await predictionScan(context, EVER)} GROUP BY ALL`)
  const hours = await context.db.read
    .selectFrom('traffic_hour')
    .select(['version', 'variant', 'hour_ms as start_ms', 'n as rows', 'errors'])
    .execute()
  checks.none('the traffic by hour is that of the log', differences(logged.map(toLine), hours.map(toLine)))
}

async function checkJobs(checks: Checks, { db }: Context): Promise<void> {
  const failed = await db.read
    .selectFrom('job')
    .select(['kind', 'error'])
    .where('state', '=', 'failed')
    .execute()
  checks.none('no job has failed for good', failed)
}

function toLine(row: object): string {
  return Object.entries(row)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : Number(value)}`)
    .sort()
    .join(' ')
}

/** Lines that only one side has. */
function differences(logged: readonly string[], counted: readonly string[]): string[] {
  const [left, right] = [new Set(logged), new Set(counted)]
  return [
    ...logged.filter((line) => !right.has(line)).map((line) => `log: ${line}`),
    ...counted.filter((line) => !left.has(line)).map((line) => `counted: ${line}`),
  ]
}
