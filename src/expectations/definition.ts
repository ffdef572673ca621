import { z } from 'zod'
import { durationMs, type Duration } from '../kernel/duration.ts'
import { columnTypes, type ColumnType } from '../sources/schema.ts'

const column = z.string().min(1)
const bound = z.union([z.number(), z.string()])
const severity = z.enum(['error', 'warn']).default('error')

/** How much may be wrong: neither given means nothing; both given means both must hold. */
const tolerance = {
  severity,
  maxCount: z.number().int().min(0).optional(),
  maxShare: z.number().min(0).max(1).optional(),
}
/** A check on rows may be limited to those that a condition in SQL holds for. */
const onRows = { when: z.string().min(1).optional(), ...tolerance }
/** What a count is taken of: each arriving file, or the version as a whole. */
const on = z.enum(['file', 'version']).default('file')
const range = { min: z.number().optional(), max: z.number().optional() }
const columnKinds = ['any', 'number', 'category', 'timestamp'] as const
const members = z.union([z.array(z.string()).min(1), z.array(z.number()).min(1), z.array(z.boolean()).min(1)])

/** An expectation as a project version stores it: checks on rows have a tolerance, checks on files have not. */
export const expectation = z.discriminatedUnion('check', [
  z.strictObject({ check: z.literal('notNull'), column, ...onRows }),
  z.strictObject({ check: z.literal('unique'), columns: z.array(column).min(1), ...onRows }),
  z.strictObject({ check: z.literal('noDuplicateRows'), ...onRows }),
  z.strictObject({ check: z.literal('inSet'), column, values: members, ...onRows }),
  z.strictObject({
    check: z.literal('between'),
    column,
    min: bound.optional(),
    max: bound.optional(),
    ...onRows,
  }),
  z.strictObject({
    check: z.literal('matches'),
    column,
    pattern: z.string(),
    ignoreCase: z.boolean().default(false),
    ...onRows,
  }),
  z.strictObject({ check: z.literal('length'), column, ...range, ...onRows }),
  z.strictObject({
    check: z.literal('castable'),
    column,
    to: z.enum(['number', 'timestamp', 'boolean']),
    ...onRows,
  }),
  z.strictObject({ check: z.literal('finite'), column, ...onRows }),
  z.strictObject({
    check: z.literal('format'),
    column,
    format: z.enum(['email', 'uuid', 'date', 'timestamp', 'url', 'ip', 'phone']),
    ...onRows,
  }),
  z.strictObject({
    check: z.literal('references'),
    columns: z.array(column).min(1),
    dataset: z.string().min(1),
    theirs: z.array(column).min(1),
    ...onRows,
  }),
  z.strictObject({ check: z.literal('lessOrEqual'), left: column, right: column, ...onRows }),
  z.strictObject({
    check: z.literal('increasing'),
    column,
    strictly: z.boolean().default(false),
    ...onRows,
  }),
  z.strictObject({ check: z.literal('sql'), name: z.string().min(1), sql: z.string().min(1), ...tolerance }),
  z.strictObject({
    check: z.literal('columns'),
    columns: z.record(z.string(), z.enum([...columnKinds, ...columnTypes])),
    exact: z.boolean().default(false),
    order: z.array(column).optional(),
    severity,
  }),
  z.strictObject({ check: z.literal('rowCount'), ...range, on, severity }),
  z.strictObject({
    check: z.literal('rowCountChange'),
    ...range,
    last: z.number().int().min(1).max(100).default(7),
    on,
    severity,
  }),
  z.strictObject({ check: z.literal('sumBetween'), column, ...range, severity }),
  z.strictObject({ check: z.literal('standardDeviationBetween'), column, ...range, severity }),
  z.strictObject({ check: z.literal('meanBetween'), column, ...range, severity }),
  z.strictObject({
    check: z.literal('quantileBetween'),
    column,
    quantile: z.number().min(0).max(1),
    ...range,
    severity,
  }),
  z.strictObject({ check: z.literal('distinctCount'), column, ...range, severity }),
  z.strictObject({ check: z.literal('distinctShare'), column, ...range, severity }),
  z.strictObject({ check: z.literal('uniqueShare'), column, ...range, severity }),
  z.strictObject({ check: z.literal('mostCommonShare'), column, ...range, severity }),
  z.strictObject({
    check: z.literal('valueShare'),
    column,
    value: z.union([z.string(), z.number(), z.boolean()]),
    ...range,
    severity,
  }),
  z.strictObject({
    check: z.literal('sameDistribution'),
    column,
    max: z.number().positive(),
    distance: z.enum(['psi', 'jensenShannon', 'largestDifference', 'cramersV']).optional(),
    reference: z.union([z.enum(['previous', 'first']), z.number().int().min(1)]).default('previous'),
    severity,
  }),
  z.strictObject({
    check: z.literal('anomaly'),
    of: z.enum(['rowCount', 'freshness', 'nulls', 'distinct', 'mean', 'distribution']),
    columns: z.array(column).min(1).optional(),
    oneFalseAlarmIn: z.number().int().min(10).max(100_000).default(100),
    minHistory: z.number().int().min(5).max(100).default(14),
    severity: z.enum(['error', 'warn']).default('warn'),
  }),
  z.strictObject({ check: z.literal('freshness'), maxAgeMs: z.number().positive(), severity }),
])

