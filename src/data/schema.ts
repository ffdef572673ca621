import { z } from 'zod'
import { checkResult } from '../expectations/schema.ts'
import { personalColumn } from '../privacy/schema.ts'
import { columnSchema, schemaChange } from '../sources/schema.ts'
import { datasetSummary } from '../summaries/schema.ts'
import { datasetDefinition, type DatasetDefinition } from './definition.ts'

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
  /** Erasures that took rows out, oldest first, each with the hash of the manifest that it replaced. */
  redacted: z.array(z.object({ erasure: z.string(), replaces: z.string() })).optional(),
})
export type Manifest = z.infer<typeof manifestSchema>

const causeKinds = ['probe', 'request', 'push', 'pipeline'] as const

/** Why somebody made a version: `reference` is the job that made it. A version of pushed rows has the cause `push`. */
const versionCause = z.object({ kind: z.enum(causeKinds), reference: z.string().nullable() })
export type VersionCause = z.infer<typeof versionCause>

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
  /** Where the source stood, where it has a cursor. */
  sourceCursor: z.string().nullable(),
  /** Rows of what was new at the source that are older than the newest row of the version before. */
  lateRows: z.number(),
  /** Null of versions that were made before this was noted. */
  by: z.object({ id: z.string(), name: z.string() }).nullable(),
  cause: versionCause.nullable(),
  /** When retention took its rows, and by which rule. */
  deleted: z.object({ atMs: z.number(), why: z.string() }).nullable(),
})
export type DatasetVersion = z.infer<typeof datasetVersionSchema>

const validationReport = z.object({
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

export const exportFormats = ['parquet', 'csv', 'ndjson'] as const
export type ExportFormat = (typeof exportFormats)[number]
const side = z.number().nullable()
/** A check and what it said over time, oldest first. */
export const checkSeries = z.object({
  key: z.string(),
  check: z.string(),
  title: z.string(),
  severity: z.enum(['error', 'warn']),
  points: z.array(
    z.object({
      reportId: z.string(),
      /** The version that came of it; null when nothing was ingested. */
      version: z.number().nullable(),
      atMs: z.number(),
      passed: z.boolean(),
      message: z.string(),
      files: z.number(),
      rows: z.number(),
      /** Of checks on rows. */
      failing: z.number().nullable(),
      /** The least and the greatest that was measured in a file. */
      observed: z.object({ min: z.number(), max: z.number() }).nullable(),
      expected: z.object({ min: side, max: side }).nullable(),
    }),
  ),
})
export type CheckSeries = z.infer<typeof checkSeries>

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

/** A dataset as lists show it. */
export const datasetItem = z.object({
  id: z.string(),
  name: z.string(),
  declared: z.boolean(),
  definition: datasetDefinition,
  latest: datasetVersionSchema.nullable(),
  report: validationReport.pick({ id: true, verdict: true, sentence: true, createdMs: true }).nullable(),
})

export type DatasetItem = z.infer<typeof datasetItem>

/** A dataset with its newest versions and the files set aside. */
export const datasetDetail = datasetItem.extend({
  versions: z.array(datasetVersionSchema),
  nextPageToken: z.string().optional(),
  quarantined: z.array(
    z.object({ path: z.string(), sha256: z.string(), reportId: z.string(), createdMs: z.number() }),
  ),
})

export type DatasetDetail = z.infer<typeof datasetDetail>

export const versionDetail = datasetVersionSchema.extend({
  summary: datasetSummary,
  report: validationReport.nullable(),
  personal: z.array(personalColumn),
  /** Erasures of people that took rows out of the version since it was made. */
  redactions: z.array(
    z.object({
      erasureId: z.string(),
      removedRows: z.number(),
      /** What the version was named by before. */
      manifestSha256: z.string(),
      contentHash: z.string(),
      atMs: z.number(),
    }),
  ),
})

export const reportDetail = validationReport.extend({
  failingRows: z.array(
    z.object({
      file: z.string(),
      row: z.number(),
      checks: z.array(z.string()),
      values: z.record(z.string(), z.string().nullable()),
    }),
  ),
})

/** What became of a push; `duplicate` when the same key had brought the same rows before. */
export const pushed = z.object({ rows: z.number(), duplicate: z.boolean() })
export type Pushed = z.infer<typeof pushed>

const itemNames = z.object({
  count: z.number(),
  /** The first of them, at most 20. */
  names: z.array(z.string()),
})

/** What happened at a dataset's source: it held something else, or could not be read. */
export const datasetChange = z.object({
  id: z.string(),
  kind: z.enum(['changed', 'failed']),
  /** When it was met first, and last. A failure that repeats is one entry. */
  createdMs: z.number(),
  updatedMs: z.number(),
  times: z.number(),
  actor: z.string(),
  cursorBefore: z.string().nullable(),
  cursorAfter: z.string().nullable(),
  added: itemNames,
  changed: itemNames,
  removed: itemNames,
  schemaChange: schemaChange.nullable(),
  rows: z.number(),
  lateRows: z.number(),
  /** Number of the version that it made. */
  version: z.number().nullable(),
  /** The report that refused it, or that let it pass. */
  reportId: z.string().nullable(),
  sentence: z.string(),
})
export type DatasetChange = z.infer<typeof datasetChange>
