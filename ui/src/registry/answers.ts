import type { ModelVersion } from '../answers.ts'

/** What was found when its ONNX file was imported. */
export interface ImportReport {
  sizeBytes: number
  producer: string
  opsets: Record<string, number>
  changes: string[]
  loadMs: number
  residentBytes: number
  latency: { rows: number; calls: number; p50Us: number; p99Us: number }[]
  processor: string
  golden?: { rows: number; absolute: number; relative: number; largestDifference: number }
}

export interface ImportedVersion extends ModelVersion {
  signature?: { classes?: (string | number)[]; score?: { output: string; column?: number } }
  importReport?: ImportReport
  /** It is served by a Python process. */
  python?: { files: { path: string }[]; table: boolean }
  /** Why it can't be served. */
  problem?: string
}
