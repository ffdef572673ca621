import { z } from 'zod'

const cause = z.object({ name: z.string(), sentence: z.string(), weight: z.number() })

export const alertSchema = z.object({
  id: z.string(),
  deployment: z.string(),
  monitor: z.string(),
  kind: z.enum(['base_rate', 'drift', 'quality', 'data_quality', 'freshness', 'skew']),
  subject: z
    .string()
    .describe(
      'What it is about within its kind: `base_rate`, `ranking`, `drift`, or a violation such as `stale:airport_delays`',
    ),
  state: z.enum(['open', 'cleared']),
  blocksTraining: z.boolean(),
  sentence: z.string(),
  causes: z.array(cause),
  windowMs: z.number(),
  decisionId: z.string(),
  raisedMs: z.number(),
  clearedMs: z.number().nullable(),
  clearedSentence: z.string().nullable(),
})
export type AlertJson = z.infer<typeof alertSchema>

const windowJudgement = z
  .object({
    value: z.number(),
    expected: z.number(),
    lower: z.number().nullable(),
    upper: z.number().nullable(),
    outside: z.enum(['above', 'below']).nullable(),
    alert: z.boolean(),
    days: z.number(),
    rows: z.number(),
    budgetDays: z.number(),
  })
  .loose()
  .nullable()

const verdict = z.enum(['out', 'watch', 'calm', 'not_judged'])
const judgedDay = z.object({
  startMs: z.number(),
  monitor: z.string(),
  verdict,
  revision: z.number(),
  rows: z.number(),
  labelled: z.number(),
  coverage: z.number(),
  loss: z.number(),
  value: z.number().nullable(),
  expected: z.number().optional(),
  oneDay: windowJudgement,
  threeDay: windowJudgement,
})

const number = z.number().nullable()
export const monitoringSchema = z.object({
  deployment: z.string(),
  model: z.string(),
  stableVersion: z.number().nullable(),
  monitors: z.array(z.object({ name: z.string(), definition: z.unknown() })),
  alerts: z.array(alertSchema),
  causes: z.array(z.object({ kind: z.string(), sentence: z.string(), parts: z.array(cause) })),
  reference: z
    .object({
      days: z.array(z.object({ startMs: z.number(), rows: z.number(), rate: z.number(), auc: number })),
    })
    .nullable(),
  baseRate: z.array(judgedDay),
  quality: z.array(
    judgedDay.extend({
      lower: number,
      upper: number,
      logLoss: number,
      meanScore: number,
      rate: number,
      referenceSpread: z.number(),
    }),
  ),
  drift: z.object({
    days: z.array(z.object({ startMs: z.number(), verdict, rows: z.number() })),
    features: z.array(
      z.object({
        name: z.string(),
        cells: z.array(
          z.object({
            startMs: z.number(),
            distance: number,
            expected: number,
            upper: number,
            psi: number,
            wassersteinSd: number,
            alert: z.boolean(),
            cause: z.string().nullable(),
          }),
        ),
      }),
    ),
  }),
  labels: z.array(
    z.object({
      startMs: z.number(),
      rows: z.number(),
      labelled: z.number(),
      coverage: z.number(),
      delayMedianMs: number,
      delay95Ms: number,
    }),
  ),
})
export type MonitoringJson = z.infer<typeof monitoringSchema>
