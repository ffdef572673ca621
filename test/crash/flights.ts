import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { quoteLiteral, type Analytics } from '../../src/ports/analytics/analytics.ts'

export interface Flight {
  dateMs: number
  distance: number
  origin: string
  late: number
  landedMs: number
}

const SOURCE = fileURLToPath(new URL('../data/flights-3m.parquet', import.meta.resolve('vega-datasets')))
/** The first ten days of January 2001 are the training data; the flights of the day after are asked about. */
const DAY = { first: "'2001-01-01'", asked: "'2001-01-11'", after: "'2001-01-12'" }
export const ASKED_MS = Date.UTC(2001, 0, 11)
const KEPT_OF = 8

/** Writes every eighth flight of ten days as the project's feed; returns the flights of the next day. */
export async function takeFlights(analytics: Analytics, project: string): Promise<Flight[]> {
  const feed = join(project, 'feed')
  await mkdir(feed, { recursive: true })
  const flights = `read_parquet(${quoteLiteral(SOURCE)})`
  await analytics.execute(`
    COPY (
      SELECT date, delay, distance, origin, destination FROM (
        SELECT *, row_number() OVER (ORDER BY date, origin, destination, distance, delay) AS number FROM ${flights}
        WHERE date >= ${DAY.first} AND date < ${DAY.asked})
      WHERE number % ${KEPT_OF} = 0 ORDER BY number)
    TO ${quoteLiteral(join(feed, 'flights-january.parquet'))} (FORMAT parquet, COMPRESSION zstd)`)
  const rows = await analytics.query(`
    SELECT date AS date_ms, distance, origin, delay FROM ${flights}
    WHERE date >= ${DAY.asked} AND date < ${DAY.after}
    ORDER BY date, origin, destination, distance, delay`)
  return rows.map((row) => ({
    dateMs: Number(row['date_ms']),
    distance: Number(row['distance']),
    origin: String(row['origin']),
    late: Number(row['delay']) > 15 ? 1 : 0,
    landedMs: Number(row['date_ms']) + Math.round(30 + Number(row['distance']) / 8) * 60_000,
  }))
}
