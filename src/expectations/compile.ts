import { quoteIdentifier, quoteLiteral } from '../ports/analytics/analytics.ts'
import type { Expectation } from './definition.ts'
import { kindOf, type Column, type ColumnKind } from '../sources/schema.ts'

/**
 * An expectation as SQL over one scan of the arriving rows.
 * - `bad`: true for a row that fails; `window`: columns that `bad` needs, computed before the aggregation.
 * - `measure`: an aggregate over a file, held against `min` and `max`.
 * - `query`: a query of its own (custom SQL).
 * - `refused`: it cannot be evaluated over these columns, and why.
 */
export type Check = {
  title: string
  phrase: string
  severity: 'error' | 'warn'
  expectation: Expectation
} & (
  | { bad: string; window?: Record<string, string> }
  | { measure: string; min?: number | undefined; max?: number | undefined }
  | { query: string }
  | { refused: string }
)

export interface CompileContext {
  columns: readonly Column[]
  time: string | undefined
  nowMs: number
  /** SQL of the rows that the dataset has already and keeps. */
  history: string | undefined
}

const FILE = '__file'
const ROW = 'file_row_number'

/** `index` makes the names of window columns unique. */
export function compileExpectation(expectation: Expectation, index: number, context: CompileContext): Check {
  const { title, phrase } = describe(expectation)
  const head = { title, phrase, severity: expectation.severity, expectation }
  const refused = unmetNeeds(expectation, context)
  return refused === undefined ? { ...head, ...compile(expectation, index, context) } : { ...head, refused }
}

function compile(e: Expectation, index: number, context: CompileContext) {
  const column = 'column' in e ? quoteIdentifier(e.column) : ''
  const position = `${quoteIdentifier(FILE)}, ${ROW}`
  switch (e.check) {
    case 'notNull':
      return { bad: `${column} IS NULL` }
    case 'unique': {
      const keys = e.columns.map(quoteIdentifier)
      const known = keys.map((key) => `${key} IS NOT NULL`).join(' AND ')
      const earlier = context.history
        ? ` OR (${keys.join(', ')}) IN (SELECT (${keys.join(', ')}) FROM (${context.history}))`
        : ''
      return {
        bad: `(${known} AND (__w${index} > 1${earlier}))`,
        window: {
          [`__w${index}`]: `row_number() OVER (PARTITION BY ${keys.join(', ')} ORDER BY ${position})`,
        },
      }
    }
    case 'noDuplicateRows': {
      const all = context.columns.map(({ name }) => quoteIdentifier(name)).join(', ')
      return {
        bad: `__w${index} > 1`,
        window: { [`__w${index}`]: `row_number() OVER (PARTITION BY ${all} ORDER BY ${position})` },
      }
    }
    case 'inSet':
      return { bad: `${memberOf(column, e.values)} = false` }
    case 'between':
      return { bad: outside(column, e.min, e.max) }
    case 'matches':
      return {
        bad: `NOT regexp_matches(${column}, ${quoteLiteral(e.pattern)}, ${quoteLiteral(e.ignoreCase ? 'i' : 'c')})`,
      }
    case 'length':
      return { bad: outside(`length(${column})`, e.min, e.max) }
    case 'castable': {
      const type = { number: 'DOUBLE', timestamp: 'TIMESTAMP', boolean: 'BOOLEAN' }[e.to]
      return { bad: `(${column} IS NOT NULL AND TRY_CAST(${column} AS ${type}) IS NULL)` }
    }
    case 'finite':
      return { bad: `NOT isfinite(CAST(${column} AS DOUBLE))` }
    case 'lessOrEqual':
      return { bad: `${quoteIdentifier(e.left)} > ${quoteIdentifier(e.right)}` }
    case 'increasing':
      return {
        bad: `${column} ${e.strictly ? '<=' : '<'} __w${index}`,
        window: {
          [`__w${index}`]: `lag(${column}) OVER (PARTITION BY ${quoteIdentifier(FILE)} ORDER BY ${ROW})`,
        },
      }
    case 'sql':
      return { query: e.sql }
    case 'columns':
      return { measure: '0', min: 0 }
    case 'rowCount':
      return { measure: 'count(*)', min: e.min, max: e.max }
    case 'meanBetween':
      return { measure: `avg(${column})`, min: e.min, max: e.max }
    case 'quantileBetween':
      return { measure: `quantile_cont(${column}, ${e.quantile})`, min: e.min, max: e.max }
    case 'distinctCount':
      return { measure: `count(DISTINCT ${column})`, min: e.min, max: e.max }
    case 'freshness':
      return {
        measure: `(${context.nowMs} - epoch_ms(max(${quoteIdentifier(context.time!)})))`,
        max: e.maxAgeMs,
      }
  }
}

/** Null for null, so that only `= false` means wrong. */
function memberOf(column: string, values: readonly (string | number | boolean)[]): string {
  const list = values.map((value) => (typeof value === 'string' ? quoteLiteral(value) : String(value)))
  const compared = typeof values[0] === 'string' ? `CAST(${column} AS VARCHAR)` : column
  return `(${compared} IN (${list.join(', ')}))`
}

function outside(value: string, min: number | string | undefined, max: number | string | undefined): string {
  const literal = (bound: number | string): string =>
    typeof bound === 'string' ? quoteLiteral(bound) : String(bound)
  const sides = [
    ...(min === undefined ? [] : [`${value} < ${literal(min)}`]),
    ...(max === undefined ? [] : [`${value} > ${literal(max)}`]),
  ]
  return sides.length === 0 ? 'false' : `(${sides.join(' OR ')})`
}

