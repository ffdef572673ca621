import { z } from 'zod'
import { Curve, Experiment, Run } from '../tracking/schema.ts'

export const columnKinds = ['metric', 'param', 'tag'] as const

/** A metric, param or tag that a table shows. Written `metric:auc`. */
export const RunColumn = z.object({ kind: z.enum(columnKinds), key: z.string() })
export type RunColumn = z.infer<typeof RunColumn>

const RunTableRow = Run.omit({ artifactUri: true }).extend({
  createdMs: z.number(),
  children: z.number().describe('Runs directly below it'),
  values: z
    .array(z.union([z.number(), z.string(), z.null()]))
    .describe('One for each column; a metric that is not finite is NaN, Infinity or -Infinity as text'),
})
export type RunTableRow = z.infer<typeof RunTableRow>

export const RunTable = z.object({
  columns: z.array(RunColumn),
  rows: z.array(RunTableRow),
  atMs: z.number().describe('Domain time of the answer: a run made later is new to who read it'),
  nextPageToken: z.string().optional(),
})
export type RunTable = z.infer<typeof RunTable>

const KeyCount = z.object({ key: z.string(), runs: z.number().describe('Runs that have it') })
export type KeyCount = z.infer<typeof KeyCount>

export const RunColumns = z.object({
  metrics: z.array(KeyCount),
  params: z.array(KeyCount),
  tags: z.array(KeyCount),
})
export type RunColumns = z.infer<typeof RunColumns>

export const ExperimentRow = Experiment.extend({
  runs: z.number().describe('Active ones; of a deleted experiment those that were deleted with it count too'),
  lastRunMs: z.number().optional().describe('Start of the newest run'),
  note: z.string().describe('Its description, in Markdown'),
})
export type ExperimentRow = z.infer<typeof ExperimentRow>

export const RunCurve = Curve.extend({ runId: z.string() })
export type RunCurve = z.infer<typeof RunCurve>

function compared<Value extends z.ZodType>(value: Value) {
  return z.object({
    key: z.string(),
    differs: z.boolean().describe('False when every run has it, with the same value'),
    values: z.array(value.nullable()).describe('One for each run, in their order'),
  })
}

const ComparedMetric = compared(z.union([z.number(), z.string()])).extend({
  lowerIsBetter: z
    .boolean()
    .describe(
      'What its name suggests: less is better for losses, errors and times, more for everything else',
    ),
  lastStep: z.number().describe('The greatest last step of any run: above 0 there is a curve'),
  best: z.array(z.number()).describe('Where the best finite value is; several when they are equal'),
})
export type ComparedMetric = z.infer<typeof ComparedMetric>

export const RunComparison = z.object({
  runs: z.array(Run),
  missing: z.array(z.string()).describe('Ids that name no run'),
  params: z.array(compared(z.string())),
  tags: z.array(compared(z.string())),
  metrics: z.array(ComparedMetric),
  cut: z.boolean().describe('True when there are more keys than the 200 of a kind that an answer holds'),
})
export type RunComparison = z.infer<typeof RunComparison>

/** Pages whose state is worth a name. */
export const ViewPage = z.enum(['runs', 'compare'])
export type ViewPage = z.infer<typeof ViewPage>

export const SavedView = z.object({
  id: z.string(),
  page: ViewPage,
  name: z.string(),
  query: z.string().describe('The state of the page as its address has it, without the question mark'),
  actor: z.string(),
  createdMs: z.number(),
})
export type SavedView = z.infer<typeof SavedView>

/** Ids with commas, as a query has them. */
export const idList = z.string().transform((text) => text.split(',').filter((part) => part !== ''))
