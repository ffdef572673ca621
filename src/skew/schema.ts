import { z } from 'zod'

const value = z.union([z.number(), z.string(), z.null()])

/** One served value that differs from what the offline data give. */
export const SkewExample = z.object({
  /** `late`: the data that were online when it was served give what was served; more came later. */
  kind: z.enum(['mismatch', 'late']),
  predictionId: z.string(),
  /** What it was computed from: the key of the view’s entity, the inputs of the function. */
  inputs: z.record(z.string(), value),
  timeMs: z.number().describe('When it was served'),
  ageMs: z.number().nullable().describe('Of the view’s row then'),
  served: value,
  recomputed: value,
})
export type SkewExample = z.infer<typeof SkewExample>

/** Sums of one feature over a span of time. */
export interface SkewCounts {
  deployment: string
  model: string
  version: number
  feature: string
  source: string
  checked: number
  mismatched: number
  late: number
  unchecked: number
}

export interface SkewHour extends SkewCounts {
  startMs: number
  examples: SkewExample[]
}
