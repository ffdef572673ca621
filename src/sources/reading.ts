import type { Column, ColumnType } from './schema.ts'
import type { Treatments } from './treatment.ts'

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
  /** What is done with columns before they are stored. */
  treatments: Treatments
  /** Where the part is written. */
  target: string
}

export interface ReadSource {
  columns: Column[]
  expressions: string[]
  from: string
}

/** The type that a column has to be read in; undefined when its values decide. What is treated is stored in another type. */
export function knownType({ known, treatments }: ReadFile, name: string): ColumnType | undefined {
  const treatment = treatments.columns.get(name)
  if (treatment) return treatment.asText ? 'VARCHAR' : undefined
  return known.find((column) => column.name === name)?.type
}

export function problem(message: string): ReadProblem {
  return { message, rows: 0, failing: null, failingRows: [] }
}

export function amount(count: number): string {
  return count.toLocaleString('en-US')
}
