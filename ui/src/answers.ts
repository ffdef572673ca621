/** What the server answers (REST under /api/v1), as far as the pages read it. Times are ms since epoch. */
import type { AliasPolicy } from '../../src/registry/definition.ts'
import type { Decision } from '../../src/governance/schema.ts'
import type { Effect, PipelineRun as PipelineRunItem, StepRun } from '../../src/pipelines/schema.ts'
import type { RolloutDetailJson, RolloutJson as Rollout } from '../../src/rollout/schema.ts'
import type { GateView, Verdict, VersionUse } from '../../src/registry/schema.ts'
import type { RunSummary } from '../../src/tracking/schema.ts'

export type { Curve, Experiment, RunSummary, Tag } from '../../src/tracking/schema.ts'
export type { AliasPolicy, Decision, GateView, PipelineRunItem, Rollout, StepRun, Verdict, VersionUse }
export type { RolloutDetailJson as RolloutDetail } from '../../src/rollout/schema.ts'
export type MetricVerdict = RolloutDetailJson['metrics'][number]

export type Metric = RunSummary['metrics'][number]

export type Tone = 'good' | 'attention' | 'bad' | 'idle'

export interface Page<T> {
  items: T[]
  nextPageToken?: string
}

export interface Station {
  state: Tone
  word: string
  number: string
  detail: string
  href: string
  spark?: number[]
}
export type StationName =
  | 'data'
  | 'features'
  | 'training'
  | 'gates'
  | 'rollout'
  | 'serving'
  | 'feedback'
  | 'monitoring'
  | 'triggers'

/** `happened[].kind` is a decision's kind and verdict: `gate.fail`, `rollout.promote`. */
export interface Overview {
  project: string
  nowMs: number
  replay: boolean
  stations: Record<StationName, Station>
  needsYou: { id: string; severity: string; sentence: string; atMs: number; href: string }[]
  happened: { id: string; kind: string; sentence: string; atMs: number; href: string; injected: boolean }[]
  deployments: { name: string; stable: string; candidate?: string; state: string }[]
}

interface Cause {
  name: string
  sentence: string
  weight: number
}
export interface Alert {
  id: string
  deployment: string
  monitor: string
  kind: 'base_rate' | 'drift' | 'quality' | 'data_quality' | 'freshness' | 'skew'
  subject: string
  state: 'open' | 'cleared'
  blocksTraining: boolean
  sentence: string
  causes: Cause[]
  windowMs: number
  decisionId: string
  raisedMs: number
  clearedMs: number | null
  clearedSentence: string | null
}

export interface Found {
  kind: string
  id: string
  name: string
  detail?: string
  href: string
}
export type Trigger =
  | { kind: 'cron'; pattern: string; timezone: string }
  | { kind: 'new_data'; dataset: string; minRows: number; coolDownMs: number }
  | { kind: 'drift' | 'degraded'; deployment: string; coolDownMs: number }
export interface PipelineItem {
  name: string
  on: Trigger[]
}
export interface PipelineRun {
  run: PipelineRunItem
  steps: StepRun[]
  effects: Effect[]
}
export interface StepLog {
  text: string
  next: number
  complete: boolean
}
export interface StepWhy {
  sentence: string
  changes: string[]
  differences: { part: string; name: string; from: string | null; to: string | null; sentence: string }[]
}

export interface Bounds {
  value: number
  lower?: number | undefined
  upper?: number | undefined
}
export interface ModelItem {
  name: string
  task?: string
  versions: number
  champion: number | null
  latest: { version: number; createdMs: number } | null
}
export interface ModelVersionItem {
  id: string
  model: string
  version: number
  aliases: string[]
  createdMs: number
  /** Of its latest gates; null when it was never judged. */
  verdict: Verdict | null
  sentence?: string
  /** In its latest evaluation as the candidate. */
  metrics: Record<string, Bounds>
  injected: boolean
}
export interface ModelDetail {
  name: string
  /** Markdown. */
  description: string
  task?: string
  aliases: Record<string, number>
  /** Newest first. */
  versions: ModelVersionItem[]
  owner?: string
  /** The same aliases with who pointed them there, and when. */
  pointed: {
    alias: string
    version: number
    setBy: string | null
    setMs: number
    promotionId: string | null
  }[]
  protections: { alias: string; policy: AliasPolicy; declared: boolean }[]
}
export interface EvaluationRow {
  id: string
  subject: string
  role: string
  metrics: Record<string, Bounds>
  rows: number
  days: number
  holdout: string
}
export interface ModelVersion {
  id: string
  model: string
  version: number
  /** Markdown. */
  description: string
  createdBy: string
  task?: string
  featureService?: { name: string }
  aliases: string[]
  tags: Record<string, string>
  createdMs: number
  features: { name: string; kind: string; from: string }[]
  gates: GateView[]
  gateSentence?: string
  gateVerdict?: Verdict
  injected: boolean
  /** All models of one evaluation, on the same rows. */
  evaluations: EvaluationRow[]
}

interface DeployedVersion {
  id: string
  version: number
}
export interface TrafficHour {
  deployment: string
  version: number
  variant: string
  hourMs: number
  n: number
  errors: number
}
export interface Deployment {
  name: string
  model: string
  task: string | null
  unit: unknown
  policy: {
    threshold?: number
    fallback?: { on: string[]; score?: number; decision?: string }
    latencySloMs: number
  }
  policyVersion: number
  stable: DeployedVersion | null
  previous: DeployedVersion | null
  candidate: DeployedVersion | null
  /** The one under way. */
  rollout: Rollout | null
  /** Of the last day. */
  traffic: TrafficHour[]
  createdMs: number
}
export interface Timeline {
  fromMs: number
  toMs: number
  traffic: TrafficHour[]
  rollouts: (Rollout & {
    timeline: { stage: number; mode: string; weight: number; startedMs: number; endedMs: number | null }[]
  })[]
  decisions: Decision[]
}

type WindowVerdict = 'out' | 'watch' | 'calm' | 'not_judged'
interface WindowJudgement {
  value: number
  expected: number
  lower: number | null
  upper: number | null
  alert: boolean
  days: number
}
interface JudgedDay {
  startMs: number
  verdict: WindowVerdict
  rows: number
  labelled: number
  coverage: number
  value: number | null
  oneDay: WindowJudgement | null
  threeDay: WindowJudgement | null
}
export interface Monitoring {
  deployment: string
  model: string
  stableVersion: number | null
  monitors: { name: string }[]
  alerts: Alert[]
  causes: { kind: string; sentence: string; parts: Cause[] }[]
  /** The days that limits were learnt from. */
  reference: { days: { startMs: number; rows: number; rate: number; auc: number | null }[] } | null
  baseRate: JudgedDay[]
  quality: (JudgedDay & {
    lower: number | null
    upper: number | null
    logLoss: number
    meanScore: number
    rate: number
  })[]
  drift: {
    days: { startMs: number; verdict: WindowVerdict; rows: number }[]
    features: {
      name: string
      cells: {
        startMs: number
        distance: number | null
        expected: number | null
        upper: number | null
        psi: number | null
        alert: boolean
      }[]
    }[]
  }
  labels: {
    startMs: number
    rows: number
    labelled: number
    coverage: number
    delayMedianMs: number | null
    delay95Ms: number | null
  }[]
}
