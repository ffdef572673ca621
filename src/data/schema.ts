import { z } from 'zod'
import { AppError } from '../kernel/errors.ts'
import { columnSchema, schemaChange } from '../sources/schema.ts'
import type { DatasetDefinition } from './definition.ts'

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
  /** Parts that were made of several of the version before, by their hashes: the rows are the same. */
  merged: z.array(z.object({ sha256: z.string(), parts: z.array(z.string()) })).optional(),
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

/** For who asks for a version before anything was read. */
export function noVersionYet(name: string): AppError {
  const how = `\`tidemill data ingest ${name}\` reads its source now, \`probeEvery\` lets the server look by itself; if something was refused, \`tidemill data report ${name}\` says why`
  return new AppError('not_found', `The dataset ${name} has no version yet: ${how}`)
}

/** `flights@2` as name and number; without a number the latest is meant. */
export function parseReference(reference: string): { name: string; number: number | undefined } {
  const { name, number } = /^(?<name>[^@]+)(?:@(?<number>\d{1,9}))?$/.exec(reference)?.groups ?? {}
  if (name === undefined) {
    throw new AppError('invalid', `${reference} names no dataset version: write flights, or flights@2`)
  }
  return { name, number: number === undefined ? undefined : Number(number) }
}
