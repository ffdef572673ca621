import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { localOwner } from '../kernel/actor.ts'
import { mlflowApp } from '../protocols/mlflow/mlflow.ts'
import type { Metric, MetricPoint } from './schema.ts'
import { createRun } from './runs.ts'
import { getMetricHistory, getThinnedHistory } from './history.ts'
import { logBatch } from './log-batch.ts'
import { sampleHistories } from './sampling.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }
const POINTS = 21_000

async function logCurve(
  context: TestContext,
  valueOf: (step: number) => number,
  { points = POINTS, every = 1, from = 0 }: { points?: number; every?: number; from?: number } = {},
): Promise<string> {
  const { id } = await createRun(context, caller)
  for (let first = 0; first < points; first += 1000) {
    const metrics = Array.from({ length: 1000 }, (_, index): MetricPoint => {
      const step = from + (first + index) * every
      return { key: 'loss', value: valueOf(step), timestampMs: 1000 + step, step }
    })
    await logBatch(context, { ...caller, runId: id, metrics })
  }
  return id
}

describeDatabases('long histories', (open) => {
  it('are answered whole when no size is asked for, and in pages that together are the same', async () => {
    const context = await open()
    const id = await logCurve(context, (step) => (step === 7 ? Number.NaN : step / 3))
    const app = mlflowApp(context, () => localOwner)
    const ask = async (more: string) => {
      const path = `/api/2.0/mlflow/metrics/get-history?run_id=${id}&metric_key=loss${more}`
      return (await (await app.request(path)).json()) as {
        metrics: { step: number }[]
        next_page_token?: string
      }
    }
    const whole = await ask('')
    expect(whole.next_page_token).toBeUndefined()
    expect(whole.metrics.map(({ step }) => step)).toEqual(Array.from({ length: POINTS }, (_, step) => step))
    expect(whole.metrics[7]).toEqual({ key: 'loss', value: 'NaN', timestamp: 1007, step: 7 })
    const first = await ask('&max_results=12000')
    expect(first.metrics).toHaveLength(12_000)
    const second = await ask(`&max_results=12000&page_token=${first.next_page_token}`)
    expect(second.next_page_token).toBeUndefined()
    expect([...first.metrics, ...second.metrics]).toEqual(whole.metrics)
  })

  it('are thinned without losing a peak, a NaN or an end', async () => {
    const context = await open()
    const peaks = new Map([
      [4321, 100],
      [17_001, -100],
      [500, Number.NaN],
    ])
    const id = await logCurve(context, (step) => peaks.get(step) ?? Math.sin(step / 500))
    const { metrics, total, thinned } = await getThinnedHistory(context, {
      ...caller,
      runId: id,
      key: 'loss',
      points: 200,
    })
    expect({ total, thinned }).toEqual({ total: POINTS, thinned: true })
    expect(metrics.length).toBeLessThanOrEqual(202)
    expect(metrics.at(-1)?.step).toBe(POINTS - 1)
    for (const [step, value] of peaks)
      expect(metrics.find((metric) => metric.step === step)?.value).toEqual(value)
    expect(metrics.map(({ step }) => step)).toEqual(metrics.map(({ step }) => step).toSorted((a, b) => a - b))
  })

  it('are sampled as MLflow samples them: evenly by rank, both ends, also in a range and where steps go back', async () => {
    const context = await open()
    const ordered = await logCurve(context, (step) => (step === 210 ? Number.NaN : step % 7))
    const scattered = await logScattered(context)
    for (const [id, range] of [
      [ordered, {}],
      [ordered, { startStep: 1000, endStep: 1049 }],
      [ordered, { startStep: 300, endStep: 17_000 }],
      [scattered, {}],
      [scattered, { startStep: -5, endStep: 12 }],
    ] as const) {
      for (const limit of [1, 2, 100, 2500]) {
        const sampled = await sampleHistories(context, {
          ...caller,
          runIds: [id],
          key: 'loss',
          limit,
          ...range,
        })
        expect(sampled).toEqual(await asMlflow(context, id, limit, range))
      }
    }
    const both = { ...caller, runIds: [scattered, ordered], key: 'loss', limit: 3 }
    expect((await sampleHistories(context, both)).map(({ runId }) => runId)).toEqual([
      ...Array.from({ length: 3 }, () => scattered),
      ...Array.from({ length: 3 }, () => ordered),
    ])
    expect(await sampleHistories(context, { ...both, key: 'accuracy' })).toEqual([])
  })

  it('of more than 50,000 points are sampled along their steps with both ends, also in a range and where the index has none of them', async () => {
    const context = await open()
    const points = 60_000
    const long = await logCurve(context, (step) => step, { points })
    const steps = async (runId: string, limit: number, range: object = {}): Promise<number[]> => {
      const asked = { ...caller, runIds: [runId], key: 'loss', limit, ...range }
      return (await sampleHistories(context, asked)).map(({ step }) => step)
    }
    for (const limit of [3, 100, 320]) {
      const sampled = await steps(long, limit)
      expect(sampled.length).toBeLessThanOrEqual(limit)
      expect(sampled.length).toBeGreaterThan(limit * 0.9 - 1)
      expect([sampled[0], sampled.at(-1)]).toEqual([0, points - 1])
      const gaps = sampled.slice(1).map((step, index) => step - sampled[index]!)
      expect(Math.max(...gaps)).toBeLessThan(3 * (points / (limit - 1)))
    }
    const range = { startStep: 1000, endStep: 52_000 }
    const within = await steps(long, 100, range)
    expect(within.length).toBeGreaterThan(90)
    expect(within[0]).toBeLessThan(1000 + 64)
    expect(within.at(-1)).toBeGreaterThan(52_000 - 1100)
    expect(await steps(long, 1)).toEqual([points - 1])
    const narrow = await steps(long, 100, { startStep: 1000, endStep: 1049 })
    expect(narrow).toEqual(Array.from({ length: 50 }, (_, index) => 1000 + index))
    const odd = await logCurve(context, (step) => step, { points, every: 64, from: 1 })
    const oddSteps = await steps(odd, 100)
    expect(oddSteps).toHaveLength(100)
    expect([oddSteps[0], oddSteps.at(-1)]).toEqual([1, 1 + (points - 1) * 64])
  })
})

