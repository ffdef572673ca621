import { setImmediate } from 'node:timers/promises'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { readMetricHistory } from './history.ts'
import type { Metric } from './schema.ts'
import { getRunRow } from './store.ts'
import {
  hasMorePoints,
  listMetricHistory,
  listMetricSteps,
  listMetricsAtSteps,
  listSparseSteps,
  type StepRange,
} from './store-history.ts'
import { listLatestMetrics } from './store-values.ts'

/** Up to here all steps of a history are read. */
const FEW_POINTS = 20_000

interface AskSample extends Caller, StepRange {
  runIds: readonly string[]
  key: string
  limit: number
}

/**
 * Points of several runs at up to `limit` of their common steps, evenly chosen, first and last included: by the rank of the steps, or where
 * a history has more than 20,000 points by their place on the axis.
 */
export async function sampleHistories(
  context: Pick<Context, 'db'>,
  input: AskSample,
): Promise<(Metric & { runId: string })[]> {
  const { db } = context
  const { projectId, actor, runIds, key, limit } = input
  requirePermission(actor, 'view', projectId)
  for (const runId of runIds) await getRunRow(db.read, projectId, runId)
  const sparse = await sparseSteps(context, input)
  const steps = evenly(sparse ?? (await allSteps(context, input)), limit)
  const sampled: (Metric & { runId: string })[] = []
  for (const runId of runIds) {
    const found = await listMetricsAtSteps(db.read, {
      runId,
      key,
      steps,
      limit,
      sparse: sparse !== undefined,
    })
    const metrics = sparse ? await withEnds(context, { ...input, runId }, found) : found
    for (const metric of metrics) sampled.push({ ...metric, runId })
  }
  return sampled
}

/**
 * Steps along the axis out of the index of every 64th; undefined where no history is long, or where the index has too few: it holds none
 * of a history that was logged every 64 steps from step 1.
 */
async function sparseSteps({ db }: Pick<Context, 'db'>, input: AskSample): Promise<number[] | undefined> {
  const { runIds, key, limit } = input
  const steps = new Set<number>()
  for (const runId of runIds) {
    if (!(await hasMorePoints(db.read, { runId, key, than: FEW_POINTS }))) continue
    const found = await listSparseSteps(db.read, { ...input, runId })
    if (found.length * 2 < limit) return undefined
    for (const step of found) steps.add(step)
  }
  return steps.size === 0 ? undefined : [...steps].sort((a, b) => a - b)
}

async function allSteps(context: Pick<Context, 'db'>, input: AskSample): Promise<number[]> {
  const { startStep = -Infinity, endStep = Infinity, key } = input
  const steps = new Set<number>()
  for (const runId of input.runIds) {
    if (!(await hasMorePoints(context.db.read, { runId, key, than: FEW_POINTS }))) {
      for (const step of await listMetricSteps(context.db.read, { ...input, runId })) steps.add(step)
      continue
    }
    for await (const { items } of readMetricHistory(context, { ...input, runId, limit: Infinity })) {
      for (const { step } of items) if (step >= startStep && step <= endStep) steps.add(step)
      await setImmediate()
    }
  }
  return [...steps].sort((a, b) => a - b)
}

/** With the first and the latest point of the run, where they lie in the range. */
async function withEnds(
  { db }: Pick<Context, 'db'>,
  input: AskSample & { runId: string },
  found: readonly Metric[],
): Promise<Metric[]> {
  const { runId, key, startStep = -Infinity, endStep = Infinity } = input
  const [first] = await listMetricHistory(db.read, { runId, key, limit: 1 })
  const latest = (await listLatestMetrics(db.read, [runId])).get(runId)?.find((metric) => metric.key === key)
  const inner = found.slice(0, input.limit - 2)
  const known = new Set(inner.map(({ step }) => step))
  const ends = [first, latest].filter(
    (end): end is Metric =>
      end !== undefined && end.step >= startStep && end.step <= endStep && !known.has(end.step),
  )
  return [...inner, ...ends].sort((a, b) => a.step - b.step || a.timestampMs - b.timestampMs)
}

function evenly(values: readonly number[], count: number): number[] {
  if (values.length <= count) return [...values]
  const chosen = Array.from({ length: count }, (_, index) =>
    Math.round((index * (values.length - 1)) / Math.max(1, count - 1)),
  )
  return [...new Set(chosen)].map((index) => values[index]!)
}
