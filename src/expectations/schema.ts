import { z } from 'zod'

/** What one expectation said about one file. */
export const checkResult = z.object({
  check: z.string(),
  /** For people: `delay between -120 and 2000`. */
  title: z.string(),
  severity: z.enum(['error', 'warn']),
  passed: z.boolean(),
  file: z.string(),
  rows: z.number(),
  /** Rows that fail; null for checks on the file as a whole. */
  failing: z.number().nullable(),
  /** The first failing rows, counted from 1 (a CSV's header is not counted). */
  failingRows: z.array(z.number()),
  /** What a check on the file as a whole measured. */
  observed: z.number().nullable(),
  message: z.string(),
})
export type CheckResult = z.infer<typeof checkResult>

/** A failing row, its values as text. */
export interface FailingRow {
  file: string
  row: number
  checks: string[]
  values: Record<string, string | null>
}
