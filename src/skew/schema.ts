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

const counts = {
  checked: z.number().describe('Served values that were computed again and judged'),
  mismatched: z.number().describe('Those that differ, which late data do not explain'),
  late: z.number().describe('Those that differ because data came after they were served'),
}

const FeatureSkew = z.object({
  deployment: z.string(),
  model: z.string(),
  version: z.number(),
  feature: z.string(),
  source: z.string(),
  ...counts,
  unchecked: z.number().describe('Values that differ, where it is no longer known what was online then'),
  rate: z
    .object({ rate: z.number(), lower: z.number(), upper: z.number() })
    .nullable()
    .describe('Share of mismatches, with 95 % bounds that hold at every look'),
  hours: z.array(z.object({ startMs: z.number(), ...counts })),
  examples: z.array(SkewExample),
})
export type FeatureSkew = z.infer<typeof FeatureSkew>

export const SkewReport = z.object({
  features: z.array(FeatureSkew),
  problems: z.array(
    z.object({
      deployment: z.string(),
      model: z.string(),
      version: z.number(),
      startMs: z.number(),
      problem: z.string(),
    }),
  ),
})
export type SkewReport = z.infer<typeof SkewReport>

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
