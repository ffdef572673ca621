import { z } from 'zod'
import { AppError } from '../kernel/errors.ts'
import { feature, featureServiceSpec, knownColumn } from '../features/schema.ts'
import { Evaluation } from '../registry/schema.ts'
import { builtInStep } from './authoring.ts'
import { Json, Model, Table, type JsonRef, type Kinds, type ModelRef, type TableRef } from './kinds.ts'
import { currentScope, type KnownDataset } from './run-scope.ts'
import { nameOf, type Reference } from './trigger-definition.ts'

const SplitDays = z.object({
  /** The first moment of the holdout, ms since the epoch. */
  cutMs: z.number(),
  trainRows: z.int(),
  testRows: z.int(),
  trainDays: z.int(),
  testDays: z.int(),
})

/** What a training set was made from; `train`, `evaluate` and `register` take it as it is. */
export const SetFacts = z.object({
  service: z.object({ name: z.string(), spec: featureServiceSpec }),
  features: z.array(feature),
  /** Columns of the label and of the moment of prediction. */
  label: z.string(),
  time: z.string(),
  rows: z.int(),
  /** How often an on-demand feature went wrong, as `flight_time output:hour`. */
  violations: z.record(z.string(), z.number()),
})
export type SetFacts = z.infer<typeof SetFacts>

export const TrainingFacts = z.object({
  learner: z.string(),
  task: z.enum(['binary', 'regression']),
  rows: z.int(),
  /** The exported graph against the trainer's own predictions, on every row of the holdout. */
  parity: z.object({ rows: z.int(), maxDifference: z.number(), labelMismatches: z.int() }),
  importance: z.record(z.string(), z.number()),
  description: z.record(z.string(), z.json()),
})
export type TrainingFacts = z.infer<typeof TrainingFacts>

/**
 * Splits a table by time: the last `holdoutDays` days that have rows are `test`, everything before is `train`. A
 * day is whole: it is never in both. Fails when there is no day left to train on.
 */
export const split = builtInStep('split', 1, {
  in: { data: Table },
  params: z.object({ time: z.string(), holdoutDays: z.int().min(1).default(14) }),
  out: { train: Table, test: Table, days: Json(SplitDays) },
})

const setOutputs = { table: Table, facts: Json(SetFacts) }
const setParams = z.object({
  spec: featureServiceSpec,
  /** Hashes of the modules behind on-demand features. */
  code: z.record(z.string(), z.string()),
  time: z.string(),
  label: z.string(),
  /** By dataset: the input that holds it, and its time column. */
  sources: z.record(z.string(), z.object({ input: z.string(), time: z.string().nullable() })),
  /** Columns of datasets behind `data` that are known later than the time of a row. */
  known: z
    .array(z.object({ dataset: z.string(), time: z.string(), columns: z.array(knownColumn) }))
    .optional(),
  /** Where a step may have made something else of these datasets: what still tells its columns. */
  made: z
    .object({
      /** By dataset: the input that holds it. */
      datasets: z.record(z.string(), z.string()),
      knownInTime: z.array(z.string()),
    })
    .optional(),
})
const trainingSetStep = (inputs: Kinds) =>
  builtInStep('training_set', 1, { in: inputs, params: setParams, out: setOutputs })

/**
 * The rows of a table with the features of a service as they were known at each row's time, and the label. `time` names the
 * column with the moment of prediction, `label` is SQL over the table's columns (a boolean counts as 0 or 1); rows without
 * a label are left out. Gives `table` (the columns of `data`, the features, `label`) and `facts`.
 */
