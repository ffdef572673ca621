import { z } from 'zod'
import { datasetDefinition } from '../data/definition.ts'
import { datasetVersionSchema } from '../data/schema.ts'
import { personalColumn } from '../privacy/schema.ts'
import { validationReport } from '../reports/schema.ts'
import { datasetSummary } from '../summaries/schema.ts'

/** `arrow` is Arrow's IPC file, `arrows` its stream. */
export const exportFormats = ['parquet', 'csv', 'ndjson', 'arrow', 'arrows'] as const
export type ExportFormat = (typeof exportFormats)[number]

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
export type DatasetVersionDetail = z.infer<typeof versionDetail>
