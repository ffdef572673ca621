export type AnalyticsRow = Record<string, unknown>

/** One DuckDB connection: temporary tables and settings are its own. */
export interface AnalyticsSession extends AsyncDisposable {
  query(sql: string, parameters?: readonly AnalyticsValue[]): Promise<AnalyticsRow[]>
  /** The result as arrays, one for each column: much faster than rows for many values. */
  columns(sql: string, parameters?: readonly AnalyticsValue[]): Promise<Record<string, unknown[]>>
  execute(sql: string, parameters?: readonly AnalyticsValue[]): Promise<void>
  /** As `columns`, but in pieces of about two thousand rows, of which one is in memory. Nothing else may be asked of the session meanwhile. */
  chunks(sql: string): AsyncIterable<Record<string, unknown[]>>
  /** Adds rows to a temporary table of these types, as one array for each column. */
  append(
    table: string,
    types: readonly AppendType[],
    columns: readonly (readonly AppendValue[])[],
  ): Promise<void>
  /** What runs ends, and throws; the session goes on. Without effect on what has not begun. */
  interrupt(): void
}

export type AppendType = 'VARCHAR' | 'BIGINT' | 'DOUBLE' | 'BOOLEAN' | 'BLOB'
export type AppendValue = string | number | bigint | boolean | Uint8Array | null

export type AnalyticsValue = string | number | bigint | boolean | null

/**
 * Analytical SQL over Parquet, CSV and JSON files. Timestamps come back as milliseconds since the epoch,
 * 64-bit integers as numbers (as bigint when they are not safe).
 */
export interface Analytics extends AsyncDisposable {
  query(sql: string, parameters?: readonly AnalyticsValue[]): Promise<AnalyticsRow[]>
  columns(sql: string, parameters?: readonly AnalyticsValue[]): Promise<Record<string, unknown[]>>
  execute(sql: string, parameters?: readonly AnalyticsValue[]): Promise<void>
  /** `threads: 1` makes the bytes that a query writes depend on its input alone. */
  session(options?: { threads?: number }): Promise<AnalyticsSession>
}

export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** How every Parquet file is written, so that equal rows give equal bytes: options of `COPY … TO`. */
export const parquetFormat = 'FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880'

/** SQL that reads Parquet files as one table; columns are matched by name. */
export function parquetScan(paths: readonly string[]): string {
  return `read_parquet([${paths.map(quoteLiteral).join(', ')}], union_by_name = true)`
}