export type Expectation = z.infer<typeof expectation>
/** A check on all that arrives together, or on the version that it would become part of. */
export type DeliveryExpectation = Extract<
  Expectation,
  { check: 'sameDistribution' | 'anomaly' | 'rowCount' | 'rowCountChange' }
>
/** A check on each arriving file by itself. */
export type FileExpectation = Exclude<Expectation, { check: 'sameDistribution' | 'anomaly' }>

export function isOfDelivery(e: Expectation): e is DeliveryExpectation {
  return e.check === 'sameDistribution' || e.check === 'anomaly' || ('on' in e && e.on === 'version')
}

export interface Tolerance {
  /** `error` (the default) refuses the file; `warn` only reports. */
  severity?: 'error' | 'warn'
  /** How many rows of a file may fail. */
  maxCount?: number
  /** Which share of a file's rows may fail, 0 to 1. */
  maxShare?: number
}
export interface RowOptions extends Tolerance {
  /** A condition in SQL over the columns of a row: rows for which it does not hold never fail. */
  when?: string
}
export interface Severity {
  severity?: 'error' | 'warn'
}
export interface Range {
  min?: number
  max?: number
}
/** `file` (the default): each arriving file by itself; `version`: the version that it would become part of. */
export interface On {
  on?: 'file' | 'version'
}

/** Every row has a value. */
export function notNull(column: string, options: RowOptions = {}): Expectation {
  return expectation.parse({ check: 'notNull', column, ...options })
}

/** No two rows of the whole dataset share these values; rows with a null among them are not compared. */
export function unique(columns: string | readonly string[], options: RowOptions = {}): Expectation {
  return expectation.parse({
    check: 'unique',
    columns: typeof columns === 'string' ? [columns] : columns,
    ...options,
  })
}

/** No row of a file is repeated in the files that arrive with it. */
export function noDuplicateRows(options: RowOptions = {}): Expectation {
  return expectation.parse({ check: 'noDuplicateRows', ...options })
}

/** Every value that is not null is one of these. */
export function inSet(
  column: string,
  values: readonly string[] | readonly number[] | readonly boolean[],
  options: RowOptions = {},
): Expectation {
  return expectation.parse({ check: 'inSet', column, values, ...options })
}

/** Every value that is not null lies in the closed range. Bounds of a timestamp are ISO 8601 text. */
export function between(
  column: string,
  min: number | string | undefined,
  max: number | string | undefined,
  options: RowOptions = {},
): Expectation {
  return expectation.parse({ check: 'between', column, min, max, ...options })
}

/** Every value that is not null contains a match of the pattern (RE2 syntax; the only flag is `i`). */
export function matches(column: string, pattern: RegExp, options: RowOptions = {}): Expectation {
  const flags = pattern.flags.replaceAll(/[gu]/g, '')
  if (flags !== '' && flags !== 'i')
    throw new TypeError(`matches('${column}'): the only flag a pattern may have is i`)
  return expectation.parse({
    check: 'matches',
    column,
    pattern: pattern.source,
    ignoreCase: flags === 'i',
    ...options,
  })
}

