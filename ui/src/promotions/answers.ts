import type { Bounds, GateResult, Verdict } from '../answers.ts'

type PromotionState = 'open' | 'approved' | 'stale' | 'merged' | 'declined' | 'withdrawn' | 'rolled_back'

export interface AliasPolicy {
  approvals: number
  byOthers: boolean
  from: 'contributor' | 'maintainer' | 'admin' | 'owner'
  gates: boolean
}

export interface Promotion {
  id: string
  model: string
  alias: string
  version: number
  holderVersion: number | null
  reason: string
  author: string
  state: PromotionState
  digest: string
  sentence: string | null
  createdMs: number
  finishedMs: number | null
  /** What it waits for from who asks: `your review`, `your merge`, `your refresh`. */
  waitsFor: string | null
}

export interface Review {
  id: string
  reviewer: string
  role: string
  isOwner: boolean
  verdict: 'approved' | 'declined'
  html: string
  createdMs: number
  counts: boolean
}

export interface Side {
  version: number
  createdBy: string
  createdMs: number
  source: string
  runId?: string
  pipelineRunId?: string
  sizeBytes: number | null
  latency: { rows: number; p50Us: number; p99Us: number }[]
  commit?: string
  snapshot?: string
  data: { name: string; version: string; rows?: number; fromMs?: number; toMs?: number } | null
}

export interface Compared {
  key: string
  candidate: string | null
  holder: string | null
}

export interface Evidence {
  candidate: Side
  holder: Side | null
  gates: { verdict: Verdict; sentence: string; results: GateResult[] } | null
  comparison: {
    evaluationId: string
    holdout: { digest: string; rows: number; days: number }
    subjects: {
      name: string
      role: string
      metrics: Record<string, { estimate: number } & Pick<Bounds, 'lower' | 'upper'>>
    }[]
    withHolder: boolean
  } | null
  metrics: Compared[]
  params: Compared[]
  data: string[]
  signature: string[]
  features: string[]
  code: { path: string; change: string; addedLines: number; removedLines: number }[] | null
  environment: { path: string; added: string[]; removed: string[] }[]
  unknown: string[]
}

export interface PromotionDetail extends Promotion {
  policy: AliasPolicy | null
  checks: { name: string; met: boolean; sentence: string }[]
  reviews: Review[]
  evidence: Evidence
  may: Record<'review' | 'merge' | 'force' | 'withdraw' | 'refresh' | 'rollBack', boolean>
}
