import { z } from 'zod'

export const variantNames = ['stable', 'canary', 'shadow', 'pinned', 'external', 'fallback'] as const
export type VariantName = (typeof variantNames)[number]

const MAX_ID = 200
const label = z.union([z.number(), z.string().max(MAX_ID), z.boolean()])

/** One label or reward for one prediction. */
export const feedbackSchema = z
  .strictObject({
    prediction_id: z.string().min(1).max(MAX_ID).optional(),
    request_id: z.string().min(1).max(MAX_ID).optional(),
    row_index: z.int().min(0).optional(),
    label: label.nullable().optional(),
    reward: z.number().optional(),
    label_time_ms: z.int().min(0).optional(),
    source: z.string().max(MAX_ID).optional(),
    feedback_id: z.string().min(1).max(MAX_ID).optional(),
    revision: z.int().min(0).max(1e9).optional(),
  })
  .refine((item) => (item.prediction_id === undefined) !== (item.request_id === undefined), {
    error: 'Give either prediction_id or request_id',
  })
  .refine((item) => item.row_index === undefined || item.request_id !== undefined, {
    error: 'row_index goes with request_id',
  })
  .refine((item) => item.label !== undefined || item.reward !== undefined, {
    error: 'Give a label, a reward, or both (label null withdraws a label)',
  })
export type Feedback = z.infer<typeof feedbackSchema>

const featureValue = z.union([z.number(), z.string().max(1000), z.boolean(), z.null()])

/** One prediction of a model that is served elsewhere. */
export const externalPredictionSchema = z.strictObject({
  prediction_id: z.string().min(1).max(MAX_ID),
  request_id: z.string().min(1).max(MAX_ID).optional(),
  deployment: z.string().min(1).max(MAX_ID),
  model: z.string().min(1).max(MAX_ID).optional(),
  version: z.int().min(0).optional(),
  time_ms: z.int().min(0),
  features: z.record(z.string().min(1).max(MAX_ID), featureValue).default({}),
  score: z.number().optional(),
  decision: z.string().max(MAX_ID).optional(),
  output: z.json().optional(),
  unit: z.string().max(MAX_ID).optional(),
  entity_key: z.string().max(MAX_ID).optional(),
  latency_us: z.number().min(0).optional(),
})
export type ExternalPrediction = z.infer<typeof externalPredictionSchema>
