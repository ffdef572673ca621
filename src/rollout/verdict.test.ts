import { expect, test } from 'vitest'
import { DAY_MS } from '../kernel/time-spans.ts'
import { describe as describeVerdict, sentenceOf } from './sentence.ts'
import { Counts, look, planOf } from './simulation.ts'

test('a shadow stage needs its pairs, then goes on when nothing has failed', () => {
  const plan = planOf({ stages: [{ shadow: { minPairs: 500 } }, { canary: 50 }] })
  const counts = new Counts()
  counts.add(0, 'shadow', 'error', 499, 0)
  counts.add(0, 'stable', 'error', 499, 0)
  expect(look(plan, 0, counts).step.action).toBe('wait')
  counts.add(0, 'shadow', 'error', 1, 0)
  expect(look(plan, 0, counts).step.action).toBe('advance')
})

test('paired losses of the shadow stage let a better candidate be promoted from the last canary', () => {
  const plan = planOf({ stages: [{ shadow: { minPairs: 500 } }, { canary: 50, minRequests: 500 }] })
  const counts = new Counts()
  counts.add(0, 'shadow', 'pair_loss_diff', 2000, -60, 2000 * 0.02)
  counts.add(1, 'canary', 'error', 600, 0)
  counts.add(1, 'stable', 'error', 600, 0)
  const judged = look(plan, 1, counts)
  expect(judged.step.action).toBe('promote')
  const named = { candidate: 'late/3', stable: 'late/1', plan }
  expect(sentenceOf(judged.step, judged, 1, named)).toMatch(
    /^Promoted late\/3 over late\/1 after 600 requests: log loss is better by 0\.030 \[0\.0\d+, 0\.0\d+\], margin 0\.010\.$/,
  )
})

test('without labels nothing is promoted: the rollout is held, and rolled back at its time limit', () => {
  const plan = planOf({ stages: [{ canary: 50, minRequests: 500 }], timeoutMs: DAY_MS })
  const counts = new Counts()
  counts.add(0, 'canary', 'error', 5000, 0)
  counts.add(0, 'stable', 'error', 5000, 0)
  expect(look(plan, 0, counts).step).toMatchObject({ action: 'hold', why: 'unproven' })
  const late = look(plan, 0, counts, { nowMs: DAY_MS })
  expect(late.step).toMatchObject({ action: 'roll_back', why: 'expired' })
  expect(sentenceOf(late.step, late, 0, { candidate: 'late/2', stable: 'late/1', plan })).toBe(
    'Rolled back late/2 to late/1: 24 hours have passed and no rows tell of its log loss (5,000 requests in this stage).',
  )
})

test('a loss that is much worse is rolled back with its interval and margin', () => {
  const plan = planOf({ stages: [{ canary: 50, minRequests: 500 }], margins: { loss: 0.02 } })
  const counts = new Counts()
  counts.add(0, 'canary', 'error', 612, 0)
  counts.add(0, 'stable', 'error', 640, 0)
  counts.add(0, 'canary', 'loss', 612, 612 * 0.9, 612 * 1.2)
  counts.add(0, 'stable', 'loss', 640, 640 * 0.49, 640 * 0.4)
  const judged = look(plan, 0, counts)
  expect(judged.step).toMatchObject({ action: 'roll_back', why: 'fail' })
  expect(sentenceOf(judged.step, judged, 0, { candidate: 'late/4', stable: 'late/3', plan })).toMatch(
    /^Rolled back late\/4 to late\/3 after 612 requests: log loss is worse by 0\.41 \[0\.\d\d, 0\.\d\d\], margin 0\.020\.$/,
  )
})

test('a candidate that fails every request is rolled back within ten of them by its absolute limit', () => {
  const plan = planOf({ stages: [{ canary: 5 }] })
  const counts = new Counts()
  counts.add(0, 'canary', 'error', 10, 10)
  counts.add(0, 'stable', 'error', 190, 0)
  expect(look(plan, 0, counts).step).toMatchObject({ action: 'roll_back', why: 'limit' })
})

test('a split that is not the planned one holds the rollout, since it proves nothing', () => {
  const plan = planOf({ stages: [{ canary: 50, minRequests: 500 }, { canary: 50 }] }, false)
  const counts = new Counts()
  counts.add(0, 'canary', 'error', 1000, 0)
  counts.add(0, 'stable', 'error', 1400, 0)
  const judged = look(plan, 0, counts)
  expect(judged.step).toMatchObject({ action: 'hold', why: 'split' })
  expect(sentenceOf(judged.step, judged, 0, { candidate: 'late/2', stable: 'late/1', plan })).toContain(
    'where 50.0 % was planned',
  )
})

test('an interval is told from its near end to its far end, whichever side is better', () => {
  const plan = planOf({ stages: [{ canary: 50 }] })
  const verdict = {
    stage: 0,
    metric: 'error',
    verdict: 'continue',
    paired: false,
    margin: 0.005,
    alpha: 0.01,
    difference: -0.01,
    lower: -0.02,
    upper: 0.001,
    rows: { candidate: 10, stable: 10 },
  } as const
  expect(describeVerdict(verdict, plan)).toBe('error rate is lower by 1.00 points [−0.10, 2.00], margin 0.50')
})

test('no harm is shown by what promotion hangs on, else by the errors, not by whatever comes last', () => {
  const plan = planOf({ stages: [{ canary: 50, minRequests: 500 }, { canary: 50 }] })
  const counts = new Counts()
  for (const variant of ['canary', 'stable']) {
    counts.add(0, variant, 'error', 4000, 8)
    counts.add(0, variant, 'latency_slow', 4000, 8)
    counts.add(0, variant, 'violation', 4000, 8)
  }
  const named = { candidate: 'late/2', stable: 'late/1', plan }
  const sentence = (): string => {
    const judged = look(plan, 0, counts)
    expect(judged.step.action).toBe('advance')
    return sentenceOf(judged.step, judged, 0, named)
  }
  expect(sentence()).toContain('no harm shown (error rate differs')
  for (const variant of ['canary', 'stable']) counts.add(0, variant, 'loss', 4000, 2000, 1400)
  expect(sentence()).toContain('no harm shown (log loss differs')
})
