import { z } from 'zod'
import { listOf, pageOf, route } from '../http/route.ts'
import { alertJson, getMonitoring } from './overview.ts'
import { listAlerts } from './store.ts'

const cause = z.object({ name: z.string(), sentence: z.string(), weight: z.number() })

const alert = z.object({
  id: z.string(),
  deployment: z.string(),
  monitor: z.string(),
  kind: z.enum(['base_rate', 'drift', 'quality', 'data_quality', 'freshness', 'skew']),
  subject: z.string(),
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
const monitoring = z.object({
  deployment: z.string(),
  model: z.string(),
  stableVersion: z.number().nullable(),
  monitors: z.array(z.object({ name: z.string(), definition: z.unknown() })),
  alerts: z.array(alert),
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

export const routes = [
  route({
    method: 'GET',
    path: '/monitoring/:deployment',
    summary:
      'What has changed for a deployment, and whether it hurts: alerts, base rate, quality, drift, labels by day',
    permission: 'view',
    params: z.object({ deployment: z.string() }),
    query: z.strictObject({
      fromMs: z.coerce.number().int().optional(),
      toMs: z.coerce.number().int().optional(),
    }),
    response: monitoring,
    async handle({ context, projectId, params, query }) {
      // Stored judgements hold more than is declared here; the schema leaves the rest out.
      const found = await getMonitoring(context, { projectId, deployment: params.deployment, ...query })
      return monitoring.parse(found)
    },
  }),
  route({
    method: 'GET',
    path: '/alerts',
    summary: 'Alerts, newest first',
    permission: 'view',
    query: z.strictObject({
      deployment: z.string().optional(),
      state: z.enum(['open', 'cleared']).optional(),
      limit: z.coerce.number().int().min(1).max(500).default(100),
      pageToken: z.string().optional(),
    }),
    response: listOf(alert),
    async handle({ context, projectId, query }) {
      const { deployment, state, limit, pageToken } = query
      const found = await listAlerts(context.db.read, {
        projectId,
        deployment,
        state,
        limit,
        before: pageToken,
      })
      const items = found.map(alertJson)
      return pageOf(items, limit, ({ id }) => id)
    },
  }),
]
