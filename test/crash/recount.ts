import type { Context } from '../../src/http/context.ts'
import { labelledScan } from '../../src/prediction-log/prediction-log.ts'
import { rowLogLoss } from '../../src/statistics/ranking.ts'
import { EVER } from './log.ts'

interface Row {
  prediction_id: string
  pair_id: string | null
  request_id: string
  generation: number
  stage: number
  variant: string
  bucket: number | null
  status: string
  violations: string | null
  latency_us: number
  score: number | null
  decision: string | null
  label: number | null
  time_ms: number
  gateway_id: string
}

interface Sum {
  n: number
  sum: number
  sumSq: number
}

const COLUMNS =
  'prediction_id, pair_id, request_id, generation, stage, variant, bucket, status, violations, latency_us, score, decision, label, time_ms, gateway_id'
const LOSS_CLIP = 0.01
const SLO_US = 250_000
const HOUR_S = 3_600

/** Counts a rollout again, from the rows of the prediction log and their labels. Returns what the stored counts have differently. */
export async function recountRollout(
  context: Context,
  rolloutId: string,
): Promise<{ wrong: string[]; counts: number }> {
  const scan = await labelledScan(context, { ...EVER, labelledUntilMs: EVER.toMs })
  const rows = (await context.analytics.query(
    `SELECT ${COLUMNS} FROM ${scan} WHERE rollout_id = $1 AND bucket IS NOT NULL`,
    [rolloutId],
  )) as unknown as Row[]
  const expected = recount(rows)
  const stored = await context.db.read
    .selectFrom('rollout_count')
    .selectAll()
    .where('rollout_id', '=', rolloutId)
    .where('n', '<>', 0)
    .execute()
  const found = new Map<string, Sum>(
    stored.map(({ generation, stage, variant, metric, gateway_id, second, n, sum, sum_sq }) => [
      [generation, stage, variant, metric, gateway_id, second].join('/'),
      { n, sum, sumSq: sum_sq },
    ]),
  )
  const keys = new Set([...expected.keys(), ...found.keys()])
  const wrong = [...keys].filter((key) => !same(expected.get(key), found.get(key)))
  return {
    wrong: wrong.map(
      (key) => `${key} log ${JSON.stringify(expected.get(key))} counted ${JSON.stringify(found.get(key))}`,
    ),
    counts: found.size,
  }
}

function recount(rows: readonly Row[]): Map<string, Sum> {
  const sums = new Map<string, Sum>()
  const byId = new Map(rows.map((row) => [row.prediction_id, row]))
  const failed = new Set(
    rows
      .filter(({ variant, status }) => variant === 'canary' && status === 'error')
      .map((row) => row.request_id),
  )
  const add = (row: Row, metric: string, value: number): void => {
    const second = Math.floor(row.time_ms / 1000 / HOUR_S) * HOUR_S
    const key = [row.generation, row.stage, row.variant, metric, row.gateway_id, second].join('/')
    const known = sums.get(key) ?? { n: 0, sum: 0, sumSq: 0 }
    sums.set(key, known)
    known.n += 1
    known.sum += value
    known.sumSq += value * value
  }
  for (const row of rows) {
    const pair = row.pair_id === null ? undefined : byId.get(row.pair_id)
    const loss = lossOf(row)
    const pairLoss = pair === undefined ? null : lossOf(pair)
    if (loss !== null) add(row, 'loss', loss)
    if (loss !== null && pairLoss !== null) add(row, 'pair_loss_diff', loss - pairLoss)
    // Stable answered for a candidate that failed: the gateway counts the failure alone.
    if (row.variant === 'stable' && failed.has(row.request_id)) continue
    add(row, 'error', row.status === 'error' ? 1 : 0)
    if (row.status === 'error') continue
    add(row, 'violation', row.violations === null ? 0 : 1)
    if (row.pair_id === null) add(row, 'latency_slow', row.latency_us > SLO_US ? 1 : 0)
    if (pair === undefined) continue
    add(row, 'score_diff', row.score! - pair.score!)
    add(row, 'disagree', row.decision === pair.decision ? 0 : 1)
  }
  return sums
}

function lossOf({ score, label }: Row): number | null {
  return score === null || label === null ? null : rowLogLoss(score, label, LOSS_CLIP)
}

function same(left: Sum | undefined, right: Sum | undefined): boolean {
  if (left === undefined || right === undefined || left.n !== right.n) return false
  return near(left.sum, right.sum) && near(left.sumSq, right.sumSq)
}

function near(left: number, right: number): boolean {
  return Math.abs(left - right) <= 1e-6 * Math.max(1, Math.abs(left), Math.abs(right))
}