/** Every text that is not null has so many characters. */
export function length(column: string, { min, max }: Range, options: RowOptions = {}): Expectation {
  return expectation.parse({ check: 'length', column, min, max, ...options })
}

/** Every value that is not null can be read as that kind. */
export function castable(
  column: string,
  to: 'number' | 'timestamp' | 'boolean',
  options: RowOptions = {},
): Expectation {
  return expectation.parse({ check: 'castable', column, to, ...options })
}

/** No value is NaN or infinite. */
export function finite(column: string, options: RowOptions = {}): Expectation {
  return expectation.parse({ check: 'finite', column, ...options })
}

/** Where both are known, `left` is not greater than `right`. */
export function lessOrEqual(left: string, right: string, options: RowOptions = {}): Expectation {
  return expectation.parse({ check: 'lessOrEqual', left, right, ...options })
}

/** Within a file, in the order of its rows, the values never fall (`strictly`: always rise). */
export function increasing(column: string, options: RowOptions & { strictly?: boolean } = {}): Expectation {
  return expectation.parse({ check: 'increasing', column, ...options })
}

/** Every text that is not null is written so; `phone`: 7 to 15 digits with the usual separators. */
export function format(
  column: string,
  format: 'email' | 'uuid' | 'date' | 'timestamp' | 'url' | 'ip' | 'phone',
  options: RowOptions = {},
): Expectation {
  return expectation.parse({ check: 'format', column, format, ...options })
}

/**
 * These values are found in `theirs` (by default the columns of the same names) of the latest version of another
 * dataset of the project; rows with a null among them are not looked for. The report names the version.
 */
export function references(
  columns: string | readonly string[],
  { dataset, columns: theirs = columns }: { dataset: string; columns?: string | readonly string[] },
  options: RowOptions = {},
): Expectation {
  const list = (names: string | readonly string[]) => (typeof names === 'string' ? [names] : names)
  if (list(columns).length !== list(theirs).length)
    throw new TypeError(
      `references('${list(columns).join("', '")}'): as many columns of ${dataset} are needed`,
    )
  return expectation.parse({
    check: 'references',
    columns: list(columns),
    dataset,
    theirs: list(theirs),
    ...options,
  })
}

/**
 * A query over the table `dataset` (the rows of one arriving file) that returns the rows that are wrong. When it
 * selects the column `file_row_number` (counted from 0), the report names the rows.
 */
export function sqlCheck(name: string, sql: string, options: Tolerance = {}): Expectation {
  return expectation.parse({ check: 'sql', name, sql, ...options })
}

/**
 * The file has these columns, of these kinds or exactly these types; `exact`: and no others; `ordered`: in this order,
 * which columns that are not named may interrupt.
 */
export function columns(
  columns: Readonly<Record<string, (typeof columnKinds)[number] | ColumnType>>,
  { ordered = false, ...options }: Severity & { exact?: boolean; ordered?: boolean } = {},
): Expectation {
  const names = Object.keys(columns)
  const number = names.find((name) => /^\d+$/.test(name))
  if (ordered && number !== undefined)
    throw new TypeError(
      `columns({ ${number}: … }): JavaScript puts names that are numbers first, so their order can't be told`,
    )
  return expectation.parse({ check: 'columns', columns, ...(ordered && { order: names }), ...options })
}

/** A file, or the version, has so many rows. */
export function rowCount(range: Range, options: Severity & On = {}): Expectation {
  return expectation.parse({ check: 'rowCount', ...range, ...options })
}

/**
 * The rows of a file divided by the median of the dataset's `last` (7) newest files before it, or the rows of a
 * version divided by those of the version before. Holds while there is nothing to compare with.
 */
export function rowCountChange(range: Range, options: Severity & On & { last?: number } = {}): Expectation {
  return expectation.parse({ check: 'rowCountChange', ...range, ...options })
}

/** The sum of a file's values lies in the closed range. */
export function sumBetween(column: string, range: Range, options: Severity = {}): Expectation {
  return expectation.parse({ check: 'sumBetween', column, ...range, ...options })
}

