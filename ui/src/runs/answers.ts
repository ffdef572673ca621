import type { KeyValue, MetricHistory, Run } from '../answers.ts'

/** What the server answers about tables of runs; `answers.ts` above has the rest. */
export interface RunColumn {
  kind: 'metric' | 'param' | 'tag'
  key: string
}
export interface RunRow {
  id: string
  name: string
  status: string
  experimentId: string
  userId: string
  startMs: number
  endMs?: number
  createdMs: number
  parentRunId?: string
  lifecycle: 'active' | 'deleted'
  children: number
  values: (number | string | null)[]
}
export interface RunTable {
  columns: RunColumn[]
  rows: RunRow[]
  nextPageToken?: string
  /** The server's time of the answer: a run made later is new to the reader. */
  atMs: number
}
interface KeyCount {
  key: string
  runs: number
}
export interface RunColumns {
  metrics: KeyCount[]
  params: KeyCount[]
  tags: KeyCount[]
}

export interface RunDetail extends Run {
  userId: string
  artifactUri: string
  lifecycle: 'active' | 'deleted'
  datasets: { name: string; digest: string; sourceType: string; source: string; tags: KeyValue[] }[]
  models: { direction: 'input' | 'output'; loggedModelId: string; step: number }[]
}

export interface SavedView {
  id: string
  name: string
  query: string
}

export interface RunCurve extends MetricHistory {
  runId: string
}

interface ComparedValues<Value> {
  key: string
  differs: boolean
  values: (Value | null)[]
}
export interface RunComparison {
  runs: { id: string; name: string; status: string; startMs: number; endMs?: number; experimentId: string }[]
  missing: string[]
  params: ComparedValues<string>[]
  tags: ComparedValues<string>[]
  metrics: (ComparedValues<number | string> & { lowerIsBetter: boolean; lastStep: number })[]
  cut: boolean
}
