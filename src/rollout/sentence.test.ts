import { expect, test } from 'vitest'
import { describe as say } from './sentence.ts'
import { planOf } from './simulation.ts'
import type { MetricVerdict } from './verdict.ts'

const verdict: MetricVerdict = {
  stage: 0,
  metric: 'loss',
  verdict: 'pass',
  paired: true,
  margin: 0.05,
  alpha: 0.05,
  difference: -0.0001,
  lower: -0.028,
  upper: 0.028,
  rows: { candidate: 1012, stable: 1012 },
}

test('a difference that rounds to nothing is called neither better nor worse', () => {
  const plan = planOf({ stages: [{ shadow: { minPairs: 500 } }, { canary: 50 }] })
  expect(say(verdict, plan)).toMatch(/ differs by 0\.000 \[−0\.028, 0\.028\], margin 0\.050$/)
  expect(say({ ...verdict, difference: -0.003 }, plan)).toMatch(/ is better by 0\.003 \[−0\.028, 0\.028\]/)
  expect(say({ ...verdict, difference: 0.003 }, plan)).toMatch(/ is worse by 0\.003 \[−0\.028, 0\.028\]/)
})
