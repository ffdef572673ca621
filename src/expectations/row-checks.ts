import { quoteIdentifier, quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { ScanContext } from './compile.ts'
import type { Expectation } from './definition.ts'
import { formatCondition } from './formats.ts'
import { repeatedRows, rowsAfter } from './repeats.ts'

type RowCheck = Exclude<Extract<Expectation, { maxCount?: number | undefined }>, { check: 'sql' }>

interface RowSql {
  bad: string
  count?: string
  prepare?: (session: AnalyticsSession) => Promise<void>
}

/** SQL that is true for a row that fails; null counts as false. */
export function badRows(e: RowCheck, index: number, context: ScanContext): RowSql {
  const column = 'column' in e ? quoteIdentifier(e.column) : ''
  switch (e.check) {
    case 'notNull':
      return { bad: `${column} IS NULL`, count: `count(*) - count(${column})` }
    case 'unique':
      return repeatedKeys(e.columns.map(quoteIdentifier), index, context)
    case 'noDuplicateRows':
      return repeatedRows(
        context.columns.map(({ name }) => quoteIdentifier(name)),
        { ...context, index },
      )
    case 'inSet':
      return { bad: `${memberOf(column, e.values)} = false` }
    case 'between':
      return { bad: outside(column, e.min, e.max) }
    case 'matches':
      return { bad: `NOT ${contains(column, e)}` }
    case 'length':
      return { bad: outside(`length(${column})`, e.min, e.max) }
    case 'castable': {
      const type = { number: 'DOUBLE', timestamp: 'TIMESTAMP', boolean: 'BOOLEAN' }[e.to]
      return { bad: `(${column} IS NOT NULL AND TRY_CAST(${column} AS ${type}) IS NULL)` }
    }
    case 'format':
      return { bad: `(${column} IS NOT NULL AND NOT ${formatCondition(e.format, column)})` }
    case 'finite':
      return { bad: `NOT isfinite(CAST(${column} AS DOUBLE))` }
    case 'lessOrEqual':
      return { bad: `${quoteIdentifier(e.left)} > ${quoteIdentifier(e.right)}` }
    case 'increasing':
      return rowsAfter(column, e.strictly ? '<=' : '<', { ...context, index })
    case 'references':
      return missingKeys(e, index, context)
  }
}

/** A key is looked for among the arriving rows, and among those earlier ones that have an arriving key. */
function repeatedKeys(keys: readonly string[], index: number, { arriving, history }: ScanContext): RowSql {
  const known = keys.map((key) => `${key} IS NOT NULL`).join(' AND ')
  const repeated = repeatedRows(keys, { index, arriving, where: `(${known})` })
  const names = new Set(history?.columns.map(({ name }) => quoteIdentifier(name)))
  if (!history || !keys.every((key) => names.has(key))) return repeated
  return {
    bad: `(${repeated.bad} OR (${known} AND ${isFound(keys, keys, index)}))`,
    async prepare(session) {
      await repeated.prepare(session)
      await session.execute(findKeys(keys, keys, { index, scan: history.scan, arriving }))
    },
  }
}

function missingKeys(
  e: Extract<Expectation, { check: 'references' }>,
  index: number,
  { arriving, references }: ScanContext,
): RowSql {
  const keys = e.columns.map(quoteIdentifier)
  const theirs = e.theirs.map(quoteIdentifier)
  const known = keys.map((key) => `${key} IS NOT NULL`).join(' AND ')
  const { scan } = references.get(e.dataset)!
  return {
    bad: `(${known} AND NOT ${isFound(keys, theirs, index)})`,
    async prepare(session) {
      await session.execute(findKeys(keys, theirs, { index, scan, arriving }))
    },
  }
}

/**
 * Which of the arriving keys another table has. The arriving keys are what is held in memory: the other table, however
 * large, streams past them, and row groups whose range of keys has none of them are not read.
 */
function findKeys(
  keys: readonly string[],
  theirs: readonly string[],
  { index, scan, arriving }: { index: number; scan: string; arriving: string },
): string {
  const wanted = `SELECT DISTINCT ${keys.map((key, at) => `${key} AS k${at}`).join(', ')} FROM ${arriving}`
  const equal = theirs.map((name, at) => `t.${name} = a.k${at}`).join(' AND ')
  const names = theirs.map((name, at) => `t.${name} AS k${at}`).join(', ')
  return `CREATE OR REPLACE TEMP TABLE __found_${index} AS SELECT DISTINCT ${names} FROM (${scan}) AS t SEMI JOIN (${wanted}) AS a ON ${equal}`
}

function isFound(keys: readonly string[], theirs: readonly string[], index: number): string {
  const names = theirs.map((_, at) => `k${at}`)
  return keys.length === 1
    ? `${keys[0]} IN (SELECT k0 FROM __found_${index})`
    : `(${keys.join(', ')}) IN (SELECT (${names.join(', ')}) FROM __found_${index})`
}

/** Null for null, so that only `= false` means wrong. A subquery is hashed once, a list is gone through for each row. */
function memberOf(column: string, values: readonly (string | number | boolean)[]): string {
  const list = values.map((value) => (typeof value === 'string' ? quoteLiteral(value) : String(value)))
  const compared = typeof values[0] === 'string' ? `CAST(${column} AS VARCHAR)` : column
  const type = { string: 'VARCHAR', number: 'DOUBLE', boolean: 'BOOLEAN' }[kindOfValues(values)]
  return `(${compared} IN (SELECT unnest(CAST([${list.join(', ')}] AS ${type}[]))))`
}

/**
 * DuckDB asks `regexp_full_match` once for each different value of a block, `regexp_matches` for each row; but plain text it looks for without an automaton.
 */
function contains(column: string, { pattern, ignoreCase }: Extract<RowCheck, { check: 'matches' }>): string {
  const flag = quoteLiteral(ignoreCase ? 'i' : 'c')
  const isPlain = /^\^?[\w\s,;:@#/-]*\$?$/.test(pattern)
  // RE2 would take the end of the group for a part of what is quoted.
  if (isPlain || pattern.includes('\\Q'))
    return `regexp_matches(${column}, ${quoteLiteral(pattern)}, ${flag})`
  return `regexp_full_match(${column}, ${quoteLiteral(`(?s:.*)(?:${pattern})(?s:.*)`)}, ${flag})`
}

function kindOfValues([first]: readonly (string | number | boolean)[]): 'string' | 'number' | 'boolean' {
  if (typeof first === 'string') return 'string'
  return typeof first === 'number' ? 'number' : 'boolean'
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
