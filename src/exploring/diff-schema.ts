import { z } from 'zod'
import { columnTypes, schemaChange } from '../sources/schema.ts'

export const diffedSide = z.object({
  nullShare: z.number(),
  distinct: z.number(),
  mean: z.number().nullable(),
})

const columnDiff = z.object({
  name: z.string(),
  type: z.enum(columnTypes),
  from: diffedSide,
  to: diffedSide,
  /** Over bins that the earlier version decides, nulls apart; null where it has no rows, and of times. */
  distances: z
    .object({
      /** Population stability index above what chance alone gives. */
      psi: z.number(),
      /** Between 0 and 1, with the logarithm to base 2. */
      jensenShannon: z.number(),
      /** Of numbers: in the column's unit, and in standard deviations of the earlier version. */
      wasserstein: z.number().nullable(),
      wassersteinSd: z.number().nullable(),
    })
    .nullable(),
})

const diffedVersion = z.object({
  number: z.number(),
  rows: z.number(),
  minTimeMs: z.number().nullable(),
  maxTimeMs: z.number().nullable(),
  createdMs: z.number(),
  contentHash: z.string(),
})

export const datasetDiff = z.object({
  dataset: z.string(),
  from: diffedVersion,
  to: diffedVersion,
  same: z.boolean().describe('Whether schema and rows are the same'),
  schemaChange: schemaChange.nullable(),
  /** Parts and their rows; null when retention has taken the manifest of one. */
  parts: z
    .object({
      kept: z.number(),
      added: z.number(),
      removed: z.number(),
      addedRows: z.number(),
      removedRows: z.number(),
    })
    .nullable(),
  columns: z.array(columnDiff).describe('Those that both versions have, the most changed first'),
})
export type DatasetDiff = z.infer<typeof datasetDiff>
