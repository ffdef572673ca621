import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { localOwner } from '../kernel/actor.ts'
import { mlflowApp } from '../protocols/mlflow/mlflow.ts'
import type { MetricPoint } from './schema.ts'
import { createRun } from './runs.ts'
import { getThinnedHistory } from './history.ts'
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

  it('are sampled evenly with both ends, also in a range, and where the sparse index has none of their steps', async () => {
    const context = await open()
    const dense = await logCurve(context, (step) => step)
    const sample = (runIds: string[], range: object = {}) =>
      sampleHistories(context, { ...caller, runIds, key: 'loss', limit: 100, ...range })
    const steps = (await sample([dense])).map(({ step }) => step)
    expect(steps.length).toBeGreaterThan(90)
    expect(steps.length).toBeLessThanOrEqual(100)
    expect([steps[0], steps.at(-1)]).toEqual([0, POINTS - 1])
    const gaps = steps.slice(1).map((step, index) => step - steps[index]!)
    expect(Math.max(...gaps)).toBeLessThan(3 * (POINTS / 100))
    const narrow = await sample([dense], { startStep: 1000, endStep: 1049 })
    expect(narrow.map(({ step }) => step)).toEqual(Array.from({ length: 50 }, (_, index) => 1000 + index))
    const odd = await logCurve(context, (step) => step, { every: 64, from: 1 })
    const oddSteps = (await sample([odd])).map(({ step }) => step)
    expect(oddSteps).toHaveLength(100)
    expect([oddSteps[0], oddSteps.at(-1)]).toEqual([1, 1 + (POINTS - 1) * 64])
  })
})
