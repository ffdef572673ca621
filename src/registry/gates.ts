import type { GateDefinition, MetricName } from './definition.ts'
import type { Difference, Evaluation, EvaluationSubject, GateResult, Verdict } from './schema.ts'
import { DIRECTION } from './subject-metrics.ts'

export interface GateOutcome {
  /** `pass` only when every gate passed; `fail` when one failed; else `undecided`. */
  verdict: Verdict
  sentence: string
  results: GateResult[]
}

/** Judges the candidate of an evaluation by its gates. Depends on its arguments alone. */
export function judgeGates(gates: readonly GateDefinition[], evaluation: Evaluation): GateOutcome {
  const candidate = subjectOf(evaluation, 'candidate')!
  const results = gates.map((gate) => judgeGate(gate, evaluation, candidate))
  const worst =
    results.find(({ verdict }) => verdict === 'fail') ?? results.find(({ verdict }) => verdict !== 'pass')
  if (worst)
    return { verdict: worst.verdict, sentence: `Gate declined ${candidate.name}: ${worst.sentence}`, results }
  const reasons = results.map(({ sentence }) => sentence).join('; ') || 'it has no gates'
  return { verdict: 'pass', sentence: `Gate passed ${candidate.name}: ${reasons}`, results }
}

function judgeGate(gate: GateDefinition, evaluation: Evaluation, candidate: EvaluationSubject): GateResult {
  switch (gate.gate) {
    case 'gain':
      return judgeDifference(gate.gate, evaluation, { ...gate, against: 'champion', bound: gate.atLeast })
    case 'not_worse':
      return judgeDifference(gate.gate, evaluation, { ...gate, against: 'champion', bound: -gate.margin })
    case 'beats_baseline': {
      const metric = gate.metric ?? (evaluation.task === 'binary' ? 'log_loss' : 'mse')
      return judgeDifference(gate.gate, evaluation, { metric, against: 'baseline', bound: 0 })
    }
    case 'minimum':
      return judgeMinimum(gate, evaluation, candidate)
    case 'no_leak':
      return judgeLeak(gate, candidate)
  }
}

/** Passes when the whole interval of the gain is above the bound, fails when none of it is. */
function judgeDifference(
  gate: string,
  evaluation: Evaluation,
  rule: { metric: MetricName; against: Difference['against']; bound: number },
): GateResult {
  const { metric, against, bound } = rule
  const other = subjectOf(evaluation, against)
  if (!other) return { gate, verdict: 'pass', sentence: 'there is no champion to beat', numbers: { metric } }
  const difference = evaluation.differences.find((item) => item.metric === metric && item.against === against)
  if (!difference) return notMeasured(gate, metric)
  const { gain, lower, upper, days } = difference
  const verdict = lower > bound ? 'pass' : upper <= bound ? 'fail' : 'undecided'
  const change = DIRECTION[metric] * gain
  const [low, high] = DIRECTION[metric] === 1 ? [lower, upper] : [-upper, -lower]
  const measured = `${label(metric)} ${signed(change)} [${signed(low)}, ${signed(high)}] over ${periods(evaluation, days)} against ${other.name}`
  const sentence = verdict === 'pass' ? measured : `${measured}: ${objection(gate, verdict, bound)}`
  return {
    gate,
    verdict,
    sentence,
    numbers: { metric, gain, lower, upper, days, bound, against: other.name },
  }
}

function objection(gate: string, verdict: Verdict, bound: number): string {
  if (gate === 'beats_baseline')
    return verdict === 'fail' ? 'no better than the baseline' : 'not clearly better than the baseline'
  if (gate === 'not_worse')
    return verdict === 'fail'
      ? `worse by more than ${short(-bound)}`
      : `may be worse by more than ${short(-bound)}`
  return bound === 0 ? 'no gain' : `no gain of ${short(bound)}`
}

