import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { quoteLiteral, type Analytics, type AnalyticsSession } from '../ports/analytics/analytics.ts'

/** One flight as it is asked about at departure, with what becomes known when it lands. */
export interface Flight {
  /** Stable: the row's number in time order. */
  id: number
  dateMs: number
  distance: number
  origin: string
  delay: number
  landedMs: number
}

const LATE_AFTER_MINUTES = 15

export function isLate(flight: Flight): boolean {
  return flight.delay > LATE_AFTER_MINUTES
}

/**
 * Three million real US flights of 2001 (npm package `vega-datasets`), played as a feed. `date` is taken as the
 * moment of prediction; a flight's outcome is known when it lands, which is estimated from its distance:
 * 30 minutes and 8 miles a minute.
 */
export class FlightsFeed implements AsyncDisposable {
  readonly #session: AnalyticsSession
  readonly #folder: string

  private constructor(session: AnalyticsSession, folder: string) {
    this.#session = session
    this.#folder = folder
  }

  /** Reads the months up to `untilMs`; files go to `folder`. */
  static async open(analytics: Analytics, folder: string, untilMs: number): Promise<FlightsFeed> {
    await mkdir(folder, { recursive: true })
    const session = await analytics.session({ threads: 2 })
    const source = fileURLToPath(new URL('../data/flights-3m.parquet', import.meta.resolve('vega-datasets')))
    await session.execute(`
      CREATE TEMP TABLE flight AS
      SELECT row_number() OVER (ORDER BY date, origin, destination, distance, delay) AS id, *,
        date + to_minutes(CAST(30 + distance / 8 AS BIGINT)) AS landed_at
      FROM read_parquet(${quoteLiteral(source)})
      WHERE date < ${timestamp(untilMs)}
      ORDER BY landed_at`)
    return new FlightsFeed(session, folder)
  }

  /** Writes the flights that landed after `fromMs` and by `toMs` as one file, which appears whole or not at all. */
  async deliver(span: { fromMs: number; toMs: number; without?: readonly string[] }): Promise<string> {
    const { fromMs, toMs, without = [] } = span
    const name = `flights-${stamp(fromMs)}-${stamp(toMs)}.parquet`
    return await this.#write(name, this.#landed(fromMs, toMs, `NOT (${touches(without)})`))
  }

  /** The flights from and to some airports alone, for a feed that comes back. */
  async deliverLate(span: { fromMs: number; toMs: number; airports: readonly string[] }): Promise<string> {
    const { fromMs, toMs, airports } = span
    const name = `flights-${stamp(fromMs)}-${stamp(toMs)}-late.parquet`
    return await this.#write(name, this.#landed(fromMs, toMs, touches(airports)))
  }

  /** Injected damage: a file in which some rows have no origin and some a delay that cannot be. */
  async deliverBroken(span: { fromMs: number; toMs: number }): Promise<string> {
    const rows = this.#landed(span.fromMs, span.toMs, 'true')
    const broken = `
      SELECT date, CASE WHEN n % 211 = 7 THEN 999999 ELSE delay END AS delay, distance,
        CASE WHEN n % 97 = 3 THEN NULL ELSE origin END AS origin, destination
      FROM (SELECT *, row_number() OVER () AS n FROM (${rows}))`
    return await this.#write(`flights-${stamp(span.fromMs)}-broken.parquet`, broken)
  }

  /** Every n-th departing flight in a span of time, in order: those that are asked about. */
  async departures(span: { fromMs: number; toMs: number; every: number }): Promise<Flight[]> {
    const columns = await this.#session.columns(`
      SELECT id, date, distance, origin, delay, landed_at FROM flight
      WHERE date >= ${timestamp(span.fromMs)} AND date < ${timestamp(span.toMs)} AND id % ${span.every} = 0
      ORDER BY id`)
    const column = <Value>(name: string): Value[] => (columns[name] ?? []) as Value[]
    const ids = column<number>('id')
    const dates = column<number>('date')
    const distances = column<number>('distance')
    const origins = column<string>('origin')
    const delays = column<number>('delay')
    const landings = column<number>('landed_at')
    return ids.map((id, row) => ({
      id,
      dateMs: dates[row]!,
      distance: distances[row]!,
      origin: origins[row]!,
      delay: delays[row]!,
      landedMs: landings[row]!,
    }))
  }

  #landed(fromMs: number, toMs: number, condition: string): string {
    return `
      SELECT date, delay, distance, origin, destination FROM flight
      WHERE landed_at > ${timestamp(fromMs)} AND landed_at <= ${timestamp(toMs)} AND (${condition})
      ORDER BY id`
  }

  async #write(name: string, select: string): Promise<string> {
    const path = join(this.#folder, name)
    await this.#session.execute(
      `COPY (${select}) TO ${quoteLiteral(`${path}.tmp`)} (FORMAT parquet, COMPRESSION zstd)`,
    )
    await rename(`${path}.tmp`, path)
    return path
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]()
  }
}

/** SQL that tells whether a flight left one of the airports or was bound for it. */
function touches(airports: readonly string[]): string {
  if (airports.length === 0) return 'false'
  const list = airports.map(quoteLiteral).join(', ')
  return `origin IN (${list}) OR destination IN (${list})`
}

function timestamp(ms: number): string {
  return `make_timestamp(${ms * 1000})`
}

function stamp(ms: number): string {
  return new Date(ms).toISOString().slice(0, 13)
}