/** The sample standard deviation of a file's values lies in the closed range. */
export function standardDeviationBetween(column: string, range: Range, options: Severity = {}): Expectation {
  return expectation.parse({ check: 'standardDeviationBetween', column, ...range, ...options })
}

/** The mean of a file's values lies in the closed range. */
export function meanBetween(column: string, range: Range, options: Severity = {}): Expectation {
  return expectation.parse({ check: 'meanBetween', column, ...range, ...options })
}

/** A quantile (0 to 1, interpolated) of a file's values lies in the closed range. */
export function quantileBetween(
  column: string,
  quantile: number,
  range: Range,
  options: Severity = {},
): Expectation {
  return expectation.parse({ check: 'quantileBetween', column, quantile, ...range, ...options })
}

/** A file has so many distinct values that are not null. */
export function distinctCount(column: string, range: Range, options: Severity = {}): Expectation {
  return expectation.parse({ check: 'distinctCount', column, ...range, ...options })
}

/** How many of a file's values that are not null are distinct, as a share of them (0 to 1). */
export function distinctShare(column: string, range: Range, options: Severity = {}): Expectation {
  return expectation.parse({ check: 'distinctShare', column, ...range, ...options })
}

/** How many of a file's values that are not null occur once only, as a share of them (0 to 1). */
export function uniqueShare(column: string, range: Range, options: Severity = {}): Expectation {
  return expectation.parse({ check: 'uniqueShare', column, ...range, ...options })
}

/** The share of a file's most common value among those that are not null (0 to 1). */
export function mostCommonShare(column: string, range: Range, options: Severity = {}): Expectation {
  return expectation.parse({ check: 'mostCommonShare', column, ...range, ...options })
}

/** The share of one value among a file's values that are not null (0 to 1). */
export function valueShare(
  column: string,
  value: string | number | boolean,
  range: Range,
  options: Severity = {},
): Expectation {
  return expectation.parse({ check: 'valueShare', column, value, ...range, ...options })
}

/**
 * All rows that arrive together are distributed like those of an earlier version: `previous` (the default), `first`, or
 * the version of that number. Bins are frozen from the reference: 20 of equal shares for numbers, the 50 most common
 * categories; nulls count. `distance` is `psi` for numbers unless given (less what chance alone gives two samples of
 * these sizes), `largestDifference` (L∞ of the shares) for categories; `jensenShannon` (log 2, 0 to 1) and `cramersV`
 * (the effect size of χ²) suit both. Holds while there is no such version.
 */
export function sameDistribution(
  column: string,
  options: Severity & {
    max: number
    distance?: 'psi' | 'jensenShannon' | 'largestDifference' | 'cramersV'
    reference?: 'previous' | 'first' | number
  },
): Expectation {
  return expectation.parse({ check: 'sameDistribution', column, ...options })
}

/** The newest row of a file (by the dataset's `time`) is at most this old when the file arrives. */
export function freshness(maxAge: Duration, options: Severity = {}): Expectation {
  return expectation.parse({ check: 'freshness', maxAgeMs: durationMs.parse(maxAge), ...options })
}

/**
 * What arrives together is as usual, without a threshold: the limits come from what has arrived before. `rowCount`: its
 * rows; `freshness`: the age of its newest row, or the time since the delivery before where the dataset has no time
 * column; of each column (or of `columns`) `nulls`: their share, `distinct`: how many, `mean`, `distribution`: the
 * Jensen–Shannon distance from the last 14 deliveries.
 * Says nothing before `minHistory` (14) deliveries could be forecast from those before them. One false alarm in
 * `oneFalseAlarmIn` (100) deliveries is allowed, all columns together. A change that lasts raises one alarm and becomes
 * the new level after five deliveries; with severity `error` nothing that is refused becomes usual.
 */
export function anomaly(
  options: Severity & {
    of: 'rowCount' | 'freshness' | 'nulls' | 'distinct' | 'mean' | 'distribution'
    columns?: readonly string[]
    oneFalseAlarmIn?: number
    minHistory?: number
  },
): Expectation {
  return expectation.parse({ check: 'anomaly', ...options })
}
