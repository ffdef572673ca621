import { z } from 'zod'
import { durationMs, type Duration } from '../kernel/duration.ts'
import { featureKind, type Feature, type FeatureKind } from './feature.ts'

const comparable = z.union([z.string(), z.number(), z.boolean()])
type Comparable = z.infer<typeof comparable>

/** What a row must fulfil to be counted. A null fulfils nothing. */
const condition = z.strictObject({
  column: z.string().min(1),
  is: z.enum(['equal', 'not', 'above', 'below', 'atLeast', 'atMost', 'in']),
  value: z.union([comparable, z.array(comparable).min(1)]),
})
export type Condition = z.infer<typeof condition>

const aggregateFunction = z.enum([
  'count',
  'sum',
  'mean',
  'min',
  'max',
  'last',
  'distinct',
  'deviation',
  'share',
])
type AggregateFunction = z.infer<typeof aggregateFunction>

/** One aggregate over several windows: a feature for each, named `<name>_<window>`. */
export const aggregate = z.strictObject({
  name: z.string().min(1),
  function: aggregateFunction,
  /** Null for the count of rows and for a share. */
  column: z.string().min(1).nullable(),
  /** Of a share: what the counted rows fulfil. */
  share: z.array(condition),
  where: z.array(condition),
  kind: featureKind,
  windows: z.array(z.strictObject({ name: z.string().min(1), ms: z.number().int().positive() })).min(1),
})
export type Aggregate = z.infer<typeof aggregate>

type ConditionValue =
  | Comparable
  | readonly Comparable[]
  | { not: Comparable }
  | { above?: Comparable; below?: Comparable; atLeast?: Comparable; atMost?: Comparable }

/** Conditions by column, all of which must hold: a value, a list of values, or bounds as in `{ above: 15 }`. */
type Conditions = Readonly<Record<string, ConditionValue>>

/**
 * One aggregate as a project writes it: the function with its column. `count: '*'` counts rows, `count` of a column and
 * `distinct` its values that are not null; `share` is the part of the rows that fulfil conditions, among those where no
 * column of them is null; `last` is the newest value that is not null (of equally new ones the greatest); `deviation` is
 * the standard deviation of a sample. Of an empty window `count` and `distinct` are 0, all others null.
 */
export type AggregateOption = (
  | { count: string }
  | { sum: string }
  | { mean: string }
  | { min: string; kind?: FeatureKind }
  | { max: string; kind?: FeatureKind }
  | { last: string; kind?: FeatureKind }
  | { distinct: string }
  | { deviation: string }
  | { share: Conditions }
) & {
  where?: Conditions
  /** In place of the view's windows. */
  windows?: readonly Duration[]
}

export type AggregateOptions = Readonly<Record<string, AggregateOption>>

const OPTIONS = new Set(['where', 'windows', 'kind'])
const KEEPS_KIND = new Set<AggregateFunction>(['min', 'max', 'last'])

export function toAggregate(name: string, option: AggregateOption, windows: readonly Duration[]): Aggregate {
  const { where = {}, windows: own = windows, kind } = option as AggregateOption & { kind?: FeatureKind }
  const functions = Object.entries(option).filter(([key]) => !OPTIONS.has(key))
  const [chosen, ...others] = functions
  if (chosen === undefined || others.length > 0) {
    throw new TypeError(
      `The aggregate ${name} needs one of ${aggregateFunction.options.join(', ')}; it has ${functions.map(([key]) => key).join(', ') || 'none'}`,
    )
  }
  const applied = aggregateFunction.parse(chosen[0])
  if (kind !== undefined && !KEEPS_KIND.has(applied)) {
    throw new TypeError(`The aggregate ${name} is a number: kind belongs to min, max and last`)
  }
  const whole = applied === 'share' || (applied === 'count' && chosen[1] === '*')
  return aggregate.parse({
    name,
    function: applied,
    column: whole ? null : chosen[1],
    share: applied === 'share' ? toConditions(chosen[1] as unknown as Conditions) : [],
    where: toConditions(where),
    kind: kind ?? 'number',
    windows: own.map((window) => ({ name: window, ms: durationMs.parse(window) })),
  })
}

function toConditions(conditions: Conditions): Condition[] {
  return Object.entries(conditions).flatMap(([column, value]): Condition[] => {
    if (Array.isArray(value)) return [condition.parse({ column, is: 'in', value })]
    if (typeof value !== 'object') return [condition.parse({ column, is: 'equal', value })]
    return Object.entries(value).map(([is, bound]) =>
      condition.parse({ column, is, value: bound as unknown }),
    )
  })
}

/** The features of aggregates, in the order in which they are declared. */
export function aggregateFeatures(aggregates: readonly Aggregate[]): Feature[] {
  return aggregates.flatMap(({ name, kind, windows }) =>
    windows.map((window) => ({ name: `${name}_${window.name}`, kind })),
  )
}

/** Every column of the dataset that an aggregate reads. */
export function aggregateColumns(aggregates: readonly Aggregate[]): string[] {
  const columns = aggregates.flatMap(({ column, share, where }) => [
    ...(column === null ? [] : [column]),
    ...[...share, ...where].map((each) => each.column),
  ])
  return [...new Set(columns)]
}
