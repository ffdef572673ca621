import { z } from 'zod'

export const erasureRequest = z.strictObject({
  entity: z.string().min(1).max(100).describe('The entity that the person is'),
  key: z.string().min(1).max(1000).describe('The key of the person, as the source has it'),
  dryRun: z.boolean().default(false).describe('Only count where the key occurs'),
})

export const erasureSchema = z.object({
  id: z.string(),
  entity: z.string(),
  keyColumn: z.string(),
  keyHash: z.string().describe('HMAC-SHA-256 of the key with the privacy key: the key itself is not kept'),
  keyId: z.string(),
  dryRun: z.boolean(),
  state: z
    .enum(['waiting', 'counted', 'purging', 'done'])
    .describe('`counted`: a dry run is over; `purging`: rows are gone, their files are being deleted'),
  places: z
    .array(z.object({ place: z.string(), name: z.string(), rows: z.number() }))
    .describe('Rows that were removed, or of a dry run would be'),
  derived: z.array(z.string()).describe('What was made of the rows and is not changed, such as models'),
  sources: z.array(z.string()).describe('Datasets whose source still has what it has: it must be told'),
  cameAgainRows: z.number().describe('Rows with the key that came again from sources and were left out'),
  error: z.string().nullable(),
  actor: z.object({ id: z.string(), name: z.string() }),
  createdMs: z.number(),
  finishedMs: z.number().nullable(),
})
export type Erasure = z.infer<typeof erasureSchema>
