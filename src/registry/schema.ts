import { z } from 'zod'
import { ImportReport, PythonModel, Signature } from '../model-files/schema.ts'
import { Tag } from '../tracking/schema.ts'
import { AliasPolicy } from './definition.ts'

export const Lineage = z.object({
  datasetVersionId: z.string().optional(),
  pipelineRunId: z.string().optional(),
  executionId: z.string().optional(),
  projectVersionId: z.string().optional(),
})
export type Lineage = z.infer<typeof Lineage>

/** A feature service by name, with the definition that this version was trained on. */
export const FeatureServiceReference = z.object({ name: z.string(), spec: z.record(z.string(), z.unknown()) })
export type FeatureServiceReference = z.infer<typeof FeatureServiceReference>

export const stages = ['None', 'Staging', 'Production', 'Archived'] as const
const Stage = z.enum(stages)
export type Stage = z.infer<typeof Stage>

export const ModelVersion = z.object({
  id: z.string(),
  projectId: z.string(),
  model: z.string(),
  version: z.number(),
  status: z.enum(['ready', 'deleted']),
  stage: Stage,
  description: z.string(),
  source: z.string(),
  storageLocation: z.string().optional(),
  runId: z.string().optional(),
  runLink: z.string().optional(),
  loggedModelId: z.string().optional(),
  createdBy: z.string(),
  task: z.string().optional(),
  signature: Signature.optional(),
  onnxSha256: z.string().optional(),
  featureService: FeatureServiceReference.optional(),
  codeSnapshot: z.string().optional(),
  lineage: Lineage,
  layoutSha256: z.string().optional(),
  python: PythonModel.optional(),
  importReport: ImportReport.optional(),
  problem: z.string().optional().describe('Why it can’t be served'),
  aliases: z.array(z.string()),
  tags: z.array(Tag),
  createdMs: z.number(),
  updatedMs: z.number(),
})
export type ModelVersion = z.infer<typeof ModelVersion>

export const RegisteredModel = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  task: z.string().optional(),
  owner: z.string().optional().describe('A user’s name, or team:<name>'),
  aliases: z.array(z.object({ alias: z.string(), version: z.number() })),
  tags: z.array(Tag),
  createdMs: z.number(),
  updatedMs: z.number(),
})
export type RegisteredModel = z.infer<typeof RegisteredModel>

/** A metric on the holdout, with its interval over days where it has one. */
export const Estimate = z.object({
  estimate: z.number(),
  lower: z.number().optional(),
  upper: z.number().optional(),
})
export type Estimate = z.infer<typeof Estimate>

/** Sums by day: any metric on any choice of days can be computed from them again, without the scores. */
const AucStatistics = z.object({
  kind: z.literal('auc'),
  positives: z.array(z.number()),
  negatives: z.array(z.number()),
  wins: z.array(z.number()),
})
export const BlockStatistics = z.discriminatedUnion('kind', [
  AucStatistics,
  z.object({
    kind: z.enum(['mean', 'root_mean']),
    sums: z.array(z.number()),
    rows: z.array(z.number()),
  }),
  z.object({ kind: z.literal('macro_auc'), classes: z.array(AucStatistics) }),
  z.object({
    kind: z.literal('macro_f1'),
    classes: z.number(),
    hits: z.array(z.number()),
    predicted: z.array(z.number()),
    actual: z.array(z.number()),
  }),
])

const roles = ['candidate', 'champion', 'baseline', 'other'] as const

export const Difference = z.object({
  metric: z.string(),
  against: z.enum(['champion', 'baseline']),
  /** Of the candidate over the other, as a gain: positive is better, also for a loss. */
  gain: z.number(),
  lower: z.number(),
  upper: z.number(),
  days: z.number(),
})
export type Difference = z.infer<typeof Difference>

export const LeakEvidence = z.object({
  /** AUC of ranking the holdout by one feature alone, direction and categories learnt on other days. */
  featureAuc: z.array(z.object({ feature: z.string(), auc: z.number() })),
  /** Share of the model's AUC above one half that is lost when the feature's values are shuffled. */
  importance: z.array(z.object({ feature: z.string(), share: z.number() })),
  /** Features with values that were known only after the event. */
  late: z.array(z.object({ feature: z.string(), rows: z.number(), share: z.number() })),
})
export type LeakEvidence = z.infer<typeof LeakEvidence>

/** What is lost of a model's knowledge when one feature's values are shuffled over the holdout. */
export const FeatureImportance = z.object({
  of: z.enum(['auc', 'variance']).describe('AUC above one half, or the variance that a regression explains'),
  rows: z.number(),
  features: z.array(z.object({ feature: z.string(), share: z.number() })).describe('Largest first'),
})
export type FeatureImportance = z.infer<typeof FeatureImportance>

export const EvaluationSubject = z.object({
  name: z.string(),
  role: z.enum(roles),
  modelVersionId: z.string().optional(),
  metrics: z.record(z.string(), Estimate),
  blocks: z.record(z.string(), BlockStatistics),
  importance: FeatureImportance.optional(),
  leak: LeakEvidence.optional(),
})
export type EvaluationSubject = z.infer<typeof EvaluationSubject>

/** Results of several models on one holdout of whole days. */
export const Evaluation = z.object({
  task: z.enum(['binary', 'regression']),
  label: z.string(),
  holdout: z.object({
    digest: z.string().describe('SHA-256 of the file of the holdout'),
    rows: z.number(),
    days: z.array(z.string()).describe('In order; the blocks of every statistic are these days'),
    datasetVersionId: z.string().optional(),
  }),
  subjects: z.array(EvaluationSubject),
  differences: z.array(Difference),
})
export type Evaluation = z.infer<typeof Evaluation>

export const StoredEvaluation = Evaluation.extend({ id: z.string(), createdMs: z.number() })
export type StoredEvaluation = z.infer<typeof StoredEvaluation>

export const Verdict = z.enum(['pass', 'fail', 'undecided'])
export type Verdict = z.infer<typeof Verdict>

export const GateResult = z.object({
  gate: z.string(),
  verdict: Verdict,
  sentence: z.string(),
  numbers: z.record(z.string(), z.union([z.number(), z.string(), z.null()])),
})
export type GateResult = z.infer<typeof GateResult>

/** What the gates said together: `pass` only when each passed. */
export const GateReport = z.object({
  id: z.string(),
  evaluationId: z.string(),
  decisionId: z.string(),
  verdict: Verdict,
  sentence: z.string(),
  results: z.array(GateResult),
  injected: z.boolean().describe('What was judged was injected by a demonstration or a drill'),
  createdMs: z.number(),
})
export type GateReport = z.infer<typeof GateReport>

/** What needs a version, so that it can't be deleted, and what to do about it; both sentences for people. */
export const VersionUse = z.object({ what: z.string(), instead: z.string() })
export type VersionUse = z.infer<typeof VersionUse>

/** An alias that moves only by an approved promotion. */
export const Protection = z.object({
  alias: z.string(),
  policy: AliasPolicy,
  declared: z.boolean().describe('Whether the project declares it; else it was set by hand'),
})
export type Protection = z.infer<typeof Protection>

/** What one gate said, as a page shows it. */
export const GateView = z.object({
  name: z.string(),
  metric: z.string().optional(),
  verdict: Verdict,
  sentence: z.string(),
  value: z.number().optional().describe('The gain, or the measured value'),
  lower: z.number().optional(),
  upper: z.number().optional(),
  threshold: z.number().optional(),
  against: z.string().optional(),
})
export type GateView = z.infer<typeof GateView>
