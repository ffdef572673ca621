import { basename } from 'node:path'
import { AppError } from '../kernel/errors.ts'
import type { ReadOptions } from './definition.ts'
import type { Column, ColumnType } from './schema.ts'
import type { Treatments } from './treatment.ts'

export type FileFormat = 'parquet' | 'csv' | 'json' | 'arrow'
export type Compression = 'none' | 'gzip' | 'zstd' | 'brotli'

/** How the bytes of a file become rows. */
export interface Reading {
  format: FileFormat
  delimiter: string
  compression: Compression
}

/** Why a file cannot become a part. */
export interface ReadProblem {
  /** After the file's name: `3 of 8,412 rows …`. */
  message: string
  rows: number
  failing: number | null
  failingRows: { row: number; reason: string; values: Record<string, string | null> }[]
  /** The columns that it has, where that much is known. */
  columns?: Column[]
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
export function knownType(
  { known, treatments }: Pick<ReadFile, 'known' | 'treatments'>,
  name: string,
): ColumnType | undefined {
  const treatment = treatments.columns.get(name)
  if (treatment) return treatment.asText ? 'VARCHAR' : undefined
  return known.find((column) => column.name === name)?.type
}

export function problem(message: string): ReadProblem {
  return { message, rows: 0, failing: null, failingRows: [] }
}

/** How a file is to be read. A compressed file has a second ending, such as `.csv.gz`. */
export function readingOf(source: ReadOptions, path: string): Reading {
  const endings = /\.[a-z0-9.]+$/i.exec(basename(path))?.[0].toLowerCase().split('.') ?? []
  const compression = COMPRESSION_OF_ENDING[endings.at(-1) ?? ''] ?? 'none'
  const ending = endings.at(compression === 'none' ? -1 : -2) ?? ''
  const format = source.format ?? FORMAT_OF_ENDING[ending]
  if (!format) {
    throw new AppError(
      'invalid',
      `${path} ends in none of ${Object.keys(FORMAT_OF_ENDING)
        .map((known) => `.${known}`)
        .join(', ')}: give the source a format`,
    )
  }
  return { format, delimiter: source.delimiter ?? (ending === 'tsv' ? '\t' : ','), compression }
}

const COMPRESSION_OF_ENDING: Readonly<Record<string, Compression>> = {
  gz: 'gzip',
  zst: 'zstd',
  br: 'brotli',
}

const FORMAT_OF_ENDING: Readonly<Record<string, FileFormat>> = {
  parquet: 'parquet',
  pq: 'parquet',
  csv: 'csv',
  tsv: 'csv',
  json: 'json',
  jsonl: 'json',
  ndjson: 'json',
  arrow: 'arrow',
  arrows: 'arrow',
  feather: 'arrow',
}