export function trainingSet(values: {
  data: TableRef
  service: Reference
  time: string
  label: string
  /** Tables for the views in place of the newest versions of their datasets. */
  sources?: Readonly<Record<string, TableRef>>
  /**
   * Columns that a step has made of what is known at a row's time. Others that none of the datasets behind `data` has are refused as features of the
   * request, where one of these datasets has columns that are known later (`knownAt`).
   */
  knownInTime?: readonly string[]
}): { readonly table: TableRef; readonly facts: JsonRef<SetFacts> } {
  const scope = currentScope('training_set')
  const { spec, code, times, known } = scope.service(nameOf(values.service))
  const behind = scope.datasetsOf(values.data)
  const late = (behind?.names ?? []).flatMap((name) => known[name] ?? [])
  const { knownInTime = [] } = values
  requireNoneLate(knownInTime, late)
  const isMade = late.length > 0 && behind?.isItself === false
  const origins = isMade ? behind.names.map((name, at) => [name, `dataset_${at}`] as const) : []
  const datasets = [...new Set(spec.views.map(({ dataset }) => dataset))].sort()
  const inputs = new Map(
    datasets.map((name, at) => [`source_${at}`, values.sources?.[name] ?? scope.latest(name)]),
  )
  for (const [name, input] of origins) inputs.set(input, scope.latest(name))
  const sources = datasets.map(
    (name, at) => [name, { input: `source_${at}`, time: times[name] ?? null }] as const,
  )
  const made = trainingSetStep({
    data: Table,
    ...Object.fromEntries([...inputs.keys()].map((name) => [name, Table])),
  })
  return made({
    ...Object.fromEntries(inputs),
    data: values.data,
    spec,
    code,
    time: values.time,
    label: values.label,
    sources: Object.fromEntries(sources),
    ...(late.length > 0 && { known: late }),
    ...(isMade && { made: { datasets: Object.fromEntries(origins), knownInTime: [...knownInTime] } }),
  })
}

function requireNoneLate(names: readonly string[], late: readonly KnownDataset[]): void {
  for (const { dataset, columns } of late) {
    const wrong = columns.find(({ column }) => names.includes(column))
    if (!wrong) continue
    throw new AppError(
      'invalid',
      `knownInTime names ${wrong.column}, which is known later (knownAt of ${dataset}); what a step makes of it with another meaning needs another name`,
    )
  }
}

/**
 * Trains a model on the features of a training set and exports it as one ONNX graph. Fails when the graph and the trainer
 * disagree on any row of `test`. `params` are the learner's (see `tidemill learners`); `seed` decides all random choices.
 */
export const train = builtInStep('train', 1, {
  in: { train: Table, test: Table, facts: Json(SetFacts) },
  params: z.object({
    learner: z.enum(['prior', 'logistic', 'trees']),
    task: z.enum(['binary', 'regression']),
    params: z.record(z.string(), z.json()).default({}),
    seed: z.int().default(0),
  }),
  out: { model: Model, training: Json(TrainingFacts) },
})

const evaluateOutputs = { evaluation: Json(Evaluation), metrics: Json(z.record(z.string(), z.number())) }
const evaluateStep = (inputs: Kinds) =>
  builtInStep('evaluate', 1, {
    in: inputs,
    params: z.object({ task: z.enum(['binary', 'regression']) }),
    out: evaluateOutputs,
  })

/**
 * Measures a model on a holdout of whole days, row by row the same as the champion and a baseline beside it, with intervals
 * over days. Gives `evaluation` (hand it to `register`: the gates judge it) and `metrics`, the model's own estimates.
 */
export function evaluate(values: {
  model: ModelRef
  test: TableRef
  facts: JsonRef<SetFacts>
  task: 'binary' | 'regression'
  champion?: ModelRef | undefined
  /** Default: the holdout's own mean. */
  baseline?: ModelRef | undefined
}): { readonly evaluation: JsonRef<Evaluation>; readonly metrics: JsonRef<Record<string, number>> } {
  const { champion, baseline, ...rest } = values
  const others = { ...(champion && { champion }), ...(baseline && { baseline }) }
  const kinds = Object.fromEntries(Object.keys(others).map((name) => [name, Model]))
  return evaluateStep({ model: Model, test: Table, facts: Json(SetFacts), ...kinds })({
    ...rest,
    ...others,
  })
}

/**
 * Freezes bins over a table and counts it by day, with the model's scores: what monitors will hold a deployed version
 * against. Hand `profile` to `register`.
 */
export const referenceProfile = builtInStep('reference_profile', 1, {
  in: { model: Model, table: Table, facts: Json(SetFacts) },
  params: z.object({ task: z.enum(['binary', 'regression']) }),
  out: { profile: Model },
})

/** The steps that Tidemill brings with it. Inputs of some depend on the call; their definitions name those that are always there. */
export const builtInSteps = [
  split,
  trainingSetStep({ data: Table }),
  train,
  evaluateStep({ model: Model, test: Table, facts: Json(SetFacts) }),
  referenceProfile,
]
