/** What each process is asked to do. */
export interface Work {
  path: string
  rows: number
  airports: readonly string[]
  memoryLimit: string
  /** Whether the twentieth check is that no row repeats: the only one that must see all rows together. */
  parts: 'by row' | 'with uniqueness'
}

/** What a process measured of itself. */
export interface Measured {
  /** From opening the file until everything is known, without starting and loading. */
  seconds: number
  /** Processor time of the same, over all threads. */
  cpuSeconds: number
  /** The largest resident memory of the whole process. */
  peakMb: number
  checks?: number
  failed?: string[]
  summarySeconds?: number
  checksSeconds?: number
  version?: string
}
