import type { DatasetUse, LoggedModel, Metric, ModelUse, Param, Tag } from '../tracking/schema.ts'
import type { Lifecycle, RunStatus } from './source-values.ts'

export interface SourceExperiment {
  id: string
  name: string
  artifactLocation: string
  lifecycle: Lifecycle
  tags: Tag[]
  createdMs: number
  updatedMs: number
}

export interface SourceRun {
  id: string
  experimentId: string
  name: string
  userId: string
  status: RunStatus
  startMs: number
  endMs?: number | undefined
  artifactUri: string
  lifecycle: Lifecycle
  deletedMs?: number | undefined
  params: Param[]
  tags: Tag[]
  /** The latest value of each metric. */
  metrics: Metric[]
  /** How many points all histories have together, where the source can tell without reading them. */
  points?: number | undefined
  datasets: DatasetUse[]
  models: ModelUse[]
}

export interface SourceModel {
  name: string
  description: string
  tags: Tag[]
  aliases: { alias: string; version: number }[]
  createdMs: number
  updatedMs: number
}

export interface SourceVersion {
  version: number
  stage: string
  description: string
  source: string
  storageLocation?: string | undefined
  runId?: string | undefined
  runLink?: string | undefined
  userId: string
  tags: Tag[]
  createdMs: number
  updatedMs: number
}

export interface SourceFile {
  /** Below the artifact root. */
  path: string
  sizeBytes: number
}

/** Points of one run, with the place to go on from after them. */
export interface PointsPage {
  points: Metric[]
  position: string
}

/** Where a source keeps its files. */
export interface SourceArtifacts {
  /** The files below an artifact root. Undefined when they can't be reached from here. */
  listFiles(artifactUri: string): Promise<SourceFile[] | undefined>
  /** A local file with the content, of at most so many bytes; `release` it afterwards. */
  fetchFile(
    artifactUri: string,
    path: string,
    maxBytes: number,
  ): Promise<{ file: string; release(): Promise<void> }>
}

/** An MLflow store to read from: its database, or a running server. Nothing is ever written to it. */
export interface MlflowSource extends AsyncDisposable {
  /** What it is, for people. */
  readonly description: string
  /** How many runs and metric points there are, as far as that can be told cheaply: for progress. `deletedRuns` are those left out. */
  count(): Promise<{ runs?: number; points?: number; deletedRuns?: number }>
  listExperiments(): Promise<SourceExperiment[]>
  /** Runs of these experiments in pages. */
  listRuns(experimentIds: readonly string[]): AsyncIterable<SourceRun[]>
  /** Every point of every metric of a run, from a position on. */
  listPoints(run: SourceRun, position?: string): AsyncIterable<PointsPage>
  listLoggedModels(experimentIds: readonly string[]): AsyncIterable<LoggedModel[]>
  listModels(): AsyncIterable<SourceModel[]>
  /** Versions of a model by number, and how many deleted ones it has, of which nothing is left but the number. */
  listVersions(model: string): Promise<{ versions: SourceVersion[]; deleted: number; lastVersion: number }>
  readonly artifacts: SourceArtifacts
}

/** What is counted for each kind of thing. */
export interface Tally {
  /** Written now. */
  imported: number
  /** Here from an earlier import, and the same. */
  unchanged: number
  /** Left out, with the reasons below. */
  skipped: number
}

export const KINDS = [
  'experiments',
  'runs',
  'logged models',
  'artifact files',
  'registered models',
  'model versions',
  'aliases',
] as const
export type Kind = (typeof KINDS)[number]

export interface ImportReport {
  source: string
  counts: Record<Kind, Tally>
  metricPoints: number
  artifactBytes: number
  seconds: number
  /** Experiments that are here under another id than in the source. */
  mapping: { experiment: string; id: string; how: 'renumbered' | 'merged' }[]
  skipped: { what: string; reason: string; count: number }[]
  /** Params and metric points of each run, compared with the source by count and checksum. */
  verification: { runs: number; differences: string[] }
}
