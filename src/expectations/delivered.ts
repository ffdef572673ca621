import type { ColumnKind } from '../sources/schema.ts'

/** What is known of a column of the rows that arrived together, or of a version. */
export interface DeliveredColumn {
  name: string
  kind: ColumnKind
  rows: number
  nulls: number
  distinct: number
  /** Of numbers alone. */
  mean: number | null
  standardDeviation: number | null
  /** How many neighbouring buckets of a summary a cell of numbers holds: a power of two. */
  width: number
  /** Counts of numbers by cell, where a greater cell holds greater numbers, or of the most frequent categories. */
  cells: ReadonlyMap<string, number>
}

/** What arrived together, as it is remembered. */
export interface Delivery {
  rows: number
  /** The time of the newest row, where the dataset has a time column. */
  newestMs: number | null
  arrivedMs: number
  columns: readonly DeliveredColumn[]
}
