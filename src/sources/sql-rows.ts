import { AppError } from '../kernel/errors.ts'
import { quoteIdentifier, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { ColumnType } from './schema.ts'
import { TEXT_ROWS } from './text-rows.ts'

/** How a cursor column is compared, at the source and here. */
export type CursorKind = 'integer' | 'time' | 'text'

export interface SqlColumn {
  name: string
  /** The types its values may have; none for text. */
  candidates: ColumnType[]
  declared: ColumnType
}

/** The rows of a query, as text. */
export interface SqlRows extends AsyncDisposable {
  names: readonly string[]
  /** Rows in pieces of bounded size. */
  batches(): AsyncIterable<(string | null)[][]>
  /** What the columns are; known when all rows are read. */
  columns(): SqlColumn[]
  /** Throws `invalid` when the column can be no cursor. */
  cursorKind(column: string): CursorKind
}

/** What a driver is asked for: the query, and from where on. */
export interface SqlRequest {
  query: string
  /** The rows whose value is not below `from` less what settles late. */
  cursor:
    | { column: string; from: string; settleMs?: number | undefined; settleBy?: number | undefined }
    | undefined
  timeoutMs: number
  signal: AbortSignal
}

/** So much text is held before it goes on into DuckDB. */
export const BATCH_BYTES = 8_000_000
export const BATCH_ROWS = 10_000

/** Brings the rows into `TEXT_ROWS`. */
export async function spool(session: AnalyticsSession, rows: SqlRows): Promise<void> {
  const lower = rows.names.map((name) => name.toLowerCase())
  const repeated = lower.findIndex((name, index) => name === '' || lower.indexOf(name) !== index)
  const name = rows.names[repeated]
  if (name === '') throw new AppError('invalid', 'the query gives a column without a name')
  if (name !== undefined) throw new AppError('invalid', `the query gives the column ${name} twice`)
  const columns = rows.names.map((name) => `${quoteIdentifier(name)} VARCHAR`)
  await session.execute(`CREATE OR REPLACE TEMP TABLE ${TEXT_ROWS} (${columns.join(', ')}, __row BIGINT)`)
  let count = 0n
  for await (const batch of rows.batches()) {
    const values = rows.names.map((_, index) => batch.map((row) => row[index] ?? null))
    const numbers = batch.map(() => ++count)
    await session.append(
      TEXT_ROWS,
      [...rows.names.map(() => 'VARCHAR' as const), 'BIGINT'],
      [...values, numbers],
    )
  }
}

/** A query without the semicolon at its end, as a table. */
export function asTable(query: string): string {
  return `(${query.replace(/;\s*$/, '')}\n) AS source_rows`
}
