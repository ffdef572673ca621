import { z } from 'zod'

const budgetDays = z.number().min(2).max(3650)

/** A watch that is calibrated by days. */
const watch = (defaults: { minEffect: number }) =>
  z.union([
    z.literal(false),
    z
      .strictObject({
        /** One false alarm in this many days is acceptable. */
        budgetDays: budgetDays.default(30),
        /** The smallest effect worth an alert. */
        minEffect: z.number().min(0).default(defaults.minEffect),
      })
      .prefault({}),
  ])

const skewWatch = z
  .union([
    z.literal(false),
    z
      .strictObject({
        /** Rows of each hour and version that are computed again. */
        rowsPerHour: z.int().min(1).max(5000).default(100),
        /** Numbers that differ by no more than this share of them are the same. */
        tolerance: z.number().min(0).max(0.5).default(1e-6),
        /** An alert when the share of mismatches is certainly above this. */
        maxRate: z.number().gt(0).lt(1).default(0.01),
        budgetDays: budgetDays.default(30),
      })
      .prefault({}),
  ])
  .prefault({})

export const monitorSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, 'Letters, digits, dot, dash and underscore'),
  deployment: z.string().min(1),
  /** Share of positive labels (or mean label of a regression); the effect is in the label's unit. */
  baseRate: watch({ minEffect: 0.03 }).prefault({}),
  /** AUC; the effect is in AUC. Binary tasks only. */
  ranking: watch({ minEffect: 0.02 }).prefault({}),
  /** Features and scores; the effect is in Jensen–Shannon distance beyond what days differ by. */
  drift: watch({ minEffect: 0.05 }).prefault({}),
  /** Features that are stale or missing, and rows that break the schema, entity by entity. */
  feeds: z
    .union([
      z.literal(false),
      z
        .strictObject({
          /** An hour is bad when at least this share of its rows is. */
          badShare: z.number().gt(0).max(1).default(0.5),
          /** Bad hours in a row, among hours with rows, before an alert. */
          minHours: z.int().min(1).default(3),
          /** Rows in those hours. */
          minRows: z.int().min(1).default(5),
        })
        .prefault({}),
    ])
    .prefault({}),
  /** Served features computed again from the offline data, row by row of a sample. */
  skew: skewWatch,
  /** Days with fewer rows (or labels, where labels are judged) are not judged. */
  minRows: z.int().min(30).default(200),
  /** Share of a day's predictions that must have their label before the day is judged. */
  minCoverage: z.number().gt(0).max(1).default(0.5),
})
export type MonitorDefinition = z.output<typeof monitorSchema>

type Named = string | { readonly name: string }
export interface MonitorOptions extends Omit<z.input<typeof monitorSchema>, 'name' | 'deployment'> {
  deployment: Named
}

/**
 * Watches a deployment against the reference profile of its stable version. Everything is watched unless it is set to false. Days are
 * judged when they are over; what needs labels when `label.horizonMs` of the deployment has passed after them.
 */
export function monitor(name: string, options: MonitorOptions): MonitorDefinition {
  const { deployment } = options
  return monitorSchema.parse({
    ...options,
    name,
    deployment: typeof deployment === 'string' ? deployment : deployment.name,
  })
}
