import { z } from 'zod'

/** What one expectation said about one file, or about all that arrived together. */
export const checkResult = z.object({
  check: z.string(),
  /** Under which the history of the check is kept, whatever its bounds and severity. */
  key: z.string().default(''),
  /** The column that it is about, where it is about one. */
  column: z.string().nullable().default(null),
  /** For people: `delay between -120 and 2000`. */
  title: z.string(),
  severity: z.enum(['error', 'warn']),
  passed: z.boolean(),
  /** Null for checks on all that arrived together. */
  file: z.string().nullable(),
  rows: z.number(),
  /** Rows that fail; null for checks on the file as a whole. */
  failing: z.number().nullable(),
  /** The first failing rows, counted from 1 (a CSV's header is not counted). */
  failingRows: z.array(z.number()),
  /** What a check on the file as a whole measured. */
  observed: z.number().nullable(),
  /** Where that had to lie; null where a side is open. */
  expected: z.object({ min: z.number().nullable(), max: z.number().nullable() }).nullable().default(null),
  /** The version that it was held against, as `name@number`. */
  against: z.string().nullable().default(null),
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
