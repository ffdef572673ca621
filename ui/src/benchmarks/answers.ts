interface Score {
  estimate: number
  lower?: number
  upper?: number
}

export interface Benchmark {
  name: string
  description: string
  definition: {
    task: string
    metric: string
    label: string
    id?: string
    time?: string
    featuresOpen: boolean
  }
  dailyLimit: number
  state: 'preparing' | 'open' | 'closed' | 'failed'
  error: string | null
  holdout: { rows: number; blocks: number; days: boolean; features: { name: string; type: string }[] } | null
  digest: string | null
  submissions: number
  evaluated: number
  participants: number
  createdBy: string
  createdMs: number
}

export interface Standing {
  participant: string
  name: string
  submissionId: string
  label: string
  score: Score
  rank: { from: number; to: number }
  behind: { difference: number; lower: number; upper: number } | null
  submissions: number
  atMs: number
}

export interface BenchmarkDetail extends Benchmark {
  higherIsBetter: boolean
  standings: Standing[]
}

export interface Submission {
  id: string
  participant: string
  label: string
  kind: 'model' | 'predictions'
  state: 'queued' | 'done' | 'failed'
  error: string | null
  improved: boolean | null
  score: Score | null
  askedMs: number
}
