import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import type { Queryable } from '../ports/db/db.ts'
import type { Metric } from './schema.ts'
import { getRunRow } from './store.ts'
import {
  countMetricPoints,
  hasMorePoints,
  listMetricHistory,
  listMetricsAtPlaces,
  listSparseMetrics,
  listSparseSteps,
  scanMetricHistory,
  type History,
} from './store-history.ts'
import { listLatestMetrics, toMetric } from './store-values.ts'

interface AskSample extends Caller, Omit<History, 'runId'> {
  runIds: readonly string[]
  limit: number
}

/** A longer history is not read for a picture of it. */
const COUNTED_POINTS = 50_000

/**
 * Up to `limit` points of each run, evenly chosen, first and last included; all of a history that has no more. By their rank in the order (step, timestamp,
 * value) they are those that MLflow 3.17 chooses (`NTILE`, then the last one); of more than 50,000 points they are even along the steps.
 */
export async function sampleHistories(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, runIds, ...asked }: AskSample,
): Promise<(Metric & { runId: string })[]> {
  requirePermission(actor, 'view', projectId)
  for (const runId of runIds) await getRunRow(db.read, projectId, runId)
  const sampled: (Metric & { runId: string })[] = []
  for (const runId of runIds) {
    const found =
      (await sampleLong(db, { ...asked, runId })) ?? (await sampleCounted(db, { ...asked, runId }))
    for (const metric of found) sampled.push({ ...metric, runId })
  }
  return sampled
}

type Asked = History & { limit: number }

/**
 * Along the steps, out of the index of every 64th: the same few milliseconds for any length. Undefined for a history that is not long, and where
 * the index has too few: it holds none of a history that was logged every 64 steps from step 1.
 */
async function sampleLong(
  { read }: Context['db'],
  { limit, ...history }: Asked,
): Promise<Metric[] | undefined> {
  if (!(await hasMorePoints(read, { ...history, than: COUNTED_POINTS }))) return undefined
  const inner = limit - 2
  if (inner < 1) return undefined
  const found = await listSparseSteps(read, { ...history, limit })
  if (found.length * 2 < limit) return undefined
  const steps = evenPlaces(found.length, inner).map((place) => found[place]!)
  const metrics = await listSparseMetrics(read, { ...history, steps })
  return await withEnds(read, history, metrics)
}

/** With the first point of the run and the one at its latest step, where they lie among the steps. */
async function withEnds(read: Queryable, history: History, inner: readonly Metric[]): Promise<Metric[]> {
  const { runId, key, startStep = -Infinity, endStep = Infinity } = history
  const [first] = await listMetricHistory(read, { runId, key, limit: 1 })
  const latest = (await listLatestMetrics(read, [runId])).get(runId)?.find((metric) => metric.key === key)
  const known = new Set(inner.map(({ step }) => step))
  const ends = [first, latest].filter(
    (end) => end !== undefined && end.step >= startStep && end.step <= endStep && !known.has(end.step),
  )
  return [...inner, ...(ends as Metric[])].sort((a, b) => a.step - b.step)
}

/** By their places among all. */
async function sampleCounted({ read }: Context['db'], { limit, ...history }: Asked): Promise<Metric[]> {
  const { points } = await countMetricPoints(read, history)
  const asked = { ...history, places: evenPlaces(points, limit) }
  return (await pickInOrder(read, asked)) ?? (await listMetricsAtPlaces(read, asked))
}

/** The first place of each of `limit` parts as equal as can be, larger ones first; in the last one the last place. */
function evenPlaces(points: number, limit: number): number[] {
  const parts = Math.min(points, limit)
  const size = Math.floor(points / limit)
  const larger = points % limit
  const places = Array.from({ length: parts }, (_, part) => part * size + Math.min(part, larger))
  return points === 0 ? [] : [...places.slice(0, -1), points - 1]
}

/** Undefined when steps went back while time went on: then the order of time is not that of the steps. */
async function pickInOrder(
  read: Queryable,
  { places, ...history }: History & { places: readonly number[] },
): Promise<Metric[] | undefined> {
  const picked: Metric[] = []
  let step = -Infinity
  let first = 0
  for await (const rows of scanMetricHistory(read, history)) {
    for (const row of rows) {
      if (row.step < step) return undefined
      step = row.step
    }
    for (let place; (place = places[picked.length]) !== undefined && place < first + rows.length;)
      picked.push(toMetric({ ...rows[place - first]!, key: history.key }))
    first += rows.length
  }
  return picked
}
