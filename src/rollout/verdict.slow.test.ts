import { expect, test } from 'vitest'
import { DAY_MS } from '../kernel/time-spans.ts'
import { createRandom } from '../statistics/random.ts'
import { planOf, simulate } from './simulation.ts'

const canaries = [5, 25, 50].map((canary) => ({ canary, minRequests: 1000 }))

test('an A/A rollout at margin 0 is rolled back in at most 5 % of 2,000 runs while the base rate drifts by days', () => {
  const plan = planOf({
    stages: canaries,
    margins: { error: 0, latency: 0, loss: 0 },
    timeoutMs: 1000 * DAY_MS,
  })
  const random = createRandom(7)
  let rolledBack = 0
  for (let run = 0; run < 2000; run++)
    if (simulate(random, plan, { errors: [0.02, 0.02], days: 12, requests: 3000 }).ended === 'roll_back')
      rolledBack++
  expect(rolledBack / 2000).toBeLessThanOrEqual(0.05)
})

test('a candidate that raises errors from 2 to 4 % is rolled back in 99 % by 20,000 requests, half of them by 4,500', () => {
  const plan = planOf({
    stages: [{ canary: 50, minRequests: 1_000_000 }, ...canaries.slice(0, 2)],
    timeoutMs: 1000 * DAY_MS,
  })
  const random = createRandom(8)
  const caughtAt: number[] = []
  for (let run = 0; run < 500; run++) {
    const { ended, candidateRows } = simulate(random, plan, { errors: [0.04, 0.02], days: 7, requests: 500 })
    if (ended === 'roll_back' && candidateRows <= 20_000) caughtAt.push(candidateRows)
  }
  expect(caughtAt.length / 500).toBeGreaterThanOrEqual(0.99)
  expect(caughtAt.sort((a, b) => a - b)[250]).toBeLessThanOrEqual(4500)
})
