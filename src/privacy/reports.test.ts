import * as fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { clopperPearson } from '../statistics/proportion.ts'
import { groupBalance, kAnonymity } from './privacy.ts'

const analytics = openDuckDb({ memoryLimit: '1GB' })
afterAll(async () => await analytics[Symbol.asyncDispose]())

type Penguin = Record<string, string | number | null>
const PATH = 'node_modules/vega-datasets/data/penguins.json'
const PENGUINS = JSON.parse(readFileSync(PATH, 'utf8')) as Penguin[]
const SCAN = `SELECT * FROM read_json('${PATH}')`
const FLIGHTS = `SELECT origin, delay > 15 AS late, CASE WHEN distance > 1000 THEN delay END AS sparse
  FROM read_parquet('node_modules/vega-datasets/data/flights-3m.parquet')`

/** The same by counting in memory. */
function groupsOf(rows: readonly Penguin[], columns: readonly string[]): Map<string, Penguin[]> {
  return Map.groupBy(rows, (row) => JSON.stringify(columns.map((name) => row[name] ?? null)))
}

describe('k-anonymity', () => {
  it.each([[['Species', 'Island', 'Sex']], [['Island', 'Beak Length (mm)']], [['Body Mass (g)', 'Sex']]])(
    'of the penguins by %s is as counted by hand',
    async (columns) => {
      await using session = await analytics.session({ threads: 1 })
      const report = await kAnonymity(session, SCAN, { columns, sensitive: 'Species', k: 5 })
      const groups = [...groupsOf(PENGUINS, columns).values()]
      const small = groups.filter(({ length }) => length < 5)
      const species = groups.map((rows) => new Set(rows.map((row) => row['Species'])).size)
      expect(report).toMatchObject({
        rows: 344,
        groups: groups.length,
        k: Math.min(...groups.map(({ length }) => length)),
        l: Math.min(...species),
        smallGroups: small.length,
        rowsBelow: small.flat().length,
        rowsAlone: groups.filter(({ length }) => length === 1).length,
        rowsOfOneValue: groups.filter((_, index) => species[index]! < 2).flat().length,
      })
      expect(report.shareBelow).toBeCloseTo(small.flat().length / 344, 12)
      expect(report.smallest.map(({ rows }) => rows)).toEqual(
        groups
          .map(({ length }) => length)
          .sort((a, b) => a - b)
          .slice(0, 20),
      )
    },
  )

  it('of the 63 people of la-riots.csv shows how few attributes single a person out', async () => {
    await using session = await analytics.session({ threads: 1 })
    const scan = "SELECT * FROM read_csv('node_modules/vega-datasets/data/la-riots.csv')"
    const columns = ['age', 'gender', 'race']
    const report = await kAnonymity(session, scan, { columns, sensitive: 'type', k: 3 })
    const [row] = await session.query(
      `SELECT count(*) AS alone FROM (${scan} QUALIFY count(*) OVER (PARTITION BY age, gender, race) = 1)`,
    )
    expect(report).toMatchObject({ rows: 63, k: 1, l: 1, rowsAlone: row!['alone'] })
    expect(report.rowsAlone).toBeGreaterThan(30)
  })

  it('never falls when a column is left out', async () => {
    await using session = await analytics.session({ threads: 1 })
    const names = ['Species', 'Island', 'Sex', 'Body Mass (g)']
    await fc.assert(
      fc.asyncProperty(fc.subarray(names, { minLength: 2 }), async (columns) => {
        const of = async (chosen: string[]) =>
          (await kAnonymity(session, SCAN, { columns: chosen, sensitive: undefined, k: 2 })).k!
        expect(await of(columns.slice(1))).toBeGreaterThanOrEqual(await of(columns))
      }),
      { numRuns: 15 },
    )
  })

  it('of nothing is nothing', async () => {
    await using session = await analytics.session({ threads: 1 })
    const none = await kAnonymity(session, `${SCAN} WHERE false`, {
      columns: ['Sex'],
      sensitive: 'Species',
      k: 5,
    })
    expect(none).toMatchObject({ rows: 0, groups: 0, k: null, l: null, shareBelow: 0, smallest: [] })
  })
})

describe('balance of groups', () => {
  const columns = ['Species', 'Island', 'Sex', 'Beak Length (mm)', 'Body Mass (g)']

  it('of the penguins by island is as counted by hand', async () => {
    await using session = await analytics.session({ threads: 1 })
    const report = await groupBalance(session, SCAN, {
      columns,
      by: 'Island',
      label: 'Sex',
      positive: 'FEMALE',
    })
    expect(report).toMatchObject({ rows: 344, label: 'Sex', positive: 'FEMALE' })
    for (const group of report.groups) {
      const rows = PENGUINS.filter((row) => row['Island'] === group.group)
      const known = rows.filter((row) => row['Sex'] !== null)
      const females = known.filter((row) => row['Sex'] === 'FEMALE')
      expect(group).toMatchObject({ rows: rows.length, labelled: known.length, positives: females.length })
      const bounds = clopperPearson({ successes: females.length, n: known.length })
      expect(group.rate).toEqual({ value: females.length / known.length, ...bounds })
      expect(group.missing['Sex']).toBeCloseTo(1 - known.length / rows.length, 12)
    }
    expect(report.groups.map(({ group }) => group)).toEqual(['Biscoe', 'Dream', 'Torgersen'])
    expect(report.missingness[0]!.column).toBe('Sex')
  })

  it('of three million flights finds the airports whose flights are late less often than four fifths of the worst', async () => {
    await using session = await analytics.session()
    const report = await groupBalance(session, FLIGHTS, {
      columns: ['origin', 'late', 'sparse'],
      by: 'origin',
      label: 'late',
      positive: undefined,
    })
    expect(report.positive).toBe('true')
    expect(report.groups).toHaveLength(51)
    expect(report.groups.at(-1)!.merged).toBeGreaterThan(100)
    expect(report.groups.reduce((sum, { rows }) => sum + rows, 0)).toBe(report.rows)
    const best = report.groups.find(({ group }) => group === report.reference)!
    expect(best.share).toBeGreaterThanOrEqual(0.02)
    for (const { rate, ratio } of report.groups) {
      expect(ratio!.value).toBeCloseTo(rate!.value / best.rate!.value, 12)
      expect(ratio!.belowFourFifths === 'no').toBe(ratio!.value >= 0.8)
      if (ratio!.belowFourFifths === 'yes') expect(ratio!.upper).toBeLessThan(0.8)
    }
    expect(report.groups.filter(({ ratio }) => ratio!.belowFourFifths === 'yes').length).toBeGreaterThan(5)
    expect(report.missingness.map(({ column }) => column)).toEqual(['sparse'])
  })

  it('asks which value of a label with many is positive', async () => {
    await using session = await analytics.session({ threads: 1 })
    const balance = (positive?: string) =>
      groupBalance(session, SCAN, { columns, by: 'Sex', label: 'Species', positive })
    await expect(balance()).rejects.toMatchObject({
      code: 'invalid',
      message: 'Species is no label of two values (Adelie, Chinstrap, Gentoo, …): say which one is positive',
    })
    await expect(balance('Emperor')).rejects.toMatchObject({ code: 'invalid' })
    expect((await balance('Gentoo')).groups.map(({ positives }) => positives)).toEqual([61, 58, 4, 1])
  })
})
