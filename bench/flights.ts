import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Column, FeatureSpec, Frame } from '../src/learners/schema.ts'

const PARQUET = fileURLToPath(
  new URL('../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url),
)

export const NUMBERS: readonly FeatureSpec[] = ['hour', 'weekday', 'distance'].map((name) => ({
  name,
  kind: 'number',
}))
export const AIRPORTS: readonly FeatureSpec[] = ['origin', 'destination'].map((name) => ({
  name,
  kind: 'category',
}))

/** Flights of January 2001 (`where` is SQL over `date`), every `every`-th of them, and whether each was more than 15 minutes late. */
export async function readFlights(where: string, every = 1): Promise<{ frame: Frame; target: Float64Array }> {
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  const result = await connection.runAndReadAll(`
    SELECT hour(date)::DOUBLE AS hour, dayofweek(date)::DOUBLE AS weekday, distance::DOUBLE AS distance, origin, destination, (delay > 15)::DOUBLE AS late
    FROM (SELECT *, row_number() OVER (ORDER BY date, origin, destination, delay, distance) AS place FROM '${PARQUET}' WHERE ${where})
    WHERE place % ${every} = 0 ORDER BY place`)
  const { late, ...columns } = result.getColumnsObjectJS()
  const frame = Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, toColumn(values)]))
  return {
    frame: { rows: result.currentRowCount, columns: frame },
    target: Float64Array.from(late as number[]),
  }
}

function toColumn(values: readonly unknown[]): Column {
  if (typeof values[0] === 'number') return { kind: 'number', values: Float64Array.from(values as number[]) }
  const places = new Map<string, number>()
  const codes = Int32Array.from(values as string[], (text) => {
    if (!places.has(text)) places.set(text, places.size)
    return places.get(text)!
  })
  return { kind: 'category', codes, categories: [...places.keys()] }
}
