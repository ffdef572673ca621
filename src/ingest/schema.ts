import { z } from 'zod'
import { schemaChange } from '../sources/schema.ts'

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
