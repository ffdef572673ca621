import { z } from 'zod'

export const auditItemSchema = z.object({
  seq: z.number(),
  project: z.string().describe('its id; `*` for what belongs to none'),
  actorId: z.string(),
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
  detail: z.record(z.string(), z.unknown()),
  sentence: z.string(),
  atMs: z.number().describe('wall time'),
  sealed: z.boolean(),
})
export type AuditItem = z.infer<typeof auditItemSchema>

export const sealSchema = z.object({
  sealed: z.number().describe('entries with a seal'),
  waiting: z.number().describe('entries written since, which are sealed within seconds'),
  last: z
    .object({ seq: z.number(), hash: z.string(), atMs: z.number() })
    .nullable()
    .describe('the newest seal: noted elsewhere, it shows later whether the end of the log was cut off'),
  brokenAt: z.number().nullable().describe('the first entry that does not follow from those before it'),
  noted: z.boolean().nullable().describe('whether the noted hash is still the seal of an entry'),
})
export type Seal = z.infer<typeof sealSchema>
