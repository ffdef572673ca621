import { expect, it } from 'vitest'
import { beatsBaseline, gain, minimum, noLeak, notWorse, type GateDefinition } from './definition.ts'
import { judgeGates } from './gates.ts'
import type { Difference, Evaluation, LeakEvidence } from './schema.ts'

const noEvidence: LeakEvidence = { featureAuc: [], importance: [], late: [] }

function evaluation(input: {
  differences?: Partial<Difference>[]
  auc?: [number, number, number]
  leak?: Partial<LeakEvidence>
  champion?: boolean
}): Evaluation {
  const { auc = [0.7, 0.69, 0.71], champion = true } = input
  const metrics = { auc: { estimate: auc[0], lower: auc[1], upper: auc[2] } }
  const subject = { metrics, blocks: {} }
  return {
    task: 'binary',
    label: 'late',
    holdout: { digest: 'd', rows: 7000, days: Array.from({ length: 7 }, (_, i) => `2001-02-0${i + 1}`) },
    subjects: [
      { name: 'late/2', role: 'candidate', ...subject, leak: { ...noEvidence, ...input.leak } },
      ...(champion ? [{ name: 'late/1', role: 'champion' as const, ...subject }] : []),
      { name: 'the base rate', role: 'baseline', ...subject },
    ],
    differences: (input.differences ?? []).map((difference) => ({
      metric: 'auc',
      against: 'champion',
      gain: 0.003,
      lower: -0.001,
      upper: 0.006,
      days: 7,
      ...difference,
    })),
  }
}

const judge = (gate: GateDefinition, input: Parameters<typeof evaluation>[0]) =>
  judgeGates([gate], evaluation(input))

it('declines a gain whose interval includes zero, with the interval in one sentence', () => {
  const outcome = judge(gain({ metric: 'auc' }), { differences: [{}] })
  expect(outcome).toMatchObject({
    verdict: 'undecided',
    sentence: 'Gate declined late/2: AUC +0.003 [−0.001, +0.006] over 7 days against late/1: no gain',
  })
})

it('passes a gain whose whole interval is above the bound and fails one whose interval is not above it at all', () => {
  expect(
    judge(gain({ metric: 'auc' }), { differences: [{ gain: 0.01, lower: 0.004, upper: 0.016 }] }).verdict,
  ).toBe('pass')
  expect(
    judge(gain({ metric: 'auc', atLeast: 0.02 }), {
      differences: [{ gain: 0.01, lower: 0.004, upper: 0.016 }],
    }).verdict,
  ).toBe('fail')
  expect(
    judge(gain({ metric: 'auc' }), { differences: [{ gain: -0.01, lower: -0.02, upper: 0 }] }).verdict,
  ).toBe('fail')
})

it('tells a loss as it changed: a gain in log loss is a fall', () => {
  const outcome = judge(gain({ metric: 'log_loss' }), {
    differences: [{ metric: 'log_loss', gain: 0.02, lower: 0.01, upper: 0.03 }],
  })
  expect(outcome).toMatchObject({
    verdict: 'pass',
    sentence: 'Gate passed late/2: log loss −0.020 [−0.030, −0.010] over 7 days against late/1',
  })
})

it('lets the first version pass where there is no champion to beat', () => {
  expect(judge(gain({ metric: 'auc' }), { champion: false }).verdict).toBe('pass')
  expect(judge(notWorse({ metric: 'auc', margin: 0.01 }), { champion: false }).verdict).toBe('pass')
})

it('allows being worse by less than the margin', () => {
  const gate = notWorse({ metric: 'auc', margin: 0.005 })
  expect(judge(gate, { differences: [{}] }).verdict).toBe('pass')
  expect(judge(gate, { differences: [{ lower: -0.01 }] }).verdict).toBe('undecided')
  expect(judge(gate, { differences: [{ gain: -0.02, lower: -0.03, upper: -0.01 }] }).verdict).toBe('fail')
})

it('compares with the baseline by log loss unless told otherwise', () => {
  const outcome = judge(beatsBaseline(), {
    differences: [{ metric: 'log_loss', against: 'baseline', gain: -0.01, lower: -0.02, upper: -0.005 }],
  })
  expect(outcome).toMatchObject({
    verdict: 'fail',
    sentence:
      'Gate declined late/2: log loss +0.010 [+0.005, +0.020] over 7 days against the base rate: no better than the baseline',
  })
})

it('holds a minimum by the interval, from the worse side', () => {
  expect(judge(minimum({ metric: 'auc', value: 0.68 }), {}).verdict).toBe('pass')
  expect(judge(minimum({ metric: 'auc', value: 0.7 }), {}).verdict).toBe('undecided')
  expect(judge(minimum({ metric: 'auc', value: 0.72 }), {}).verdict).toBe('fail')
})

it('suspects a feature that alone ranks the holdout, and names it', () => {
  const leak = {
    featureAuc: [
      { feature: 'arrival_delay', auc: 0.99 },
      { feature: 'hour', auc: 0.6 },
    ],
  }
  expect(judge(noLeak(), { auc: [0.99, 0.98, 1], leak })).toMatchObject({
    verdict: 'fail',
    sentence:
      'Gate declined late/2: arrival_delay alone ranks the holdout with an AUC of 0.990: it must hold the answer; suspected leak',
  })
})

it('suspects values from after the event, an implausible AUC, and a model that is one feature', () => {
  const late = [{ feature: 'delays', rows: 700, share: 0.1 }]
  expect(judge(noLeak(), { leak: { late } }).sentence).toContain(
    'delays was known only after the event in 10 % of the rows',
  )
  const importance = [
    { feature: 'hint', share: 0.7 },
    { feature: 'hour', share: 0.1 },
  ]
  expect(judge(noLeak(), { auc: [0.98, 0.97, 0.99], leak: { importance } }).sentence).toContain(
    '70 % of it from hint',
  )
  const only = [
    { feature: 'hint', share: 0.99 },
    { feature: 'hour', share: 0 },
  ]
  expect(judge(noLeak(), { auc: [0.9, 0.89, 0.91], leak: { importance: only } }).verdict).toBe('fail')
  expect(judge(noLeak(), { leak: { importance } }).verdict).toBe('pass')
})

it('passes only when every gate passes, and tells of the failure before the doubt', () => {
  const gates = [gain({ metric: 'auc' }), minimum({ metric: 'auc', value: 0.72 }), noLeak()]
  const outcome = judgeGates(gates, evaluation({ differences: [{}] }))
  expect(outcome.verdict).toBe('fail')
  expect(outcome.sentence).toContain('must be at least 0.720')
  expect(outcome.results.map(({ verdict }) => verdict)).toEqual(['undecided', 'fail', 'pass'])
})
