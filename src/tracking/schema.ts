import { z } from 'zod'
import type { LoggedModelStatus } from './tables.ts'

const runStatuses = ['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'] as const
const RunStatus = z.enum(runStatuses)

/** The most that one call of `logBatch` takes. */
export const BATCH_LIMITS = { metrics: 1000, params: 1000, tags: 1000 } as const
export const MAX_KEY_LENGTH = 250
export const MAX_PARAM_LENGTH = 6000
export const MAX_TAG_LENGTH = 8000

/** Tags that mean something: MLflow's own names, so that its clients and ours agree. */
export const TAGS = {
  runName: 'mlflow.runName',
  parentRunId: 'mlflow.parentRunId',
  user: 'mlflow.user',
  datasetContext: 'mlflow.data.context',
  modelHistory: 'mlflow.log-model.history',
  note: 'mlflow.note.content',
} as const

export const Tag = z.object({ key: z.string(), value: z.string() })
export type Tag = z.infer<typeof Tag>
export type Param = Tag

/** A part of a list that is read bit by bit; the last part of a page has the token of the next one. */
export interface Piece<Item> {
  items: Item[]
  nextPageToken?: string
}

const Lifecycle = z.enum(['active', 'deleted'])

export const Experiment = z.object({
  id: z.string().describe('A number as text, unique across the server'),
  name: z.string(),
  isDefault: z.boolean(),
  artifactLocation: z.string(),
  lifecycle: Lifecycle,
  tags: z.array(Tag),
  createdMs: z.number(),
  updatedMs: z.number(),
})
export type Experiment = z.infer<typeof Experiment>

export const Metric = z.object({
  key: z.string(),
  value: z.number().or(z.nan()),
  timestampMs: z.number(),
  step: z.number(),
})
export type Metric = z.infer<typeof Metric>

/** A metric as it is logged; it may also belong to a logged model and to the dataset it was measured on. */
export interface MetricPoint extends Metric {
  loggedModelId?: string
  datasetName?: string
  datasetDigest?: string
}

export const Run = z.object({
  id: z.string().describe('32 hex digits'),
  experimentId: z.string(),
  name: z.string(),
  userId: z.string(),
  status: RunStatus,
  startMs: z.number(),
  endMs: z.number().optional(),
  artifactUri: z.string(),
  parentRunId: z.string().optional(),
  lifecycle: Lifecycle,
})
export type Run = z.infer<typeof Run>

export interface DatasetUse {
  name: string
  digest: string
  sourceType: string
  source: string
  schema?: string
  profile?: string
  tags: Tag[]
}

export interface ModelUse {
  direction: 'input' | 'output'
  loggedModelId: string
  step: number
}

export interface RunData {
  params: Param[]
  /** The latest value of each metric. */
  metrics: Metric[]
  tags: Tag[]
  datasets: DatasetUse[]
  models: ModelUse[]
}

export type RunDetail = Run & RunData

export interface LoggedModel {
  id: string
  experimentId: string
  name: string
  modelType?: string
  sourceRunId?: string
  status: LoggedModelStatus
  artifactUri: string
  lifecycle: 'active' | 'deleted'
  params: Param[]
  tags: Tag[]
  metrics: (Metric & { runId: string; datasetName?: string; datasetDigest?: string })[]
  createdMs: number
  updatedMs: number
}

export const Curve = z.object({
  points: z
    .array(z.tuple([z.number(), z.number(), z.number().nullable()]))
    .describe('[step, timestampMs, value]; value null where it is not finite'),
  total: z.number().describe('Points in the whole history'),
  thinned: z.boolean(),
})
export type Curve = z.infer<typeof Curve>

export const ArtifactEntry = z.object({
  path: z.string(),
  isDirectory: z.boolean(),
  sizeBytes: z.number().optional(),
})
export type ArtifactEntry = z.infer<typeof ArtifactEntry>

/** A metric as JSON carries it, which has no NaN and no infinities. */
const WireMetric = z.object({
  key: z.string(),
  value: z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])]),
  timestampMs: z.number(),
  step: z.number(),
})

export const RunSummary = Run.extend({
  params: z.array(Tag),
  metrics: z.array(WireMetric).describe('The latest value of each metric'),
  tags: z.array(Tag),
  datasets: z.array(
    z.object({
      name: z.string(),
      digest: z.string(),
      sourceType: z.string(),
      source: z.string(),
      tags: z.array(Tag),
    }),
  ),
  models: z.array(
    z.object({ direction: z.enum(['input', 'output']), loggedModelId: z.string(), step: z.number() }),
  ),
})
export type RunSummary = z.infer<typeof RunSummary>

export const DetailedRun = RunSummary.extend({
  artifacts: z.array(ArtifactEntry).describe('Directly in the artifact folder'),
  children: z.array(Run),
})
export type DetailedRun = z.infer<typeof DetailedRun>

/** Something that was deleted: it can be restored, or purged. */
export const TrashItem = z.object({
  kind: z.enum(['experiment', 'run', 'logged-model']),
  id: z.string(),
  name: z.string(),
  experimentId: z.string(),
  deletedMs: z.number(),
  files: z.number(),
  bytes: z.number(),
  keptBy: z.string().optional().describe('Why it stays, whatever its age'),
})
export type TrashItem = z.infer<typeof TrashItem>

/** Artifacts of a run or logged model that exists no more. */
export const OrphanedFolder = z.object({ folder: z.string(), files: z.number(), bytes: z.number() })
export type OrphanedFolder = z.infer<typeof OrphanedFolder>
