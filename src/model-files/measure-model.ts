import type { InferenceSession } from '../ports/inference/inference.ts'
import type { ImportReport } from './schema.ts'
import { sampleFeeds } from './sample-feeds.ts'

const MOST_CALLS = 500
const BUDGET_MS = 1_000

/** Times calls with 1 and with 32 made-up rows; a graph that takes one row at a time with 1 only. */
export async function measureLatency(session: InferenceSession): Promise<ImportReport['latency']> {
  const sizes = session.inputs.some(({ shape }) => shape[0] === 1) ? [1] : [1, 32]
  const latency: ImportReport['latency'] = []
  for (const rows of sizes) {
    const feeds = sampleFeeds(session.inputs, rows, { floats: 'zero', integers: 'zero' })
    const until = performance.now() + BUDGET_MS
    const times: number[] = []
    for (let call = 0; call < MOST_CALLS && (call < 3 || performance.now() < until); call++) {
      const started = performance.now()
      await session.run(feeds)
      times.push((performance.now() - started) * 1000)
    }
    times.sort((a, b) => a - b)
    const at = (share: number): number =>
      round(times[Math.min(times.length - 1, Math.floor(share * times.length))]!)
    latency.push({ rows, calls: times.length, p50Us: at(0.5), p99Us: at(0.99) })
  }
  return latency
}

function round(us: number): number {
  return Math.round(us * 10) / 10
}
