import { z } from 'zod'
import type { DatasetDefinition } from './definition.ts'

/** Parts hold these types only; all others are cast when a file is read. */
export const columnTypes = [
  'BOOLEAN',
  'BIGINT',
  'DOUBLE',
  'VARCHAR',
  'DATE',
  'TIME',
  'TIMESTAMP',
  'BLOB',
] as const
export type ColumnType = (typeof columnTypes)[number]
export type ColumnKind = 'number' | 'category' | 'timestamp' | 'other'

const columnSchema = z.object({ name: z.string(), type: z.enum(columnTypes) })
export type Column = z.infer<typeof columnSchema>

const schemaChange = z.object({
  kind: z.enum(['compatible', 'breaking']),
  changes: z.array(z.string()),
})
export type SchemaChange = z.infer<typeof schemaChange>

/** One file's rows as a Parquet blob. Times are of the dataset's `time` column. */
const partSchema = z.object({
  sha256: z.string(),
  sizeBytes: z.number(),
  rows: z.number(),
  minTimeMs: z.number().nullable(),
  maxTimeMs: z.number().nullable(),
  source: z.object({ path: z.string(), sha256: z.string() }),
})
export type Part = z.infer<typeof partSchema>

/** The blob behind a dataset version, as canonical JSON. */
const manifestSchema = z.object({
  format: z.literal('tidemill-dataset-1'),
  dataset: z.string(),
  schema: z.array(columnSchema),
  time: z.string().nullable(),
  parts: z.array(partSchema),
  /** The manifest's hash of the version before. */
  parent: z.string().nullable(),
})
export type Manifest = z.infer<typeof manifestSchema>

export const datasetVersionSchema = z.object({
  id: z.string(),
  projectId: z.string(),
  datasetId: z.string(),
  dataset: z.string(),
  number: z.number(),
  manifestSha256: z.string(),
  /** Hash of schema and parts: equal content has an equal hash, whatever came before. For fingerprints. */
  contentHash: z.string(),
  schema: z.array(columnSchema),
  schemaChange: schemaChange.nullable(),
  rows: z.number(),
  addedRows: z.number(),
  sizeBytes: z.number(),
  parts: z.number(),
  minTimeMs: z.number().nullable(),
  maxTimeMs: z.number().nullable(),
  parentId: z.string().nullable(),
  reportId: z.string().nullable(),
  summarySha256: z.string(),
  createdMs: z.number(),
})
export type DatasetVersion = z.infer<typeof datasetVersionSchema>

/** What one expectation said about one file. */
const checkResult = z.object({
  check: z.string(),
  /** For people: `delay between -120 and 2000`. */
  title: z.string(),
  severity: z.enum(['error', 'warn']),
  passed: z.boolean(),
  file: z.string(),
  rows: z.number(),
  /** Rows that fail; null for checks on the file as a whole. */
  failing: z.number().nullable(),
  /** The first failing rows, counted from 1 (a CSV's header is not counted). */
  failingRows: z.array(z.number()),
  /** What a check on the file as a whole measured. */
  observed: z.number().nullable(),
  message: z.string(),
})
export type CheckResult = z.infer<typeof checkResult>

export const validationReport = z.object({
  id: z.string(),
  datasetId: z.string(),
  verdict: z.enum(['passed', 'warned', 'failed']),
  sentence: z.string(),
  rows: z.number(),
  results: z.array(checkResult),
  files: z.array(
    z.object({ path: z.string(), sha256: z.string(), rows: z.number().nullable(), quarantined: z.boolean() }),
  ),
  failingRowsSha256: z.string().nullable(),
  createdMs: z.number(),
})
export type ValidationReport = z.infer<typeof validationReport>

/** A failing row, its values as text. */
export interface FailingRow {
  file: string
  row: number
  checks: string[]
  values: Record<string, string | null>
}

export interface Dataset {
  id: string
  projectId: string
  name: string
  definition: DatasetDefinition
  definitionHash: string
  directory: string
  declared: boolean
  createdMs: number
}

const columnSummary = z.object({
  name: z.string(),
  type: z.enum(columnTypes),
  kind: z.enum(['number', 'category', 'timestamp', 'other']),
  rows: z.number(),
  nulls: z.number(),
  /** Exact below 256 distinct values, else estimated (standard error about 6 %). */
  distinct: z.number(),
  distinctExact: z.boolean(),
  min: z.union([z.number(), z.string()]).nullable(),
  max: z.union([z.number(), z.string()]).nullable(),
  mean: z.number().nullable(),
  standardDeviation: z.number().nullable(),
  /** Within 1 % of the value; of timestamps, within an hour (a day when the data span more than 400 days). */
  quantiles: z.record(z.string(), z.number()).nullable(),
  histogram: z.array(z.object({ from: z.number(), to: z.number(), count: z.number() })),
  top: z.array(z.object({ value: z.string(), count: z.number() })),
})
export type ColumnSummary = z.infer<typeof columnSummary>

export const datasetSummary = z.object({ rows: z.number(), columns: z.array(columnSummary) })
export type DatasetSummary = z.infer<typeof datasetSummary>

export function kindOf(type: ColumnType): ColumnKind {
  switch (type) {
    case 'BIGINT':
    case 'DOUBLE':
      return 'number'
    case 'VARCHAR':
    case 'BOOLEAN':
      return 'category'
    case 'DATE':
    case 'TIMESTAMP':
      return 'timestamp'
    case 'TIME':
    case 'BLOB':
      return 'other'
  }
}
