import { describe, expect, it } from 'vitest'
import { judgeSeries, type AnomalyOptions, type SeriesJudgement } from './anomaly.ts'
import { createRandom, randomBinomial, randomNormal } from './random.ts'

const DAYS = 200
const SERIES = 60
const WEEK = [0, 0.05, 0.02, 0, -0.1, -0.6, -0.8]
const OPTIONS: AnomalyOptions = { alpha: 0.01, minimum: 14, floor: 0.05, side: 'both' }

function judge(values: readonly number[], options = OPTIONS): SeriesJudgement[] {
  return judgeSeries(
    values.map((value, day) => ({ value, season: day % 7 })),
    options,
  )
}

/** Logarithms of row counts, day by day. */
function simulate(kind: 'stationary' | 'weekly' | 'dependent', seed: number): number[] {
  const random = createRandom(seed)
  let before = 0
  return Array.from({ length: DAYS }, (_, day) => {
    const shock = randomNormal(random)
    before = kind === 'dependent' ? 0.5 * before + Math.sqrt(0.75) * shock : shock
    return 10 + (kind === 'weekly' ? WEEK[day % 7]! : 0) + 0.1 * before
  })
}

function share(judgements: readonly SeriesJudgement[][]): number {
  const all = judgements.flat().filter(({ state }) => state !== 'learning')
  return all.filter(({ state }) => state === 'anomaly').length / all.length
}

describe.each(['stationary', 'weekly', 'dependent'] as const)('a %s series', (kind) => {
  const series = Array.from({ length: SERIES }, (_, seed) => simulate(kind, seed + 1))

  it('raises no more false alarms than its budget', () => {
    const judgements = series.map((values) => judge(values))
    expect(share(judgements)).toBeLessThanOrEqual(OPTIONS.alpha)
    const strict = series.map((values) => judge(values, { ...OPTIONS, alpha: 0.002 }))
    expect(share(strict)).toBeLessThanOrEqual(0.002 * 1.25)
  })

  it('sees at once that a count was halved', () => {
    const seen = [30, 60, 120].map((day) => {
      const states = series.map(
        (values) => judge([...values.slice(0, day), values[day]! - Math.log(2)]).at(-1)!.state,
      )
      return states.filter((state) => state === 'anomaly').length / states.length
    })
    for (const found of seen) expect(found).toBeGreaterThan(0.9)
  })

  it('raises about one alarm for a change that lasts, and then calls it usual', () => {
    const alarms = series.map((values) => {
      const moved = judge(values.map((value, day) => (day < 100 ? value : value - Math.log(2))))
      const after = moved.slice(100, 130).map(({ state }) => state)
      expect(after.slice(0, 2)).not.toContain('usual')
      return after.filter((state) => state === 'anomaly').length
    })
    expect(alarms.reduce((sum, count) => sum + count, 0) / SERIES).toBeLessThan(1.3)
    const last = judge(simulate(kind, 1).map((value, day) => (day < 100 ? value : value - Math.log(2)))).at(
      -1,
    )!
    expect(last.expected).toBeCloseTo(10 - Math.log(2) + (kind === 'weekly' ? WEEK[(DAYS - 1) % 7]! : 0), 0)
  })
})

it('learns the days of the week when they forecast better, and only then', () => {
  expect(judge(simulate('weekly', 5)).at(-1)!.seasonal).toBe(true)
  expect(judge(simulate('stationary', 5)).at(-1)!.seasonal).toBe(false)
})

it('sees nulls jump from 1 % to 10 % within one delivery', () => {
  const random = createRandom(11)
  const shares = Array.from({ length: 20 }, () => randomBinomial(random, 10_000, 0.01) / 10_000)
  const points = (last: number) =>
    [...shares, last].map((value, day) => ({ value, season: day % 7, noise: 0.001 }))
  const options = { ...OPTIONS, alpha: 0.01 / 50, floor: 0.01 }
  expect(judgeSeries(points(0.1), options).at(-1)!.state).toBe('anomaly')
  expect(judgeSeries(points(0.012), options).at(-1)!.state).toBe('usual')
})

it('says nothing before it knows enough, and holds a constant to the least change that matters', () => {
  const states = judge(Array.from({ length: 30 }, () => 5)).map(({ state }) => state)
  expect(states.indexOf('usual')).toBe(17)
  expect(judge([...Array.from({ length: 30 }, () => 5), 5.04]).at(-1)!.state).toBe('usual')
  expect(judge([...Array.from({ length: 30 }, () => 5), 5.06]).at(-1)!.state).toBe('anomaly')
})

it('takes what has happened twice for usual, and forgets a single spike in its forecast', () => {
  const flat = (count: number) => Array.from({ length: count }, () => 5)
  const spikes = judge([...flat(20), 9, ...flat(20), 9, ...flat(20), 9]).map(({ state }) => state)
  expect([spikes[20], spikes[41], spikes[62]]).toEqual(['anomaly', 'anomaly', 'usual'])
  expect(judge([...flat(20), 9, ...flat(5)]).at(-1)).toMatchObject({ state: 'usual', expected: 5 })
})

it('judges one side where only that matters', () => {
  const flat = Array.from({ length: 20 }, () => 5)
  const states = [3, 7].map((last) => judge([...flat, last], { ...OPTIONS, side: 'above' }).at(-1)!)
  expect(states.map(({ state, low }) => [state, low])).toEqual([
    ['usual', null],
    ['anomaly', null],
  ])
})
