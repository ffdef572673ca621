import type { Context } from '../http/context.ts'
import { requirePermission } from '../kernel/actor.ts'
import type { Caller } from './experiments.ts'
import type { Metric } from './schema.ts'
import { getRunRow } from './store.ts'
import { decodePageToken, encodePageToken } from './store-search.ts'
import {
  countMetricPoints,
  listMetricHistory,
  listMetricSteps,
  listMetricsAtSteps,
  listThinnedHistory,
} from './store-values.ts'

/** A page of a metric's whole history, in the order (timestamp, step, value). */
export async function getMetricHistory(
  { db }: Pick<Context, 'db'>,
  input: Caller & { runId: string; key: string; limit: number; pageToken?: string | undefined },
): Promise<{ metrics: Metric[]; nextPageToken?: string }> {
  const { projectId, actor, runId, key, limit, pageToken } = input
  requirePermission(actor, 'view', projectId)
  await getRunRow(db.read, projectId, runId)
  const after = pageToken ? decodePageToken(pageToken, 4) : undefined
  const found = await listMetricHistory(db.read, { runId, key, limit: limit + 1, after })
  const metrics = found.slice(0, limit)
  const last = metrics.at(-1)
  if (found.length <= limit || !last) return { metrics }
  const isNan = Number.isNaN(last.value)
  const token = encodePageToken([last.timestampMs, last.step, isNan ? 0 : last.value, isNan ? 1 : 0])
  return { metrics, nextPageToken: token }
}

/**
 * A metric's history for a chart: whole when it has at most `points` points, else the lowest and the highest point of each
 * of points / 2 equal parts of the axis, so that no peak is lost. The axis is the step, or the time where all steps are equal.
 */
export async function getThinnedHistory(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, runId, key, points }: Caller & { runId: string; key: string; points: number },
): Promise<{ metrics: Metric[]; total: number; thinned: boolean }> {
  requirePermission(actor, 'view', projectId)
  await getRunRow(db.read, projectId, runId)
  const extent = await countMetricPoints(db.read, runId, key)
  const total = extent.points
  if (total <= points) {
    const metrics = await listMetricHistory(db.read, { runId, key, limit: points })
    return {
      metrics: metrics.sort((a, b) => a.step - b.step || a.timestampMs - b.timestampMs),
      total,
      thinned: false,
    }
  }
  const byStep = extent.last_step > extent.first_step
  const metrics = await listThinnedHistory(db.read, {
    runId,
    key,
    axis: byStep ? 'step' : 'timestamp_ms',
    first: byStep ? extent.first_step : extent.first_ms,
    last: byStep ? extent.last_step : extent.last_ms,
    buckets: Math.max(1, Math.floor(points / 2)),
  })
  return { metrics, total, thinned: true }
}

/** Points of several runs at up to `limit` of their common steps, evenly chosen, first and last included. */
export async function sampleHistories(
  { db }: Pick<Context, 'db'>,
  input: Caller & {
    runIds: readonly string[]
    key: string
    startStep?: number | undefined
    endStep?: number | undefined
    limit: number
  },
): Promise<(Metric & { runId: string })[]> {
  const { projectId, actor, runIds, key, limit } = input
  requirePermission(actor, 'view', projectId)
  for (const runId of runIds) await getRunRow(db.read, projectId, runId)
  const steps = evenly(await listMetricSteps(db.read, input), limit)
  const sampled: (Metric & { runId: string })[] = []
  for (const runId of runIds) {
    const metrics = await listMetricsAtSteps(db.read, { runId, key, steps, limit })
    for (const metric of metrics) sampled.push({ ...metric, runId })
  }
  return sampled
}

function evenly(values: readonly number[], count: number): number[] {
  if (values.length <= count) return [...values]
  const chosen = Array.from({ length: count }, (_, index) =>
    Math.round((index * (values.length - 1)) / Math.max(1, count - 1)),
  )
  return [...new Set(chosen)].map((index) => values[index]!)
}
