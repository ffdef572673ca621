import type { JsonObject } from '../kernel/json.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import { binnedMoments } from '../statistics/divergence.ts'
import { NUMBER_CELLS_BEFORE } from '../statistics/bins.ts'
import { addInto, decodeProfile, emptyProfile, labelCells, type Profile } from '../statistics/profile.ts'
import { calibrateDays, type DayValue } from '../statistics/blocks.ts'
import { judgeSpread, type SpreadJudgement, type SpreadRule } from './base-rate.ts'
import type { MonitorDefinition } from './definition.ts'
import { qualityOf, referenceRanking, type Quality } from './ranking.ts'
import { dayNumber, type Reference } from './reference.ts'
import type { ProfileWindow, WindowVerdict } from './schema.ts'

/** One day with its labels: all answers together, and those of the judged version. */
export interface LabelledDay {
  startMs: number
  rows: number
  labelled: number
  coverage: number
  /** Share of positive labels, or the mean label. */
  rate: number
  quality: Quality | undefined
  /** Mean loss of all labelled rows. */
  loss: number
  /** Enough labels to be judged. */
  ready: boolean
}

export interface LabelsJudgement {
  day: LabelledDay
  baseRate: SpreadJudgement | undefined
  ranking: SpreadJudgement | undefined
  /** Standard deviation of the reference days' AUC. */
  rankingSpread: number
}

/** Sums the windows of a day; `version` is the one whose ranking is looked at. */
export function labelledDay(
  reference: Reference,
  windows: readonly ProfileWindow[],
  { startMs, version, layoutSha256 }: { startMs: number; version: number; layoutSha256: string },
  { minRows, minCoverage }: Pick<MonitorDefinition, 'minRows' | 'minCoverage'>,
): LabelledDay {
  const answers = windows.filter((window) => window.startMs === startMs && window.variant !== 'shadow')
  const [rows, labelled, labelSum, lossSum] = answers.reduce(
    ([a, b, c, d], window) => [a + window.rows, b + window.labelled, c + window.labelSum, d + window.lossSum],
    [0, 0, 0, 0] as [number, number, number, number],
  )
  const own = sumProfiles(
    reference,
    answers.filter(
      (window) =>
        window.version === version && window.layoutSha256 === layoutSha256 && window.variant !== 'fallback',
    ),
  )
  const coverage = rows === 0 ? 0 : labelled / rows
  return {
    startMs,
    rows,
    labelled,
    coverage,
    rate: labelled === 0 ? 0 : labelSum / labelled,
    loss: labelled === 0 ? 0 : lossSum / labelled,
    quality: qualityOf(reference.layout, own),
    ready: labelled >= minRows && coverage >= minCoverage,
  }
}

export function sumProfiles(reference: Reference, windows: readonly ProfileWindow[]): Profile {
  const total = emptyProfile(reference.layout)
  for (const window of windows) addInto(total, decodeProfile(reference.layout, window.profile))
  return total
}

/** Judges the last of the days; the others, at most two days older, are for the three-day mean. */
export function judgeLabels(
  reference: Reference,
  days: readonly LabelledDay[],
  definition: Pick<MonitorDefinition, 'baseRate' | 'ranking'>,
): LabelsJudgement {
  const day = days.at(-1)!
  const ready = days.filter((each) => each.ready)
  const ranked = referenceRanking(reference)
  const rates = ready.map(({ startMs, rate, labelled }) => ({
    day: dayNumber(startMs),
    value: rate,
    rows: labelled,
  }))
  const aucs = ready.flatMap(({ startMs, quality }) =>
    quality
      ? [{ day: dayNumber(startMs), value: quality.auc, rows: quality.positives + quality.negatives }]
      : [],
  )
  return {
    day,
    baseRate:
      definition.baseRate === false || !day.ready
        ? undefined
        : spread(referenceRates(reference), rates, {
            ...definition.baseRate,
            sides: 'both',
            isShare: reference.layout.label.kind === 'category',
            ...labelVariance(reference),
          }),
    ranking:
      definition.ranking === false || !day.ready || !day.quality
        ? undefined
        : spread(ranked.values, aucs, {
            ...definition.ranking,
            sides: 'lower',
            isShare: true,
            rowVariance: ranked.rowVariance,
          }),
    rankingSpread: sdOf(ranked.values),
  }
}

/** Undefined when the reference has too few days to be calibrated by. */
function spread(
  reference: readonly DayValue[],
  days: readonly DayValue[],
  rule: SpreadRule,
): SpreadJudgement | undefined {
  if (reference.length < 3 || days.length === 0) return undefined
  return judgeSpread(reference, days, rule)
}

export function referenceRates({ days }: Reference): DayValue[] {
  return days
    .filter(({ rows }) => rows > 0)
    .map(({ day, rows, labelSum }) => ({ day, rows, value: labelSum / rows }))
}

/** A share has its variance from its mean; the labels of a regression bring their own. */
function labelVariance({ layout, total }: Reference): { rowVariance?: number } {
  if (layout.label.kind === 'category') return {}
  const { sd } = binnedMoments(
    labelCells(layout, total).subarray(NUMBER_CELLS_BEFORE - 1),
    layout.label.edges,
  )
  return { rowVariance: sd * sd }
}

function sdOf(values: readonly DayValue[]): number {
  if (values.length < 3) return 0
  const { betweenSd, rowVariance } = calibrateDays(values, { rowVariance: 0 })
  return Math.sqrt(betweenSd ** 2 + rowVariance)
}

export function verdictOf(judged: SpreadJudgement | undefined): WindowVerdict {
  return judged?.verdict ?? 'not_judged'
}

/** The numbers that a judgement is stored with: what the pages draw, and what recomputing must give. */
export function baseRateNumbers({ day, baseRate }: LabelsJudgement): JsonObject {
  return { ...dayNumbers(day), value: day.rate, ...spreadNumbers(baseRate) }
}

export function rankingNumbers({ day, ranking, rankingSpread }: LabelsJudgement): JsonObject {
  const { quality } = day
  return {
    ...dayNumbers(day),
    value: quality?.auc ?? null,
    lower: quality ? Math.max(0, quality.auc - 1.96 * quality.standardError) : null,
    upper: quality ? Math.min(1, quality.auc + 1.96 * quality.standardError) : null,
    logLoss: quality?.logLoss ?? null,
    meanScore: quality?.meanScore ?? null,
    rate: quality?.rate ?? null,
    referenceSpread: rankingSpread,
    ...spreadNumbers(ranking),
  }
}

function dayNumbers({ rows, labelled, coverage, loss }: LabelledDay): JsonObject {
  return { rows, labelled, coverage, loss }
}

function spreadNumbers(judged: SpreadJudgement | undefined): JsonObject {
  if (!judged) return { oneDay: null, threeDay: null }
  return {
    expected: judged.oneDay.expected,
    oneDay: { ...judged.oneDay },
    threeDay: judged.threeDay ? { ...judged.threeDay } : null,
  }
}

export function windowSpanMs(startMs: number): { fromMs: number; toMs: number } {
  return { fromMs: startMs - 2 * DAY_MS, toMs: startMs + DAY_MS }
}
