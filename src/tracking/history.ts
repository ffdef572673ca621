import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { decodePageToken, encodePageToken } from '../search/search.ts'
import type { Curve, Metric, Piece } from './schema.ts'
import { getRunRow } from './store.ts'
import { countMetricPoints, listMetricHistory, scanMetricHistory } from './store-history.ts'
import { storedValue } from './store-metrics.ts'
import { toMetric } from './store-values.ts'
import { Thinning } from './thinning.ts'

/** Few enough that they are gone before the collector has to look at them twice. */
const POINTS_AT_ONCE = 1_000

interface AskHistory extends Caller {
  runId: string
  key: string
  limit: number
  pageToken?: string | undefined
}

/** A page of a metric's whole history, in the order (timestamp, step, value). */
export async function getMetricHistory(
  context: Pick<Context, 'db'>,
  input: AskHistory,
): Promise<{ metrics: Metric[]; nextPageToken?: string }> {
  const metrics: Metric[] = []
  for await (const { items, ...next } of readMetricHistory(context, input)) {
    for (const metric of items) metrics.push(metric)
    if (next.nextPageToken !== undefined) return { metrics, ...next }
  }
  return { metrics }
}

/** The same page in pieces, so that a long one is never in memory at once; the last piece has the token of the next page. */
export async function* readMetricHistory(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, runId, key, limit, pageToken }: AskHistory,
): AsyncGenerator<Piece<Metric>> {
  requirePermission(actor, 'view', projectId)
  await getRunRow(db.read, projectId, runId)
  let after = pageToken ? decodePageToken(pageToken, 4) : undefined
  for (let left = limit; left > 0;) {
    const wanted = Math.min(left, POINTS_AT_ONCE)
    const found = await listMetricHistory(db.read, { runId, key, limit: wanted + 1, after })
    const items = found.slice(0, wanted)
    const last = items.at(-1)
    if (found.length <= wanted || !last) {
      yield { items }
      return
    }
    after = [last.timestampMs, last.step, ...storedValue(last.value)]
    left -= wanted
    yield left > 0 ? { items } : { items, nextPageToken: encodePageToken(after) }
  }
}

/** A metric's history as a chart takes it: points, thinned where there are more of them. */
export async function readCurve(
  context: Pick<Context, 'db'>,
  input: Caller & { runId: string; key: string; points: number },
): Promise<Curve> {
  const { metrics, ...rest } = await getThinnedHistory(context, input)
  const points = metrics.map(({ step, timestampMs, value }): Curve['points'][number] => [
    step,
    timestampMs,
    Number.isFinite(value) ? value : null,
  ])
  return { points, ...rest }
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
  const extent = await countMetricPoints(db.read, { runId, key })
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
  const thinning = new Thinning({
    axis: byStep ? 'step' : 'timestamp_ms',
    first: byStep ? extent.first_step : extent.first_ms,
    last: byStep ? extent.last_step : extent.last_ms,
    parts: Math.max(1, Math.floor(points / 2)),
  })
  for await (const rows of scanMetricHistory(db.read, { runId, key })) {
    for (const row of rows) thinning.add(row)
  }
  return { metrics: thinning.points().map((row) => toMetric({ ...row, key })), total, thinned: true }
}
