import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import { quoteLiteral } from '../ports/analytics/analytics.ts'
import { getDeployment } from '../rollout/rollout.ts'
import { labelledScan } from '../prediction-log/prediction-log.ts'
import {
  aucBlocks,
  blockCount,
  meanBlocks,
  metricInterval,
  metricOfBlocks,
  stretches,
  type BlockStatistics,
} from '../statistics/bootstrap.ts'
import { rowLogLoss } from '../statistics/ranking.ts'

const STRETCHES = 20

export interface LogQualityInput extends Caller {
  deployment: string
  version?: number | undefined
  /** `stable`, `canary`, `shadow`, `pinned`, `external` or `fallback`; default: every row that was answered, so not `shadow`. */
  variant?: string | undefined
  /** Of the prediction's time: from, inclusive; to, exclusive. */
  fromMs?: number | undefined
  toMs?: number | undefined
}

export interface QualityEstimate {
  estimate: number
  /** Null where there are too few rows for an interval. */
  lower: number | null
  upper: number | null
}

export interface LogQuality {
  deployment: string
  version: number | null
  variant: string | null
  fromMs: number | null
  toMs: number | null
  task: 'binary' | 'regression'
  /** Predictions with a score; those among them with a label, on which everything below is computed. */
  predictions: number
  rows: number
  /** Days (UTC) with labelled rows. */
  days: number
  /** What the intervals resample: days, or stretches of equal length where there is only one day. */
  blocks: 'days' | 'stretches'
  metrics: Record<string, QualityEstimate>
}

/**
 * What the stored log says about a deployment's quality, with 95 % intervals from a bootstrap over days: `auc`, `log_loss` and
 * `base_rate` of a binary task, `mse`, `mae` and `mean_label` of a regression. Only what is rolled counts; the latest revision
 * of each label is taken. Throws `not_found` for a deployment that has no predictions.
 */
export async function logQuality(
  context: Pick<Context, 'db' | 'artifacts' | 'analytics'>,
  input: LogQualityInput,
): Promise<LogQuality> {
  const { projectId, actor, deployment, version, variant, fromMs, toMs } = input
  requirePermission(actor, 'view', projectId)
  const scan = await labelledScan(context, {
    projectId,
    deployment,
    fromMs: fromMs ?? 0,
    toMs: toMs ?? Number.MAX_SAFE_INTEGER,
    labelledUntilMs: Number.MAX_SAFE_INTEGER,
  })
  const conditions = [
    variant === undefined ? "variant <> 'shadow'" : `variant = ${quoteLiteral(variant)}`,
    ...(version === undefined ? [] : [`version = ${Math.trunc(version)}`]),
    "status = 'ok' AND score IS NOT NULL AND NOT isnan(score)",
  ]
  const { time_ms, score, label } = (await context.analytics.columns(
    `SELECT time_ms, score, label FROM ${scan} WHERE ${conditions.join(' AND ')} ORDER BY time_ms, prediction_id`,
  )) as { time_ms: number[]; score: number[]; label: (number | null)[] }
  if (time_ms.length === 0) throw nothingFound(input)
  const labelled = time_ms.flatMap((_, row) => (label[row] === null ? [] : [row]))
  const rows: LabelledRows = {
    times: labelled.map((row) => time_ms[row]!),
    scores: Float64Array.from(labelled, (row) => score[row]!),
    labels: Float64Array.from(labelled, (row) => label[row]!),
  }
  const task = (await declaredTask(context, input)) ?? apparentTask(rows)
  return {
    deployment,
    version: version ?? null,
    variant: variant ?? null,
    fromMs: fromMs ?? null,
    toMs: toMs ?? null,
    task,
    predictions: time_ms.length,
    rows: labelled.length,
    ...measure(task, rows),
  }
}

interface LabelledRows {
  times: readonly number[]
  scores: Float64Array
  labels: Float64Array
}

function measure(
  task: LogQuality['task'],
  { times, scores, labels }: LabelledRows,
): Pick<LogQuality, 'days' | 'blocks' | 'metrics'> {
  const days = new Map<number, number>()
  for (const time of times) {
    const day = Math.floor(time / DAY_MS)
    if (!days.has(day)) days.set(day, days.size)
  }
  const blocks = days.size > 1 ? 'days' : 'stretches'
  if (times.length === 0) return { days: 0, blocks, metrics: {} }
  const block =
    blocks === 'days'
      ? Uint32Array.from(times, (time) => days.get(Math.floor(time / DAY_MS))!)
      : stretches(times.length, Math.min(STRETCHES, times.length))
  const mean = (of: (score: number, label: number) => number): BlockStatistics =>
    meanBlocks(
      scores.map((score, row) => of(score, labels[row]!)),
      block,
    )
  const statistics: Record<string, BlockStatistics> =
    task === 'regression'
      ? {
          mse: mean((score, label) => (score - label) ** 2),
          mae: mean((score, label) => Math.abs(score - label)),
          mean_label: mean((_, label) => label),
        }
      : {
          ...(hasBothClasses(labels) && { auc: aucBlocks(scores, labels, block) }),
          log_loss: mean((score, label) => rowLogLoss(score, label)),
          base_rate: mean((_, label) => label),
        }
  const metrics = Object.entries(statistics).map(([name, sums]) => [name, estimateOf(sums)] as const)
  return { days: days.size, blocks, metrics: Object.fromEntries(metrics) }
}

function estimateOf(statistics: BlockStatistics): QualityEstimate {
  if (blockCount(statistics) < 2)
    return {
      estimate: statistics.kind === 'mean' ? metricOfBlocks(statistics) : NaN,
      lower: null,
      upper: null,
    }
  const { estimate, lower, upper } = metricInterval(statistics)
  const known = (bound: number): number | null => (Number.isFinite(bound) ? bound : null)
  return { estimate, lower: known(lower), upper: known(upper) }
}

function hasBothClasses(labels: Float64Array): boolean {
  return labels.some((label) => label > 0.5) && labels.some((label) => label <= 0.5)
}

async function declaredTask(
  { db }: Pick<Context, 'db'>,
  { projectId, deployment }: LogQualityInput,
): Promise<LogQuality['task'] | undefined> {
  const known = await getDeployment(db.read, { projectId, name: deployment }).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'not_found') return undefined
    throw error
  })
  if (!known?.task) return undefined
  if (known.task === 'binary' || known.task === 'regression') return known.task
  throw new AppError(
    'invalid',
    `${deployment} is a ${known.task} task; the quality of binary and regression tasks can be computed`,
  )
}

/** Of a model that is served elsewhere: labels of 0 and 1 with scores between them are a binary task. */
function apparentTask({ scores, labels }: LabelledRows): LogQuality['task'] {
  const isBinary =
    labels.every((label) => label === 0 || label === 1) && scores.every((score) => score >= 0 && score <= 1)
  return isBinary ? 'binary' : 'regression'
}

function nothingFound({ deployment, version, variant }: LogQualityInput): AppError {
  const which = [version === undefined ? '' : ` of version ${version}`, variant ? ` as ${variant}` : ''].join(
    '',
  )
  return new AppError(
    'not_found',
    `The stored log has no predictions of ${deployment}${which} in that time. Rows are stored about a second after they are answered.`,
  )
}
