import type { Column } from './schema.ts'

export type FileFormat = 'parquet' | 'csv' | 'json'
export type Compression = 'none' | 'gzip' | 'zstd' | 'brotli'

/** Why a file cannot become a part. */
export interface ReadProblem {
  /** After the file's name: `3 of 8,412 rows …`. */
  message: string
  rows: number
  failing: number | null
  failingRows: { row: number; reason: string; values: Record<string, string | null> }[]
}

export interface ReadFile {
  path: string
  format: FileFormat
  delimiter: string
  /** The columns that the dataset has so far. */
  known: readonly Column[]
  time: string | undefined
  /** Where the part is written. */
  target: string
}

export interface ReadSource {
  columns: Column[]
  expressions: string[]
  from: string
}

export function problem(message: string): ReadProblem {
  return { message, rows: 0, failing: null, failingRows: [] }
}

export function amount(count: number): string {
  return count.toLocaleString('en-US')
}
