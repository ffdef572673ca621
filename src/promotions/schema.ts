import { z } from 'zod'
import { Review } from '../governance/schema.ts'
import { AliasPolicy } from '../registry/definition.ts'
import { Difference, Estimate, GateView, Verdict } from '../registry/schema.ts'

const Side = z.object({
  version: z.number(),
  createdBy: z.string(),
  createdMs: z.number(),
  source: z.string(),
  runId: z.string().optional(),
  pipelineRunId: z.string().optional(),
  projectVersionId: z.string().optional(),
  sizeBytes: z.number().nullable().describe('Of its graph and the files that are stored here'),
  latency: z
    .array(z.object({ rows: z.number(), p50Us: z.number(), p99Us: z.number() }))
    .describe('As measured when its file was imported; empty where it was not'),
  commit: z.string().optional().describe('The commit that its run tells of'),
  snapshot: z.string().optional(),
  data: z
    .object({
      name: z.string(),
      version: z.string().describe('The number of the dataset version, or the digest that the run logged'),
      rows: z.number().optional(),
      fromMs: z.number().optional(),
      toMs: z.number().optional(),
    })
    .nullable(),
})
export type Side = z.infer<typeof Side>

const Compared = z.object({
  key: z.string(),
  candidate: z.string().nullable(),
  holder: z.string().nullable(),
})
export type Compared = z.infer<typeof Compared>

const ChangedFile = z.object({
  path: z.string(),
  change: z.enum(['added', 'removed', 'changed']),
  addedLines: z.number(),
  removedLines: z.number(),
})
export type ChangedFile = z.infer<typeof ChangedFile>

/** What spoke for and against a version beside the holder of the alias, when the promotion was opened. It is kept as it was then. */
export const Evidence = z.object({
  candidate: Side,
  holder: Side.nullable().describe('Null when the alias pointed nowhere'),
  gates: z
    .object({
      verdict: Verdict,
      sentence: z.string(),
      results: z.array(GateView),
      createdMs: z.number(),
    })
    .nullable(),
  comparison: z
    .object({
      evaluationId: z.string(),
      holdout: z.object({
        digest: z.string(),
        rows: z.number(),
        days: z.number().describe('0 where the holdout has none'),
      }),
      subjects: z.array(
        z.object({ name: z.string(), role: z.string(), metrics: z.record(z.string(), Estimate) }),
      ),
      differences: z.array(Difference),
      withHolder: z.boolean().describe('Whether the holder is among the models of the evaluation'),
    })
    .nullable(),
  metrics: z.array(Compared).describe('Latest values that the runs have otherwise'),
  params: z.array(Compared),
  data: z.array(z.string()).describe('What is otherwise in the training data, a sentence each'),
  signature: z.array(z.string()),
  features: z.array(z.string()),
  code: z.array(ChangedFile).nullable().describe('Null where one of the snapshots is not known'),
  environment: z.array(
    z.object({ path: z.string(), added: z.array(z.string()), removed: z.array(z.string()) }),
  ),
  unknown: z.array(z.string()).describe('What could not be compared, and why'),
})
export type Evidence = z.infer<typeof Evidence>

const Check = z.object({
  name: z.enum(['unchanged', 'gates', 'approvals']),
  met: z.boolean(),
  sentence: z.string(),
})
export type Check = z.infer<typeof Check>

const promotionStates = [
  'open',
  'approved',
  'stale',
  'merged',
  'declined',
  'withdrawn',
  'rolled_back',
] as const

export const Promotion = z.object({
  id: z.string(),
  model: z.string(),
  alias: z.string(),
  version: z.number(),
  holderVersion: z.number().nullable().describe('Where the alias pointed when the evidence was gathered'),
  reason: z.string().describe('Markdown'),
  author: z.string(),
  state: z
    .enum(promotionStates)
    .describe(
      '`approved` when all that the policy asks for is so; `stale` when what was reviewed is another now',
    ),
  digest: z
    .string()
    .describe('Of what is reviewed: the content of the version, and of the one it would replace'),
  revision: z.number(),
  sentence: z.string().nullable().describe('What came of it'),
  finishedBy: z.string().nullable(),
  finishedMs: z.number().nullable(),
  createdMs: z.number(),
  waitsFor: z
    .enum(['your review', 'your merge', 'your refresh'])
    .nullable()
    .describe('What it waits for from who asks'),
})
export type Promotion = z.infer<typeof Promotion>

export const PromotionDetail = Promotion.extend({
  policy: AliasPolicy.nullable().describe('Null when the alias is not protected'),
  checks: z.array(Check),
  reviews: z.array(
    Review.extend({ counts: z.boolean().describe('Towards the approvals, as things are now') }),
  ),
  evidence: Evidence,
  may: z.object({
    review: z.boolean(),
    merge: z.boolean(),
    force: z.boolean(),
    withdraw: z.boolean(),
    refresh: z.boolean(),
    rollBack: z.boolean(),
  }),
})
export type PromotionDetail = z.infer<typeof PromotionDetail>
