import { z } from 'zod'
import { knownAt } from '../data/definition.ts'
import { aggregate } from './aggregate.ts'
import { feature, featureKind, type Feature } from './feature.ts'

export type { Aggregate, Condition } from './aggregate.ts'
export { feature, type Feature, type FeatureKind } from './feature.ts'

export const knownColumn = z.strictObject({ column: z.string(), knownAt })
/** A column whose values are known later than the row's time. */
export type KnownColumn = z.infer<typeof knownColumn>

/** Where the events of a view come from: a row of the dataset is one for each key, from when all that is read of it is known. */
const eventSource = z.strictObject({
  /** Columns of the dataset that hold a key. */
  keys: z.array(z.string()).min(1),
  /** The dataset's time column. */
  time: z.string(),
  /** Columns that the view reads, by SQL may read, and that are known later. */
  known: z.array(knownColumn),
})
export type EventSource = z.infer<typeof eventSource>

/** A row function in the code snapshot of the project version. */
export const rowFunction = z.strictObject({
  module: z.string().min(1),
  export: z.string().min(1),
  inputs: z.array(feature),
  budgetMs: z.number().positive().default(1),
  /** Every module of the project that the function reaches, with the hash of its content; filled in when the project is loaded. */
  code: z.record(z.string(), z.string()).default({}),
})

/** What a feature view computes, complete: training and serving need nothing else. */
export const viewSpec = z.strictObject({
  view: z.string(),
  entity: z.string(),
  /** The column, and the field of a request, that holds the entity's key. */
  entityKey: z.string(),
  dataset: z.string(),
  /** Of a view by SQL; other views have `aggregates` or `row`. */
  sql: z.string().optional(),
  /** Of a view by SQL only where its dataset says when columns are known. */
  source: eventSource.optional(),
  aggregates: z.array(aggregate).optional(),
  row: rowFunction.optional(),
  /** Column of `sql`: when a row's values became true. */
  eventTime: z.string(),
  /** Column of `sql`: when a row became known, if it can be later than its event time. */
  createdTimestamp: z.string().nullable(),
  ttlMs: z.number().positive(),
  /** Rows of the dataset older than this have no influence on a row; null when all may have. */
  lookbackMs: z.number().positive().nullable(),
  /** Every feature of the view, in the order in which the online store keeps them. */
  features: z.array(feature).min(1),
  /** Values in the online store belong to one definition of a view. */
  definitionHash: z.string(),
})
export type ViewSpec = z.infer<typeof viewSpec>

const onDemandSpec = z.strictObject({
  name: z.string(),
  /** Path inside the code snapshot. */
  module: z.string(),
  export: z.string(),
  inputs: z.array(feature),
  outputs: z.array(feature).min(1),
  budgetMs: z.number().positive(),
})
export type OnDemandSpec = z.infer<typeof onDemandSpec>

const servedFeature = z.strictObject({
  name: z.string(),
  kind: featureKind,
  from: z.enum(['view', 'on_demand', 'request']),
  /** The view or the on-demand feature it comes from; `request` when a request carries it. */
  source: z.string(),
})
export type ServedFeature = z.infer<typeof servedFeature>

/** The features of one model version: `features` in this order is the model's input. */
export const featureServiceSpec = z.strictObject({
  name: z.string(),
  entities: z.array(z.strictObject({ name: z.string(), key: z.string() })),
  views: z.array(viewSpec),
  onDemand: z.array(onDemandSpec),
  features: z.array(servedFeature).min(1),
})
export type FeatureServiceSpec = z.infer<typeof featureServiceSpec>

export type FeatureValue = number | string | null

/**
 * What an online value is: there; null in its newest row; not there for this key at that moment; or older than the
 * view's `ttl`. All but `PRESENT` mean null, in training too.
 */
export type FeatureStatus = 'PRESENT' | 'NULL_VALUE' | 'NOT_FOUND' | 'OUTSIDE_MAX_AGE'

/** What reading the online values of a view needs. */
export type ReadView = Pick<
  ViewSpec,
  'view' | 'entity' | 'entityKey' | 'ttlMs' | 'features' | 'definitionHash'
>

/** What reading and pushing the online values of a view needs. */
export interface ServedView extends ReadView, Pick<ViewSpec, 'dataset' | 'eventTime' | 'createdTimestamp'> {
  /** Columns of a pushed row that the dataset stores otherwise than they come, since they are personal; absent without any. */
  personal?: readonly string[]
  /** Of a view by a row function whose inputs are known with the row: then gateways compute the features of rows as the dataset has them. */
  rowFunction?: ServedRowFunction
}

export interface ServedRowFunction {
  /** Columns of the dataset that hold a key. */
  keys: readonly string[]
  /** The dataset's time column. */
  time: string
  function: OnDemandSpec
  codeSnapshot: string
}

/** The features that a project declares, as gateways follow them: online values are served without the database. */
export interface ServedFeatures {
  projectId: string
  views: readonly ServedView[]
  onDemand: readonly OnDemandSpec[]
  services: readonly Pick<FeatureServiceSpec, 'name' | 'features'>[]
  /** The code of the on-demand features. */
  codeSnapshot: string | null
  /** Keys of erased people by the column that holds them, hashed with a privacy key: rows of theirs are not taken. */
  erased?: readonly { column: string; keyId: string; hashes: readonly string[] }[]
}

/** The name under which the online store keeps a view's values. */
export function onlineView(
  projectId: string,
  { view, definitionHash }: Pick<ViewSpec, 'view' | 'definitionHash'>,
): string {
  return `${projectId}/${view}@${definitionHash.slice(0, 16)}`
}

/** What a request must carry besides the keys of entities, each once. */
export function requestColumns({ onDemand, features }: FeatureServiceSpec): Feature[] {
  const wanted = [
    ...onDemand.flatMap(({ inputs }) => inputs),
    ...features.filter(({ from }) => from === 'request').map(({ name, kind }) => ({ name, kind })),
  ]
  return wanted.filter(({ name }, index) => wanted.findIndex((other) => other.name === name) === index)
}

/** Columns of a row of the dataset that a row function is about. */
export function rowColumns({ keys, time, function: { inputs } }: ServedRowFunction): string[] {
  return [...keys, time, ...inputs.map(({ name }) => name)]
}
