import { z } from 'zod'
import { checkResult } from '../expectations/schema.ts'

export const validationReport = z.object({
  id: z.string(),
  datasetId: z.string(),
  verdict: z.enum(['passed', 'warned', 'failed']),
  sentence: z.string(),
  rows: z.number(),
  results: z.array(checkResult),
  files: z.array(
    z.object({ path: z.string(), sha256: z.string(), rows: z.number().nullable(), quarantined: z.boolean() }),
  ),
  failingRowsSha256: z.string().nullable(),
  createdMs: z.number(),
})
export type ValidationReport = z.infer<typeof validationReport>

export const reportDetail = validationReport.extend({
  dataset: z.string(),
  failingRows: z.array(
    z.object({
      file: z.string(),
      row: z.number(),
      checks: z.array(z.string()),
      values: z.record(z.string(), z.string().nullable()),
    }),
  ),
})
export type ReportDetail = z.infer<typeof reportDetail>

const side = z.number().nullable()
/** A check and what it said over time, oldest first. */
export const checkSeries = z.object({
  key: z.string(),
  check: z.string(),
  title: z.string(),
  severity: z.enum(['error', 'warn']),
  points: z.array(
    z.object({
      reportId: z.string(),
      /** The version that came of it; null when nothing was ingested. */
      version: z.number().nullable(),
      atMs: z.number(),
      passed: z.boolean(),
      message: z.string(),
      files: z.number(),
      rows: z.number(),
      /** Of checks on rows. */
      failing: z.number().nullable(),
      /** The least and the greatest that was measured in a file. */
      observed: z.object({ min: z.number(), max: z.number() }).nullable(),
      expected: z.object({ min: side, max: side }).nullable(),
    }),
  ),
})
export type CheckSeries = z.infer<typeof checkSeries>