function judgeMinimum(
  { metric, value }: Extract<GateDefinition, { gate: 'minimum' }>,
  evaluation: Evaluation,
  candidate: EvaluationSubject,
): GateResult {
  const gate = 'minimum'
  const estimate = candidate.metrics[metric]
  if (estimate?.lower === undefined || estimate.upper === undefined) return notMeasured(gate, metric)
  const up = DIRECTION[metric] === 1
  const worst = up ? estimate.lower : estimate.upper
  const best = up ? estimate.upper : estimate.lower
  const reaches = (bound: number): boolean => (up ? bound >= value : bound <= value)
  const verdict: Verdict = reaches(worst) ? 'pass' : reaches(best) ? 'undecided' : 'fail'
  const measured = `${label(metric)} ${short(estimate.estimate)} [${short(estimate.lower)}, ${short(estimate.upper)}] over ${periods(evaluation, evaluation.holdout.days.length)}`
  const wanted = `${up ? 'at least' : 'at most'} ${short(value)}`
  const sentence = verdict === 'pass' ? `${measured}, ${wanted}` : `${measured}: must be ${wanted}`
  return {
    gate,
    verdict,
    sentence,
    numbers: { metric, value, estimate: estimate.estimate, lower: estimate.lower, upper: estimate.upper },
  }
}

const LEAST_AUC_FOR_IMPORTANCE = 0.7
const LATE_SHARE = 0.001

function judgeLeak(
  { maxAuc, maxFeatureAuc, maxImportance }: Extract<GateDefinition, { gate: 'no_leak' }>,
  { metrics, leak }: EvaluationSubject,
): GateResult {
  const gate = 'no_leak'
  if (!leak)
    return { gate, verdict: 'pass', sentence: 'leaks are looked for in binary tasks only', numbers: {} }
  const auc = metrics['auc']?.estimate ?? 0.5
  const alone = leak.featureAuc[0]
  const main = leak.importance[0]
  const numbers = {
    auc,
    feature: alone?.feature ?? null,
    featureAuc: alone?.auc ?? null,
    mainFeature: main?.feature ?? null,
    importance: main?.share ?? null,
  }
  const suspect = (sentence: string): GateResult => ({
    gate,
    verdict: 'fail',
    sentence: `${sentence}; suspected leak`,
    numbers,
  })
  const late = leak.late.find(({ share }) => share > LATE_SHARE)
  if (late)
    return suspect(`${late.feature} was known only after the event in ${percent(late.share)} of the rows`)
  if (alone && alone.auc >= maxFeatureAuc)
    return suspect(
      `${alone.feature} alone ranks the holdout with an AUC of ${short(alone.auc)}: it must hold the answer`,
    )
  if (auc >= maxAuc) {
    const most = main ? `, ${percent(Math.min(1, main.share))} of it from ${main.feature}` : ''
    return suspect(`an AUC of ${short(auc)} is implausible${most}`)
  }
  if (main && leak.importance.length > 1 && auc >= LEAST_AUC_FOR_IMPORTANCE && main.share >= maxImportance)
    return suspect(`without ${main.feature} nearly nothing is left of the AUC of ${short(auc)}`)
  return { gate, verdict: 'pass', sentence: 'no sign of a leak', numbers }
}

function notMeasured(gate: string, metric: string): GateResult {
  const sentence = `${label(metric)} could not be measured on this holdout`
  return { gate, verdict: 'undecided', sentence, numbers: { metric } }
}

function subjectOf({ subjects }: Evaluation, role: EvaluationSubject['role']): EvaluationSubject | undefined {
  return subjects.find((subject) => subject.role === role)
}

function periods({ holdout }: Evaluation, count: number): string {
  return countDays(holdout.days) === 0 ? `${count} parts` : `${count} days`
}

/** The days of a holdout; 0 where equal stretches of its rows are the blocks instead. */
export function countDays(blocks: readonly string[]): number {
  return blocks[0]?.startsWith('part ') ? 0 : blocks.length
}

function label(metric: string): string {
  return (
    { auc: 'AUC', log_loss: 'log loss', brier: 'Brier score', mae: 'absolute error', mse: 'squared error' }[
      metric
    ] ?? metric
  )
}

/** With a sign, and a true minus. */
function signed(value: number): string {
  const text = short(Math.abs(value))
  return value < 0 && Number(text) !== 0 ? `−${text}` : `+${text}`
}

function short(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(1) : value.toFixed(3)
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`
}
