import type { ColumnSummary } from '../data/answers.ts'

export type EntryKind = 'entity' | 'view' | 'on_demand' | 'service'

/** One thing that the project declares of features. */
export interface Entry {
  kind: EntryKind
  name: string
  owner: string | null
  description: string | null
  tags: string[]
  entities: string[]
  dataset: string | null
  features: EntryFeature[]
  columns: string[]
  code: string | null
  freshness: {
    ageMs: number | null
    ttlMs: number
    stale: boolean
    keys: number
    staleKeys: number
    storeAnswers: boolean
  } | null
  usedBy: { services: string[]; models: string[]; versions: number; deployments: string[] }
  skew: {
    checked: number
    mismatched: number
    late: number
    worst: { feature: string } & Rate
  } | null
  unusedFeatures: string[]
}

export interface EntryFeature {
  name: string
  kind: 'number' | 'category' | 'timestamp'
  description: string | null
  source: string | null
  from: 'view' | 'on_demand' | 'request' | null
}

/** A share with 95 % bounds. */
export interface Rate {
  rate: number
  lower: number
  upper: number
}

export interface VersionUse {
  modelVersionId: string
  model: string
  version: number
  aliases: string[]
  createdMs: number
  service: string
  serviceId: string
  deployments: { deployment: string; role: 'stable' | 'candidate' | 'previous' }[]
  features: string[]
  definitionHash: string | null
  importance: { of: 'auc' | 'variance'; features: { feature: string; share: number }[] } | null
}

export interface EntryDetail extends Entry {
  users: VersionUse[]
  source: string | null
}

export interface ViewDetail {
  spec: {
    view: string
    entityKey: string
    eventTime: string
    createdTimestamp: string | null
    ttlMs: number
    lookbackMs: number | null
    definitionHash: string
    source?: { keys: string[]; time: string; known: { column: string }[] }
  }
  earlier: string[]
  states: { atMs: number; cursorMs: number; datasetVersionId: string; newestEventMs: number | null }[]
  summaries: { fromMs: number; toMs: number; summary: { rows: number; columns: ColumnSummary[] } }[]
}

export interface FeatureSkew {
  deployment: string
  model: string
  version: number
  feature: string
  source: string
  checked: number
  mismatched: number
  late: number
  unchecked: number
  rate: Rate | null
  hours: { startMs: number; checked: number; mismatched: number; late: number }[]
  examples: SkewExample[]
}

export interface SkewExample {
  kind: 'mismatch' | 'late'
  predictionId: string
  inputs: Record<string, number | string | null>
  timeMs: number
  ageMs: number | null
  served: number | string | null
  recomputed: number | string | null
}

export interface Skew {
  features: FeatureSkew[]
  problems: { deployment: string; model: string; version: number; startMs: number; problem: string }[]
}