/** Steps that go back and come twice, equal times, NaN, infinite values, a negative step. */
async function logScattered(context: TestContext): Promise<string> {
  const { id } = await createRun(context, caller)
  const metrics = Array.from({ length: 1000 }, (_, index): MetricPoint => {
    const value = index % 50 === 0 ? Number.NaN : index % 77 === 0 ? Infinity : ((index * 7919) % 100) / 3
    return { key: 'loss', value, timestampMs: 1000 + (index % 200), step: ((index * 31) % 40) - 10 }
  })
  await logBatch(context, { ...caller, runId: id, metrics })
  return id
}

/** What MLflow 3.17.2 answers (`_sample_rows_with_window_functions`), of the whole history as it is answered page by page. */
async function asMlflow(
  context: TestContext,
  runId: string,
  limit: number,
  { startStep = -Infinity, endStep = Infinity }: { startStep?: number; endStep?: number },
) {
  const { metrics } = await getMetricHistory(context, { ...caller, runId, key: 'loss', limit: Infinity })
  const order = ({ step, timestampMs, value }: Metric): number[] => [
    step,
    timestampMs,
    Number.isNaN(value) ? 0 : value,
    Number.isNaN(value) ? 1 : 0,
  ]
  const rows = metrics
    .filter(({ step }) => step >= startStep && step <= endStep)
    .sort((a, b) => {
      const [left, right] = [order(a), order(b)]
      const at = left.findIndex((part, index) => part !== right[index])
      return at < 0 ? 0 : left[at]! < right[at]! ? -1 : 1
    })
  const sampled: Metric[] = []
  for (let bucket = 0, place = 0; bucket < limit && place < rows.length; bucket++) {
    sampled.push(rows[place]!)
    place += Math.floor(rows.length / limit) + (bucket < rows.length % limit ? 1 : 0)
  }
  const last = rows.at(-1)
  if (last && sampled.at(-1) !== last) {
    if (sampled.length >= limit) sampled[sampled.length - 1] = last
    else sampled.push(last)
  }
  return sampled.map((metric) => ({ ...metric, runId }))
}
