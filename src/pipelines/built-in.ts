import { z } from 'zod'
import { builtInStep } from './definition.ts'
import { Json, Table } from './kinds.ts'

const SplitDays = z.object({
  /** The first moment of the holdout, ms since the epoch. */
  cutMs: z.number(),
  trainRows: z.int(),
  testRows: z.int(),
  trainDays: z.int(),
  testDays: z.int(),
})

/**
 * Splits a table by time: the last `holdoutDays` days that have rows are `test`, everything before is `train`. A
 * day is whole: it is never in both. Fails when there is no day left to train on.
 */
export const split = builtInStep('split', 1, {
  in: { data: Table },
  params: z.object({ time: z.string(), holdoutDays: z.int().min(1).default(14) }),
  out: { train: Table, test: Table, days: Json(SplitDays) },
})

/** The steps that Tidemill brings with it. */
export const builtInSteps = [split]
