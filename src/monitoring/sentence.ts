import { DAY_MS } from '../kernel/time-spans.ts'
import type { WindowJudgement } from '../statistics/blocks.ts'
import type { SpreadJudgement } from './base-rate.ts'
import type { DriftJudgement } from './drift.ts'
import type { SickEntity } from './feed-health.ts'

/** `16 Feb` */
export function dayName(ms: number): string {
  return new Date(ms).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })
}

/** What the alert on the base rate says, and in the same breath whether the ranking holds. */
export function baseRateSentence(
  { deployment, startMs, ranking }: { deployment: string; startMs: number; ranking: RankingNews },
  judged: SpreadJudgement,
): string {
  const outside = judged.oneDay.alert ? judged.oneDay : (judged.threeDay ?? judged.oneDay)
  return (
    `Base rate of ${deployment} left its daily spread on ${dayName(startMs)} (${windowText(outside)}). ` +
    rankingText(ranking)
  )
}

export interface RankingNews {
  judged: SpreadJudgement | undefined
  /** Standard deviation of the reference days' AUC, sampling noise included. */
  spread: number
}

export function rankingSentence(
  { deployment, startMs, ranking }: { deployment: string; startMs: number; ranking: RankingNews },
  judged: SpreadJudgement,
): string {
  const outside = judged.oneDay.alert ? judged.oneDay : (judged.threeDay ?? judged.oneDay)
  return (
    `${deployment} ranks worse since ${dayName(startMs)}: AUC over ${windowText(outside)}; ` +
    `the reference has ${auc(outside.expected)} ± ${share(ranking.spread)}.`
  )
}

function rankingText({ judged, spread }: RankingNews): string {
  if (!judged) return 'The ranking could not be judged.'
  const { value, expected } = judged.threeDay ?? judged.oneDay
  const state = judged.verdict === 'out' ? 'The ranking fell too' : 'Ranking holds'
  return `${state}: AUC ${auc(value)}, reference ${auc(expected)} ± ${share(spread)}.`
}

/** `3-day mean .31 [limits .14–.27]` */
function windowText({ days, value, lower, upper }: WindowJudgement): string {
  const name = days === 1 ? '1 day' : `${days}-day mean`
  const limits = `${lower === null ? '…' : share(lower)}–${upper === null ? '…' : share(upper)}`
  return `${name} ${share(value)} [limits ${limits}]`
}

export function driftSentence(
  { deployment, startMs }: { deployment: string; startMs: number },
  causes: readonly DriftJudgement[],
): string {
  const out = causes.filter(({ alert }) => alert)
  const first = out[0]!
  const others =
    out.length === 1
      ? ''
      : `; also ${out
          .slice(1, 4)
          .map(({ name }) => name)
          .join(', ')}`
  return (
    `What ${deployment} is asked changed on ${dayName(startMs)}: ${first.cause} ` +
    `(distance ${share(first.distance)}, days of the reference reach ${share(first.upper)})${others}.`
  )
}

export function feedSentence(deployment: string, source: string, sick: readonly SickEntity[]): string {
  const [problem, name] = sourceParts(source)
  const first = sick[0]!
  const others = sick.length === 1 ? '' : `, and ${sick.length - 1} more`
  return (
    `${name} is ${problem} for ${first.entity}${others} since ${hourName(first.sinceMs)}: ${first.bad} of ${first.rows} requests to ` +
    `${deployment} in ${first.hours} hours; before, at most ${first.longestBefore} such hours in a row. Training is blocked until it heals.`
  )
}

export function sourceParts(source: string): [problem: string, name: string] {
  const [problem, name] = source.split(':')
  if (name === undefined) return ['broken', source]
  return [problem === 'null' ? 'missing' : (problem ?? 'broken'), name]
}

export function hourName(ms: number): string {
  return `${dayName(ms)} ${new Date(ms).toISOString().slice(11, 16)}`
}

export function lasted(fromMs: number, toMs: number): string {
  const days = (toMs - fromMs) / DAY_MS
  return days >= 1.5 ? `${Math.round(days)} days` : `${Math.max(1, Math.round(days * 24))} hours`
}

function auc(value: number): string {
  return value.toFixed(3).replace(/^0/, '')
}

/** `.31`: two digits, three for what is small. */
function share(value: number): string {
  const digits = Math.abs(value) < 0.095 ? 3 : 2
  return value.toFixed(digits).replace(/^(-?)0\./, '$1.')
}
