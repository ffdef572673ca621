import { z } from 'zod'
import { MetricName } from '../registry/definition.ts'
import { Estimate } from '../registry/schema.ts'

export const benchmarkTasks = ['binary', 'multiclass', 'regression'] as const
type BenchmarkTask = (typeof benchmarkTasks)[number]

/** What each task can be measured by. */
const METRICS_OF = {
  binary: ['auc', 'log_loss', 'brier', 'accuracy'],
  multiclass: ['log_loss', 'accuracy', 'macro_f1', 'macro_auc'],
  regression: ['rmse', 'mae', 'mse'],
} as const satisfies Record<BenchmarkTask, readonly MetricName[]>

const column = z.string().min(1).max(256)

/** Where the rows come from: a file that was sent to `POST /uploads`, or a version of a dataset. */
const holdoutSource = z.union([
  z.strictObject({ upload: z.string() }),
  z.strictObject({
    dataset: z.string().describe('`name@number`'),
    fromMs: z.number().optional().describe('Only rows from this time on, by the dataset’s time column'),
  }),
])

export const benchmarkDefinition = z
  .strictObject({
    task: z.enum(benchmarkTasks),
    metric: MetricName,
    label: column.describe('Column of the holdout that is predicted'),
    id: column.optional().describe('Column that names a row; without it only models can be submitted'),
    time: column.optional().describe('Column whose days are the blocks that count as independent'),
    exclude: z.array(column).default([]).describe('Columns that no model may have, such as later facts'),
    classes: z
      .array(z.string())
      .min(2)
      .max(1000)
      .optional()
      .describe('Of a multiclass task: the label’s values as text, in the order of a model’s probabilities'),
    featuresOpen: z
      .boolean()
      .default(false)
      .describe('Whether anyone who sees the benchmark may have the columns other than the label'),
  })
  .superRefine(({ task, metric, classes, label, id, time, exclude }, context) => {
    const metrics: readonly string[] = METRICS_OF[task]
    const refuse = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message })
    if (!metrics.includes(metric))
      refuse('metric', `A ${task} benchmark is measured by ${metrics.join(', ')}`)
    if ((task === 'multiclass') !== (classes !== undefined))
      refuse('classes', 'Classes belong to a multiclass benchmark, which needs them')
    if (new Set(classes).size !== (classes?.length ?? 0)) refuse('classes', 'A class stands there twice')
    for (const [role, named] of Object.entries({ label, id, time }))
      if (named !== undefined && exclude.includes(named))
        refuse('exclude', `${named} is the ${role} column: the holdout needs it, so it can’t be excluded`)
    if (label === id || label === time) refuse('label', 'The label can be neither the id nor the time')
  })
export type BenchmarkDefinition = z.infer<typeof benchmarkDefinition>

const benchmarkName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, 'Letters, digits, dot, dash, underscore')
const dailyLimit = z.number().int().min(1).max(1000).describe('Submissions of one participant in a day (UTC)')

export const createBenchmarkBody = z.strictObject({
  name: benchmarkName,
  description: z.string().max(10_000).default(''),
  definition: benchmarkDefinition,
  source: holdoutSource,
  dailyLimit: dailyLimit.default(5),
})
export type CreateBenchmark = z.infer<typeof createBenchmarkBody>

export const changeBenchmarkBody = z.strictObject({
  description: z.string().max(10_000).optional(),
  dailyLimit: dailyLimit.optional(),
  state: z.enum(['open', 'closed']).optional(),
})
export type ChangeBenchmark = z.infer<typeof changeBenchmarkBody>

const team = z.string().optional().describe('Submits for a team that the caller is a member of')

export const submitBody = z.union([
  z.strictObject({ model: z.string(), version: z.number().int().min(1), team }),
  z.strictObject({
    team,
    upload: z.string().describe('Of a file with the id column and `score`, or one column for each class'),
    format: z.enum(['parquet', 'csv']),
    label: z.string().min(1).max(200).describe('How the submission is called on the leaderboard'),
  }),
])
export type Submitted = z.infer<typeof submitBody>

const holdoutFacts = z.object({
  rows: z.number(),
  blocks: z.number().describe('Days, or equal stretches of rows where there are no days'),
  days: z.boolean(),
  features: z.array(z.object({ name: z.string(), type: z.string() })),
})
export type HoldoutFacts = z.infer<typeof holdoutFacts>

const standing = z.object({
  participant: z.string(),
  name: z.string(),
  submissionId: z.string(),
  label: z.string(),
  score: Estimate,
  rank: z.object({ from: z.number(), to: z.number() }).describe('A range: from how many are surely better'),
  behind: z
    .object({ difference: z.number(), lower: z.number(), upper: z.number() })
    .nullable()
    .describe('How much the leader is better on the same rows, with its interval; null for the leader'),
  submissions: z.number().describe('How many were evaluated to get here'),
  atMs: z.number(),
})
export type Standing = z.infer<typeof standing>

export const benchmarkItem = z.object({
  name: z.string(),
  description: z.string(),
  definition: benchmarkDefinition,
  dailyLimit: z.number(),
  state: z.enum(['preparing', 'open', 'closed', 'failed']),
  error: z.string().nullable(),
  holdout: holdoutFacts.nullable(),
  digest: z.string().nullable().describe('SHA-256 of the holdout'),
  submissions: z.number(),
  evaluated: z.number(),
  participants: z.number(),
  createdBy: z.string(),
  createdMs: z.number(),
})
export type Benchmark = z.infer<typeof benchmarkItem>

export const benchmarkDetail = benchmarkItem.extend({
  higherIsBetter: z.boolean(),
  standings: z.array(standing),
})
export type BenchmarkDetail = z.infer<typeof benchmarkDetail>

export const submissionSchema = z.object({
  id: z.string(),
  participant: z.string().describe('For whom: the name of the person or the team'),
  label: z.string(),
  kind: z.enum(['model', 'predictions']),
  state: z.enum(['queued', 'done', 'failed']),
  error: z.string().nullable(),
  improved: z
    .boolean()
    .nullable()
    .describe('Whether it beat the participant’s best by more than its standard error'),
  score: Estimate.nullable().describe(
    'Shown for one that improved, rounded to the size of its standard error',
  ),
  askedMs: z.number(),
  finishedMs: z.number().nullable(),
})
export type Submission = z.infer<typeof submissionSchema>
