import { amount } from '../kernel/amount.ts'
import type { Judgement, Step } from './next-step.ts'
import type { RolloutPlan } from './plan.ts'
import type { MetricVerdict } from './verdict.ts'

/** What a transition is told as: who, what, on which numbers. */
export interface Named {
  /** `late/4` */
  candidate: string
  stable: string
  plan: RolloutPlan
}

/** One sentence for a step: what was done, after how many rows, with the interval and the margin. */
export function sentenceOf(step: Step, judgement: Judgement, stage: number, named: Named): string {
  const { candidate, stable, plan } = named
  const rows = amount(judgement.rows)
  switch (step.action) {
    case 'wait':
      return `${candidate} goes on in ${stageName(plan, stage)} after ${rows} requests.`
    case 'hold':
      if (step.why === 'split') return splitSentence(judgement, candidate)
      return `${candidate} is held after ${rows} requests: ${missingText(step.missing, plan)}; nothing is promoted on missing data.`
    case 'advance':
      return `${candidate} goes from ${stageName(plan, stage)} to ${stageName(plan, stage + 1)} after ${rows} requests: no harm shown${decisive(judgement, plan)}.`
    case 'promote': {
      const evidence = step.evidence.map((verdict) => describe(verdict, plan)).join('; ')
      const what = candidate === stable ? endedTwin(candidate) : `Promoted ${candidate} over ${stable}`
      return `${what} after ${rows} requests: ${evidence}.`
    }
    case 'roll_back':
      return rollBackSentence(step, judgement, named)
  }
}

function rollBackSentence(
  step: Extract<Step, { action: 'roll_back' }>,
  judgement: Judgement,
  { candidate, stable, plan }: Named,
): string {
  const what = candidate === stable ? endedTwin(candidate) : `Rolled back ${candidate} to ${stable}`
  if (step.why === 'limit') {
    const { metric, share, limit, lower, rows } = step.breach
    return (
      `${what} after ${amount(rows)} requests: its ${metricName(metric, plan)} is ` +
      `${percent(share)} (at least ${percent(lower)}), above the absolute limit of ${percent(limit)}.`
    )
  }
  if (step.why === 'expired') {
    const text = step.missing.length > 0 ? missingText(step.missing, plan) : 'the stage did not fill'
    return (
      `${what}: ${duration(plan.timeoutMs)} have passed and ${text} ` +
      `(${amount(judgement.rows)} requests in this stage).`
    )
  }
  return (
    `${what} after ${amount(step.failed.rows.candidate)} ` +
    `${step.failed.paired ? 'labelled pairs' : 'requests'}: ${describe(step.failed, plan)}.`
  )
}

/** One version against itself: there is nothing to promote, and nothing to go back to. */
function endedTwin(version: string): string {
  return `Ended the A/A rollout of ${version}`
}

function splitSentence({ split, rows }: Judgement, candidate: string): string {
  if (!split) return `${candidate} is held.`
  return (
    `${candidate} is held after ${amount(rows)} requests: its share of the traffic is ${percent(split.lower)} to ` +
    `${percent(split.upper)} where ${percent(split.expected)} was planned, so the comparison proves nothing.`
  )
}

/** "log loss is worse by 0.41 [0.33, 0.49], margin 0.02" */
export function describe(verdict: MetricVerdict, plan: RolloutPlan): string {
  const { metric, difference, lower, upper, margin } = verdict
  const name = metricName(metric, plan)
  const show = metric === 'loss' ? decimal : points
  const worse = metric === 'loss' ? 'worse' : 'higher'
  const better = metric === 'loss' ? 'better' : 'lower'
  const by = show(Math.abs(difference))
  const direction = Number(by) === 0 ? 'differs' : `is ${difference >= 0 ? worse : better}`
  const sign = difference >= 0 ? 1 : -1
  const ends = sign > 0 ? [lower, upper] : [upper, lower]
  const known = ends.filter((end) => end !== null)
  const interval =
    known.length === 0 ? '' : ` [${ends.map((end) => (end === null ? '…' : show(end * sign))).join(', ')}]`
  const unit = metric === 'loss' ? '' : ' points'
  const few = known.length === 0 ? ', on too few rows for an interval' : ''
  return `${name} ${direction} by ${by}${unit}${interval}, margin ${show(margin)}${few}`
}

/** What promotion hangs on, else the loss where there are labels, else the errors: in its latest stage with a verdict. */
function decisive({ metrics }: Judgement, plan: RolloutPlan): string {
  const known = metrics.filter(({ verdict, upper }) => verdict !== 'no_data' && upper !== null)
  for (const name of [...plan.promoteOn, 'loss', 'error']) {
    const shown = known.findLast(({ metric }) => metric === name)
    if (shown) return ` (${describe(shown, plan)})`
  }
  return ''
}

function missingText(missing: readonly MetricVerdict[], plan: RolloutPlan): string {
  return missing
    .map((verdict) =>
      verdict.verdict === 'no_data'
        ? `no rows tell of its ${metricName(verdict.metric, plan)}`
        : `its ${metricName(verdict.metric, plan)} is not shown to be within the margin ` +
          `(${amount(verdict.rows.candidate)} rows; ${describe(verdict, plan)})`,
    )
    .join(' and ')
}

export function stageName(plan: RolloutPlan, stage: number): string {
  const { mode, weight } = plan.stages[stage]!
  return mode === 'shadow' ? 'shadow' : `a canary of ${weight / 100} %`
}

function metricName(metric: MetricVerdict['metric'], plan: RolloutPlan): string {
  switch (metric) {
    case 'error':
      return 'error rate'
    case 'latency_slow':
      return 'share of slow answers'
    case 'violation':
      return 'share of rows that break the schema'
    case 'loss':
      return plan.lossName
  }
}

function decimal(value: number): string {
  return signed(value.toFixed(Math.abs(value) >= 0.1 || value === 0 ? 2 : 3))
}

function points(value: number): string {
  return signed((value * 100).toFixed(2))
}

function signed(number: string): string {
  return number.replace('-', '−')
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

function duration(ms: number): string {
  const hours = ms / 3_600_000
  return hours >= 48 ? `${Math.round(hours / 24)} days` : `${Number(hours.toPrecision(3))} hours`
}
