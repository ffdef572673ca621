import { z } from 'zod'
import { durationMs, type Duration } from '../kernel/duration.ts'

const column = z.string().min(1)
const bound = z.union([z.number(), z.string()])
const severity = z.enum(['error', 'warn']).default('error')

/** How much may be wrong: neither given means nothing; both given means both must hold. */
const tolerance = {
  severity,
  maxCount: z.number().int().min(0).optional(),
  maxShare: z.number().min(0).max(1).optional(),
}
const range = { min: z.number().optional(), max: z.number().optional() }
const members = z.union([z.array(z.string()).min(1), z.array(z.number()).min(1), z.array(z.boolean()).min(1)])

/** An expectation as a project version stores it: checks on rows have a tolerance, checks on files have not. */
export const expectation = z.discriminatedUnion('check', [
  z.strictObject({ check: z.literal('notNull'), column, ...tolerance }),
  z.strictObject({ check: z.literal('unique'), columns: z.array(column).min(1), ...tolerance }),
  z.strictObject({ check: z.literal('noDuplicateRows'), ...tolerance }),
  z.strictObject({ check: z.literal('inSet'), column, values: members, ...tolerance }),
  z.strictObject({
    check: z.literal('between'),
    column,
    min: bound.optional(),
    max: bound.optional(),
    ...tolerance,
  }),
  z.strictObject({
    check: z.literal('matches'),
    column,
    pattern: z.string(),
    ignoreCase: z.boolean().default(false),
    ...tolerance,
  }),
  z.strictObject({ check: z.literal('length'), column, ...range, ...tolerance }),
  z.strictObject({
    check: z.literal('castable'),
    column,
    to: z.enum(['number', 'timestamp', 'boolean']),
    ...tolerance,
  }),
  z.strictObject({ check: z.literal('finite'), column, ...tolerance }),
  z.strictObject({ check: z.literal('lessOrEqual'), left: column, right: column, ...tolerance }),
  z.strictObject({
    check: z.literal('increasing'),
    column,
    strictly: z.boolean().default(false),
    ...tolerance,
  }),
  z.strictObject({ check: z.literal('sql'), name: z.string().min(1), sql: z.string().min(1), ...tolerance }),
  z.strictObject({
    check: z.literal('columns'),
    columns: z.record(z.string(), z.enum(['any', 'number', 'category', 'timestamp'])),
    exact: z.boolean().default(false),
    severity,
  }),
  z.strictObject({ check: z.literal('rowCount'), ...range, severity }),
  z.strictObject({ check: z.literal('meanBetween'), column, ...range, severity }),
  z.strictObject({
    check: z.literal('quantileBetween'),
    column,
    quantile: z.number().min(0).max(1),
    ...range,
    severity,
  }),
  z.strictObject({ check: z.literal('distinctCount'), column, ...range, severity }),
  z.strictObject({ check: z.literal('freshness'), maxAgeMs: z.number().positive(), severity }),
])

export type Expectation = z.infer<typeof expectation>

export interface Tolerance {
  /** `error` (the default) refuses the file; `warn` only reports. */
  severity?: 'error' | 'warn'
  /** How many rows of a file may fail. */
  maxCount?: number
  /** Which share of a file's rows may fail, 0 to 1. */
  maxShare?: number
}
export interface Severity {
  severity?: 'error' | 'warn'
}
export interface Range {
  min?: number
  max?: number
}

/** Every row has a value. */
export function notNull(column: string, options: Tolerance = {}): Expectation {
  return expectation.parse({ check: 'notNull', column, ...options })
}

/** No two rows of the whole dataset share these values; rows with a null among them are not compared. */
export function unique(columns: string | readonly string[], options: Tolerance = {}): Expectation {
  return expectation.parse({
    check: 'unique',
    columns: typeof columns === 'string' ? [columns] : columns,
    ...options,
  })
}

/** No row of a file is repeated in the files that arrive with it. */
export function noDuplicateRows(options: Tolerance = {}): Expectation {
  return expectation.parse({ check: 'noDuplicateRows', ...options })
}

/** Every value that is not null is one of these. */
export function inSet(
  column: string,
  values: readonly string[] | readonly number[] | readonly boolean[],
  options: Tolerance = {},
): Expectation {
  return expectation.parse({ check: 'inSet', column, values, ...options })
}

/** Every value that is not null lies in the closed range. Bounds of a timestamp are ISO 8601 text. */
export function between(
  column: string,
  min: number | string | undefined,
  max: number | string | undefined,
  options: Tolerance = {},
): Expectation {
  return expectation.parse({ check: 'between', column, min, max, ...options })
}

/** Every value that is not null contains a match of the pattern (RE2 syntax; the only flag is `i`). */
export function matches(column: string, pattern: RegExp, options: Tolerance = {}): Expectation {
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
export function length(column: string, { min, max }: Range, options: Tolerance = {}): Expectation {
  return expectation.parse({ check: 'length', column, min, max, ...options })
}

/** Every value that is not null can be read as that kind. */
export function castable(
  column: string,
  to: 'number' | 'timestamp' | 'boolean',
  options: Tolerance = {},
): Expectation {
  return expectation.parse({ check: 'castable', column, to, ...options })
}

/** No value is NaN or infinite. */
export function finite(column: string, options: Tolerance = {}): Expectation {
  return expectation.parse({ check: 'finite', column, ...options })
}

/** Where both are known, `left` is not greater than `right`. */
export function lessOrEqual(left: string, right: string, options: Tolerance = {}): Expectation {
  return expectation.parse({ check: 'lessOrEqual', left, right, ...options })
}

/** Within a file, in the order of its rows, the values never fall (`strictly`: always rise). */
export function increasing(column: string, options: Tolerance & { strictly?: boolean } = {}): Expectation {
  return expectation.parse({ check: 'increasing', column, ...options })
}

/**
 * A query over the table `dataset` (the rows of one arriving file) that returns the rows that are wrong. When it
 * selects the column `file_row_number` (counted from 0), the report names the rows.
 */
export function sqlCheck(name: string, sql: string, options: Tolerance = {}): Expectation {
  return expectation.parse({ check: 'sql', name, sql, ...options })
}

/** The file has these columns, of these kinds; `exact`: and no others. */
export function columns(
  columns: Readonly<Record<string, 'any' | 'number' | 'category' | 'timestamp'>>,
  options: Severity & { exact?: boolean } = {},
): Expectation {
  return expectation.parse({ check: 'columns', columns, ...options })
}

/** A file has so many rows. */
export function rowCount(range: Range, options: Severity = {}): Expectation {
  return expectation.parse({ check: 'rowCount', ...range, ...options })
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

/** The newest row of a file (by the dataset's `time`) is at most this old when the file arrives. */
export function freshness(maxAge: Duration, options: Severity = {}): Expectation {
  return expectation.parse({ check: 'freshness', maxAgeMs: durationMs.parse(maxAge), ...options })
}