/** What the expectation needs of the columns and does not find. */
function unmetNeeds(e: Expectation, { columns, time }: CompileContext): string | undefined {
  if (e.check === 'columns') return wrongColumns(e, columns)
  if (e.check === 'freshness' && time === undefined) return 'the dataset declares no time column'
  const types = new Map(columns.map(({ name, type }) => [name, kindOf(type)]))
  for (const [name, kinds] of neededColumns(e)) {
    const kind = types.get(name)
    if (kind === undefined) return `the column ${name} is missing`
    if (kinds && !kinds.includes(kind))
      return `the column ${name} is a ${kind}, it must be a ${kinds.join(' or a ')}`
  }
  return undefined
}

function neededColumns(e: Expectation): [string, ColumnKind[] | undefined][] {
  switch (e.check) {
    case 'meanBetween':
    case 'quantileBetween':
    case 'finite':
      return [[e.column, ['number']]]
    case 'matches':
    case 'length':
      return [[e.column, ['category']]]
    case 'between':
      return [[e.column, typeof (e.min ?? e.max) === 'string' ? ['timestamp', 'category'] : ['number']]]
    case 'inSet': {
      const number = typeof e.values[0] === 'number'
      return [[e.column, number ? ['number'] : undefined]]
    }
    case 'unique':
      return e.columns.map((name) => [name, undefined])
    case 'lessOrEqual':
      return [
        [e.left, undefined],
        [e.right, undefined],
      ]
    case 'notNull':
    case 'castable':
    case 'increasing':
    case 'distinctCount':
      return [[e.column, undefined]]
    case 'noDuplicateRows':
    case 'sql':
    case 'columns':
    case 'rowCount':
    case 'freshness':
      return []
  }
}

function wrongColumns(
  e: Extract<Expectation, { check: 'columns' }>,
  columns: readonly Column[],
): string | undefined {
  const kinds = new Map(columns.map(({ name, type }) => [name, kindOf(type)]))
  const problems = Object.entries(e.columns).flatMap(([name, kind]) => {
    const found = kinds.get(name)
    if (found === undefined) return [`the column ${name} is missing`]
    return kind === 'any' || kind === found ? [] : [`the column ${name} is a ${found}, it must be a ${kind}`]
  })
  const extra = e.exact ? columns.filter(({ name }) => !(name in e.columns)).map(({ name }) => name) : []
  if (extra.length > 0) problems.push(`unexpected columns: ${extra.join(', ')}`)
  return problems.length > 0 ? problems.join('; ') : undefined
}

/** `phrase` completes "37 of 8,412 rows in a.csv …". */
function describe(e: Expectation): { title: string; phrase: string } {
  switch (e.check) {
    case 'notNull':
      return { title: `${e.column} is known`, phrase: `have no ${e.column}` }
    case 'unique':
      return {
        title: `${e.columns.join(', ')} unique`,
        phrase: `repeat another row's ${e.columns.join(', ')}`,
      }
    case 'noDuplicateRows':
      return { title: 'no duplicate rows', phrase: 'repeat another row' }
    case 'inSet': {
      const shown = e.values.slice(0, 5).join(', ') + (e.values.length > 5 ? ', …' : '')
      return { title: `${e.column} in {${shown}}`, phrase: `have another ${e.column} than ${shown}` }
    }
    case 'between':
      return {
        title: `${e.column} ${rangeText(e.min, e.max)}`,
        phrase: `have a value of ${e.column} that is not ${rangeText(e.min, e.max)}`,
      }
    case 'matches':
      return {
        title: `${e.column} matches ${e.pattern}`,
        phrase: `have a value of ${e.column} that does not match ${e.pattern}`,
      }
    case 'length':
      return {
        title: `length of ${e.column} ${rangeText(e.min, e.max)}`,
        phrase: `have a value of ${e.column} whose length is not ${rangeText(e.min, e.max)}`,
      }
    case 'castable':
      return { title: `${e.column} is a ${e.to}`, phrase: `have a value of ${e.column} that is no ${e.to}` }
    case 'finite':
      return { title: `${e.column} is finite`, phrase: `have a value of ${e.column} that is not finite` }
    case 'lessOrEqual':
      return {
        title: `${e.left} ≤ ${e.right}`,
        phrase: `have a value of ${e.left} greater than their ${e.right}`,
      }
    case 'increasing':
      return {
        title: `${e.column} rises`,
        phrase: `have a value of ${e.column} that is ${e.strictly ? 'not above' : 'below'} the row before`,
      }
    case 'sql':
      return { title: e.name, phrase: `fail ${e.name}` }
    case 'columns':
      return { title: `columns ${Object.keys(e.columns).join(', ')}`, phrase: '' }
    case 'rowCount':
      return { title: `row count ${rangeText(e.min, e.max)}`, phrase: '' }
    case 'meanBetween':
      return { title: `mean of ${e.column} ${rangeText(e.min, e.max)}`, phrase: '' }
    case 'quantileBetween':
      return { title: `quantile ${e.quantile} of ${e.column} ${rangeText(e.min, e.max)}`, phrase: '' }
    case 'distinctCount':
      return { title: `distinct values of ${e.column} ${rangeText(e.min, e.max)}`, phrase: '' }
    case 'freshness':
      return { title: `age of the newest row in ms ${rangeText(undefined, e.maxAgeMs)}`, phrase: '' }
  }
}

function rangeText(min: number | string | undefined, max: number | string | undefined): string {
  if (min === undefined) return `at most ${max ?? 'anything'}`
  return max === undefined ? `at least ${min}` : `between ${min} and ${max}`
}
