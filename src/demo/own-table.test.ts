import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { readOwnTable, type OwnTable } from './own-table.ts'

type Row = (index: number) => Record<string, string | number>

async function read(row: Row, { target = 'sold', time = 'day', rows = 400 } = {}): Promise<OwnTable> {
  const table = Array.from({ length: rows }, (_, index) => row(index))
  const lines = [Object.keys(table[0]!), ...table.map((values) => Object.values(values))]
  const file = join(mkdtempSync(join(tmpdir(), 'tidemill-own-')), 'own.csv')
  writeFileSync(file, lines.map((line) => line.join(',')).join('\n'))
  await using analytics = openDuckDb()
  await using session = await analytics.session()
  return await readOwnTable(session, { file, target, time })
}

function day(index: number): string {
  return new Date(Date.UTC(2020, 0, 1) + index * 3_600_000 * 6).toISOString().slice(0, 19)
}

const usual: Row = (index) => ({
  day: day(index),
  id: index,
  price: index * 1.5,
  size: ['S', 'M', 'L'][index % 3]!,
  name: `item ${index}`,
  shop: 'one',
  label: index % 4,
  sold: index % 5 === 0 ? 'sold' : 'kept',
})

test('Numbers and categories are features; ids, names, constants, the time and the target are not', async () => {
  const table = await read(usual)
  expect(table.features).toEqual([
    { name: 'price', kind: 'number' },
    { name: 'size', kind: 'category' },
    { name: 'column_label', kind: 'number' },
  ])
  expect(table.leftOut.map(({ name }) => name)).toEqual(['id', 'name', 'shop'])
  expect(table).toMatchObject({ rows: 400, cutMs: Date.UTC(2020, 1, 29), historyRows: 236, historyDays: 59 })
})

test('A text with two values is a binary target, of which the rarer is asked; numbers are a regression', async () => {
  expect((await read(usual)).target).toMatchObject({ task: 'binary', positive: 'sold' })
  expect((await read(usual, { target: 'price' })).target.task).toBe('regression')
  const yes: Row = (index) => ({ ...usual(index), sold: index % 5 === 0 ? 'no' : 'Y' })
  expect((await read(yes)).target).toMatchObject({ task: 'binary', positive: 'Y' })
})

test('Seconds and milliseconds since 1970 are times, and rows come in their order', async () => {
  const seconds: Row = (index) => ({ ...usual(index), day: 1_577_836_800 + ((index * 7) % 400) * 21_600 })
  expect(await read(seconds)).toMatchObject({ firstMs: Date.UTC(2020, 0, 1), historyDays: 59 })
  const ms: Row = (index) => ({ ...usual(index), day: 1_577_836_800_000 + index * 21_600_000 })
  expect(await read(ms)).toMatchObject({ firstMs: Date.UTC(2020, 0, 1), historyDays: 59 })
})

test('What cannot be played is refused, with what would be right', async () => {
  const refused = async (
    message: RegExp,
    row: Row,
    options: Parameters<typeof read>[1] = {},
  ): Promise<void> => {
    await expect(read(row, options)).rejects.toThrow(message)
  }
  await refused(/no such column. It has day, id, price/, usual, { target: 'none' })
  await refused(/--time when: the file has no such column/, usual, { time: 'when' })
  await refused(/--time day: row 8 has "soon"/, (index) => ({
    ...usual(index),
    day: index === 7 ? 'soon' : day(index),
  }))
  await refused(/--time size: row 1 has "S"/, usual, { time: 'size' })
  await refused(/has the same value in every row/, usual, { target: 'shop' })
  await refused(/has 3 values of type VARCHAR/, usual, { target: 'size' })
  await refused(/at least 100 are needed/, usual, { rows: 60 })
  await refused(/need at least two days/, (index) => ({ ...usual(index), day: '2020-01-01' }))
  await refused(/No column is left/, (index) => ({ day: day(index), id: index, sold: index % 2 }))
})
