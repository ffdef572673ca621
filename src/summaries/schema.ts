import { z } from 'zod'
import { columnTypes } from '../sources/schema.ts'

const columnSummary = z.object({
  name: z.string(),
  type: z.enum(columnTypes),
  kind: z.enum(['number', 'category', 'timestamp', 'other']),
  rows: z.number(),
  nulls: z.number(),
  /** Exact below 256 distinct values, else estimated (standard error about 6 %). */
  distinct: z.number(),
  distinctExact: z.boolean(),
  min: z.union([z.number(), z.string()]).nullable(),
  max: z.union([z.number(), z.string()]).nullable(),
  mean: z.number().nullable(),
  standardDeviation: z.number().nullable(),
  /** Within 1 % of the value; of timestamps, within an hour (a day when the data span more than 400 days). */
  quantiles: z.record(z.string(), z.number()).nullable(),
  histogram: z.array(z.object({ from: z.number(), to: z.number(), count: z.number() })),
  /** Counts are exact; of a column with more than 300 different values the least frequent of them may be missing. */
  top: z.array(z.object({ value: z.string(), count: z.number() })),
  numbers: z
    .object({
      zeros: z.number(),
      negatives: z.number(),
      /** NaN and infinities: left out of everything else. */
      notFinite: z.number(),
    })
    .nullable()
    .default(null),
  /** Of text, in characters. */
  lengths: z
    .object({ min: z.number(), max: z.number(), mean: z.number(), empty: z.number() })
    .nullable()
    .default(null),
  /** Of times, in UTC. */
  dates: z
    .object({
      /** Rows by day of the week, from Monday. */
      weekdays: z.array(z.number()),
      /** Rows by hour; null of a date. */
      hours: z.array(z.number()).nullable(),
      /** Days between the first and the last that have no row. */
      emptyDays: z.number(),
      /** The longest stretches of them, at most five: the first empty day and the next one with rows. */
      gaps: z.array(z.object({ fromMs: z.number(), toMs: z.number() })),
    })
    .nullable()
    .default(null),
})
export type ColumnSummary = z.infer<typeof columnSummary>

export const datasetSummary = z.object({
  rows: z.number(),
  columns: z.array(columnSummary),
  /** Rows beyond the first of those that are the same in all columns. Exact below 2,048 different rows, else from a sample of rows by hash. */
  duplicates: z
    .object({ rows: z.number(), exact: z.boolean(), standardError: z.number() })
    .nullable()
    .default(null),
  /**
   * Pearson's correlation of each two of the first twelve columns of numbers, over the rows in which both are finite, and Spearman's: exact below 2,048
   * different rows, else from so many of them by hash (a standard error of at most 2.2 %).
   */
  correlations: z
    .array(
      z.object({
        x: z.string(),
        y: z.string(),
        pearson: z.number().nullable(),
        spearman: z.number().nullable().default(null),
        spearmanExact: z.boolean().default(false),
        rows: z.number(),
      }),
    )
    .default([]),
  /**
   * Between 0 and 1, of the first eight categories with at most 20 different values: Cramér's V of each two of them (Bergsma's correction), and the correlation
   * ratio η of each with the first twelve columns of numbers, over the rows in which both are known. Exact.
   */
  associations: z
    .array(
      z.object({
        x: z.string(),
        y: z.string(),
        measure: z.enum(['cramersV', 'correlationRatio']),
        value: z.number(),
        rows: z.number(),
      }),
    )
    .default([]),
})
export type DatasetSummary = z.infer<typeof datasetSummary>
