import { afterAll, expect, it } from 'vitest'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { DISTINCT_ERROR, estimateDistinct } from './distinct-values.ts'

const analytics = openDuckDb()
afterAll(() => analytics[Symbol.asyncDispose]())

const SEEDS = 150
const VALUES = {
  uuids: (seed: number) => `md5(concat(range, ' of ', ${seed}))::UUID::VARCHAR`,
  numbers: (seed: number) => `range + ${1_000_000_007 * seed}`,
  times: (seed: number) => `TIMESTAMP '2001-01-01' + to_seconds(range + ${86_400 * seed})`,
} as const

const CASES = (Object.keys(VALUES) as (keyof typeof VALUES)[]).flatMap((values) =>
  [20, 1_000, 10_000].map((count) => [values, count] as const),
)

it.each(CASES)(
  'the estimate of different %s, %i of them, is off by as little as it says, with any seed',
  async (values, count) => {
    await using session = await analytics.session({ threads: 1 })
    const errors: number[] = []
    for (let seed = 0; seed < SEEDS; seed++) {
      const rows = `(SELECT ${VALUES[values](seed)} AS value FROM range(${count}))`
      const [estimate] = await estimateDistinct(session, rows, [{ name: 'value' }])
      errors.push(estimate! / count - 1)
    }
    const mean = errors.reduce((sum, error) => sum + error, 0) / SEEDS
    const deviation = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / SEEDS)
    // Over so many seeds the standard error of a deviation is 6 % of it, that of the mean 8 %.
    expect(deviation).toBeLessThan(1.2 * DISTINCT_ERROR)
    expect(Math.abs(mean)).toBeLessThan(0.3 * DISTINCT_ERROR)
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(4.5 * DISTINCT_ERROR)
  },
)

it('counts a value once however often it stands there, nulls never, and nothing as nothing', async () => {
  await using session = await analytics.session()
  const rows = `(SELECT range % 7 AS a, CASE WHEN range % 2 = 0 THEN range END AS b, NULL::VARCHAR AS c, [range % 3] AS d FROM range(100000))`
  const names = ['a', 'b', 'c', 'd'].map((name) => ({ name }))
  const [a, b, c, d] = await estimateDistinct(session, rows, names)
  expect([a, c, d]).toEqual([7, 0, 3])
  expect(Math.abs(b! / 50_000 - 1)).toBeLessThan(3 * DISTINCT_ERROR)
})
