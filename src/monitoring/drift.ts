import { sum } from '../kernel/sum.ts'
import { CATEGORY_CELLS_BEFORE, NUMBER_CELLS_BEFORE, type FrozenBins } from '../statistics/bins.ts'
import { calibrateDays, judgeCalibrated, type DayValue } from '../statistics/blocks.ts'
import { binnedMoments, compareCounts, jensenShannon } from '../statistics/divergence.ts'
import { featureCells, scoreCells, type Profile } from '../statistics/profile.ts'
import { createRandom, randomBinomial, type Random } from '../statistics/random.ts'
import type { Reference } from './reference.ts'

/** How far one feature's day is from the reference, and how far days of the reference are from each other. */
export interface DriftJudgement {
  /** A feature, or `score`. */
  name: string
  /** Jensen–Shannon distance of the day from the whole reference, 0 to 1. */
  distance: number
  /** What days of the reference have, at the day's number of rows. */
  expected: number
  upper: number
  psi: number
  /** Wasserstein distance in reference standard deviations; null for categories. */
  wassersteinSd: number | null
  alert: boolean
  /** Beyond twice the alarm's calm zone or not: 'calm' lets an alert clear. */
  verdict: 'out' | 'watch' | 'calm'
  /** Excess distance × importance: the order of causes. */
  weight: number
  /** What moved, in words. */
  cause: string
}

export interface DriftRule {
  budgetDays: number
  minEffect: number
  /** Share of a feature in the model's predictions; left out, all count the same. */
  importance?: Readonly<Record<string, number>>
}

const DRAWS = 8
const CALM = 0.75
const SEED = 20_010_101

/** Every feature and the score of one day, strongest cause first. The false-alarm budget is shared between them. */
export function judgeDrift(reference: Reference, day: Profile, rule: DriftRule): DriftJudgement[] {
  const { layout } = reference
  const subjects = [
    ...layout.features.map(({ name, bins }, index) => ({
      name,
      bins,
      cells: (profile: Profile) => featureCells(layout, profile, index),
    })),
    { name: 'score', bins: layout.score, cells: (profile: Profile) => scoreCells(layout, profile) },
  ]
  const budgetDays = rule.budgetDays * subjects.length
  return subjects
    .flatMap((subject) => judgeSubject(reference, day, subject, { ...rule, budgetDays }) ?? [])
    .sort((a, b) => b.weight - a.weight)
}

interface Subject {
  name: string
  bins: FrozenBins
  cells: (profile: Profile) => Float64Array
}

function judgeSubject(
  reference: Reference,
  day: Profile,
  { name, bins, cells }: Subject,
  { budgetDays, minEffect, importance }: DriftRule,
): DriftJudgement | undefined {
  const current = cells(day)
  const whole = cells(reference.total)
  const rows = sum(current)
  if (rows === 0 || sum(whole) === 0) return undefined
  const calibration = calibrateDays(distancesOfDays(reference, cells, rows), { rowVariance: 0 })
  const distance = jensenShannon(whole, current)
  const { upper, expected, alert } = judgeCalibrated(
    calibration,
    [{ day: 0, value: distance, rows }],
    minEffect,
    { budgetDays, sides: 'upper' },
  )
  const { psi, ordered } = compareCounts(whole, current, bins)
  const excess = Math.max(0, distance - expected)
  return {
    name,
    distance,
    expected,
    upper: upper!,
    psi,
    wassersteinSd: ordered?.wassersteinSd ?? null,
    alert,
    verdict: alert ? 'out' : excess <= CALM * (upper! - expected) ? 'calm' : 'watch',
    weight: excess * weightOf(name, importance),
    cause: describeChange(name, bins, whole, current),
  }
}

/** A subject whose importance was not measured counts as an average feature. */
function weightOf(name: string, importance: DriftRule['importance'] = {}): number {
  return importance[name] ?? 1 / Math.max(1, Object.keys(importance).length)
}

/**
 * The distance of each reference day from the other days, at the window's size: a larger day is thinned to as many rows, since a
 * small sample lies further away by chance alone. The same input gives the same numbers.
 */
function distancesOfDays(
  { total, days }: Reference,
  cells: (profile: Profile) => Float64Array,
  rows: number,
): DayValue[] {
  const random = createRandom(SEED)
  const whole = cells(total)
  return days.flatMap(({ day, profile }) => {
    const own = cells(profile)
    const ownRows = sum(own)
    if (ownRows === 0) return []
    const others = whole.map((count, i) => count - own[i]!)
    if (sum(others) === 0) return []
    if (ownRows <= rows) return [{ day, value: jensenShannon(others, own), rows: ownRows }]
    let distance = 0
    for (let draw = 0; draw < DRAWS; draw++)
      distance += jensenShannon(others, thin(random, own, ownRows, rows))
    return [{ day, value: distance / DRAWS, rows }]
  })
}

/** A multinomial sample of `rows` rows with the shares of `cells`. */
function thin(random: Random, cells: Float64Array, total: number, rows: number): Float64Array {
  const thinned = new Float64Array(cells.length)
  let [left, wanted] = [total, rows]
  for (let i = 0; i < cells.length && wanted > 0; i++) {
    const count = cells[i]! >= left ? wanted : randomBinomial(random, wanted, cells[i]! / left)
    thinned[i] = count
    wanted -= count
    left -= cells[i]!
  }
  return thinned
}

function describeChange(name: string, bins: FrozenBins, whole: Float64Array, current: Float64Array): string {
  const missing = missingShare(current, bins) - missingShare(whole, bins)
  if (Math.abs(missing) >= 0.05)
    return `${name} is missing in ${percent(missingShare(current, bins))} of the rows (reference ${percent(missingShare(whole, bins))})`
  if (bins.kind === 'category') return categoryChange(name, bins.categories, whole, current)
  const before = binnedMoments(whole.subarray(NUMBER_CELLS_BEFORE - 1), bins.edges)
  const now = binnedMoments(current.subarray(NUMBER_CELLS_BEFORE - 1), bins.edges)
  const shift = before.sd > 0 ? (now.mean - before.mean) / before.sd : 0
  if (Math.abs(shift) < 0.1) return `${name} has another shape at about the same mean (${shown(now.mean)})`
  return `${name} is ${shift > 0 ? 'higher' : 'lower'}: mean ${shown(now.mean)}, reference ${shown(before.mean)}`
}

function categoryChange(
  name: string,
  categories: readonly string[],
  whole: Float64Array,
  current: Float64Array,
): string {
  const [n, m] = [sum(whole), sum(current)]
  const labels = ['missing', 'an unseen value', ...categories]
  let most = CATEGORY_CELLS_BEFORE - 1
  for (let i = 0; i < current.length; i++) if (change(i) > change(most)) most = i
  return `${name} is ${labels[most]} in ${percent(current[most]! / m)} of the rows (reference ${percent(whole[most]! / n)})`

  function change(i: number): number {
    return Math.abs(current[i]! / m - whole[i]! / n)
  }
}

function missingShare(cells: Float64Array, bins: FrozenBins): number {
  const all = sum(cells)
  return all === 0 ? 0 : (cells[0]! + (bins.kind === 'number' ? cells[1]! : 0)) / all
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
}

function shown(value: number): string {
  return String(Number(value.toPrecision(3)))
}
