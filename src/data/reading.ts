import type { Column } from './schema.ts'

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
  format: 'parquet' | 'csv'
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
