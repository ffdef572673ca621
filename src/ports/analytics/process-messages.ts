import type { ErrorCode } from '../../kernel/errors.ts'
import type { AnalyticsValue, AppendType, AppendValue } from './analytics.ts'

/** What one session of the process is asked to do; sessions are numbered by who asks. */
export type Work =
  | { do: 'open'; threads: number | undefined }
  | { do: 'query' | 'columns' | 'execute'; sql: string; parameters: readonly AnalyticsValue[] }
  | {
      do: 'append'
      table: string
      types: readonly AppendType[]
      columns: readonly (readonly AppendValue[])[]
    }
  | { do: 'startChunks'; sql: string }
  | { do: 'nextChunk' | 'endChunks' | 'close' }

export interface Asked {
  id: number
  session: number
  work: Work
}

/** Has no answer: what runs in the session fails by it. */
export interface Interrupt {
  interrupt: number
}

export interface Refused {
  code: ErrorCode
  message: string
  details: Record<string, unknown>
}

export type Answered = { id: number } & ({ value: unknown } | { refused: Refused })

export interface DuckDbOptions {
  memoryLimit?: string
  /** Where a folder is made for what does not fit into memory. */
  tempFolder?: string
  /** How much of that may be there at once; default: the setting. */
  maxSpillMb?: number
}
