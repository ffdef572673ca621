import { z } from 'zod'
import { GateDefinition } from './definition.ts'
import { GateView, ModelVersion, Protection, RegisteredModel, Verdict } from './schema.ts'

const Bounds = z.object({ value: z.number(), lower: z.number().optional(), upper: z.number().optional() })
const Metrics = z.record(z.string(), Bounds)
export type Metrics = z.infer<typeof Metrics>

export const ModelItem = RegisteredModel.extend({
  versions: z.number(),
  champion: z.number().nullable(),
  latest: z.object({ version: z.number(), createdMs: z.number() }).nullable(),
})
export type ModelItem = z.infer<typeof ModelItem>

const Judged = z.object({
  verdict: Verdict.nullable().describe('Of its latest gates; null when it was never judged'),
  sentence: z.string().optional(),
  metrics: Metrics.describe('In its latest evaluation as the candidate'),
  injected: z.boolean(),
})

export const ModelDetail = RegisteredModel.omit({ aliases: true }).extend({
  aliases: z.record(z.string(), z.number()),
  pointed: z
    .array(
      z.object({
        alias: z.string(),
        version: z.number(),
        setBy: z.string().nullable(),
        setMs: z.number(),
        promotionId: z.string().nullable(),
      }),
    )
    .describe('The same aliases with who pointed them there, and when'),
  protections: z.array(Protection),
  gates: z.array(GateDefinition),
  versions: z.array(ModelVersion.extend(Judged.shape)),
})
export type ModelDetail = z.infer<typeof ModelDetail>

export const VersionDetail = ModelVersion.omit({ tags: true }).extend({
  tags: z.record(z.string(), z.string()),
  features: z.array(z.object({ name: z.string(), kind: z.string(), from: z.string() })),
  gates: z.array(GateView),
  gateSentence: z.string().optional(),
  gateVerdict: Verdict.optional(),
  injected: z.boolean(),
  evaluations: z.array(
    z.object({
      id: z.string(),
      subject: z.string(),
      role: z.string(),
      metrics: Metrics,
      rows: z.number(),
      days: z.number().describe('0 where the holdout has none'),
      holdout: z.string(),
    }),
  ),
})
export type VersionDetail = z.infer<typeof VersionDetail>
