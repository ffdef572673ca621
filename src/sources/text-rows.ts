import { amount } from '../kernel/amount.ts'
import { quoteIdentifier, type AnalyticsRow, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { type ReadProblem, type ReadSource } from './reading.ts'
import type { ColumnType } from './schema.ts'
import { shownValues, type Treatments } from './treatment.ts'

/** The temporary table of a file's values as text; `__row` counts its rows from 1. */
export const TEXT_ROWS = 'text_rows'
export const MAX_FAILING_ROWS = 1_000

/** What text without further knowledge may turn out to be. */
const CANDIDATES = ['BIGINT', 'DOUBLE', 'BOOLEAN', 'DATE', 'TIMESTAMP'] as const

export interface TextColumn {
  name: string
  /** The type that the dataset has it in. */
  known: ColumnType | undefined
  /** The types it may turn out to be, besides text; default: all. */
  candidates?: readonly ColumnType[]
  /** The type where it has no values. */
  declared?: ColumnType
}

/**
 * Finds the type of each column of `TEXT_ROWS` from all of its values, so that what a file means does not depend on a sample. A value
 * that does not fit the type its column had before is reported with its row.
 */
export async function typedColumns(
  session: AnalyticsSession,
  columns: readonly TextColumn[],
  treatments: Treatments,
): Promise<ReadSource | ReadProblem> {
  const types = await inferTypes(session, columns)
  const header = columns.map(({ name }) => name)
  const bad = await badCells(session, header, types, treatments)
  if (bad) return bad
  return {
    columns: header.map((name, index) => ({ name, type: types[index]! })),
    expressions: header.map((name, index) => castText(quoteIdentifier(name), types[index]!)),
    from: TEXT_ROWS,
  }
}

/** A query of very many aggregates takes more memory and time than its parts. */
const AGGREGATES_AT_ONCE = 300

/** One row of aggregates, asked for in pieces. */
export async function aggregate(
  session: AnalyticsSession,
  from: string,
  expressions: readonly string[],
): Promise<AnalyticsRow> {
  const row: AnalyticsRow = {}
  for (let start = 0; start < expressions.length; start += AGGREGATES_AT_ONCE) {
    const some = expressions.slice(start, start + AGGREGATES_AT_ONCE)
    Object.assign(row, (await session.query(`SELECT ${some.join(', ')} FROM ${from}`))[0])
  }
  return row
}

/** The narrowest type that every value fits, or the type the column had before where that is what is asked of it. */
async function inferTypes(session: AnalyticsSession, columns: readonly TextColumn[]): Promise<ColumnType[]> {
  const counts = columns.flatMap(({ name, candidates = CANDIDATES }, index) => {
    const column = quoteIdentifier(name)
    const fits = candidates.map((type) => `count(${castText(column, type)}) AS fits_${index}_${type}`)
    return [`count(${column}) AS known_${index}`, ...fits]
  })
  const row = await aggregate(session, TEXT_ROWS, counts)
  return columns.map(({ known: before, candidates = CANDIDATES, declared }, index) => {
    const known = Number(row[`known_${index}`])
    if (before === 'VARCHAR') return before
    if (known === 0) return before ?? declared ?? 'VARCHAR'
    const found = candidates.find((type) => row[`fits_${index}_${type}`] === known) ?? 'VARCHAR'
    const comparable = before === undefined || TYPE_FAMILY[found] === TYPE_FAMILY[before]
    return comparable ? found : before
  })
}

const TYPE_FAMILY: Partial<Record<ColumnType, string>> = {
  BIGINT: 'number',
  DOUBLE: 'number',
  DATE: 'time',
  TIMESTAMP: 'time',
  BOOLEAN: 'boolean',
}

/** A cast that gives null for text that is not of that type. A number with leading zeros is a code, not a number. */
function castText(column: string, type: ColumnType): string {
  const form = FORM[type]
  if (type === 'VARCHAR') return column
  if (type === 'BLOB')
    return `CASE WHEN regexp_full_match(${column}, '([0-9a-f]{2})*') THEN unhex(${column}) END`
  const cast = `TRY_CAST(${column} AS ${type})`
  return form === undefined ? cast : `CASE WHEN regexp_full_match(${column}, '${form}') THEN ${cast} END`
}

const FORM: Partial<Record<ColumnType, string>> = {
  BIGINT: '-?(0|[1-9][0-9]*)',
  DOUBLE: '[+-]?(0|[1-9][0-9]*|)([.][0-9]*)?([eE][+-]?[0-9]+)?|[+-]?(nan|NaN|inf|Infinity)',
  BOOLEAN: '(?i)true|false',
  DATE: '[0-9]{4}-[0-9]{2}-[0-9]{2}',
}

async function badCells(
  session: AnalyticsSession,
  header: readonly string[],
  types: readonly ColumnType[],
  treatments: Treatments,
): Promise<ReadProblem | undefined> {
  const wrong = header.map((name, index) => {
    const column = quoteIdentifier(name)
    return `(${column} IS NOT NULL AND ${castText(column, types[index]!)} IS NULL)`
  })
  const typed = [...types.keys()].filter((index) => types[index] !== 'VARCHAR')
  const counts = typed.map((index) => `count(*) FILTER (WHERE ${wrong[index]!}) AS wrong_${index}`)
  const wrongs = await aggregate(session, TEXT_ROWS, counts)
  const guilty = typed.filter((index) => Number(wrongs[`wrong_${index}`]) > 0)
  if (guilty.length === 0) return undefined
  const any = guilty.map((index) => wrong[index]!).join(' OR ')
  const [count] = await session.query(
    `SELECT count(*) AS rows, count(*) FILTER (WHERE ${any}) AS bad FROM ${TEXT_ROWS}`,
  )
  const failing = Number(count!['bad'])
  const found = await session.query(
    `SELECT *, ${guilty.map((index) => `${wrong[index]!} AS __wrong_${index}`).join(', ')} FROM ${TEXT_ROWS}
     WHERE ${any} ORDER BY __row LIMIT ${MAX_FAILING_ROWS}`,
  )
  const failingRows = found.map((row) => {
    const index = guilty.find((at) => row[`__wrong_${at}`] === true)!
    const values = shownValues(
      Object.fromEntries(header.map((name) => [name, row[name] as string | null])),
      treatments,
    )
    return {
      row: Number(row['__row']),
      reason: `${header[index]!} is ${JSON.stringify(values[header[index]!])}, no ${types[index]!}`,
      values,
    }
  })
  const rows = Number(count!['rows'])
  const named = failingRows.slice(0, 3).map(({ row, reason }) => `row ${row}: ${reason}`)
  const more = failing > 3 ? '; …' : ''
  return {
    message: `${amount(failing)} of ${amount(rows)} rows have a value of the wrong type (${named.join('; ')}${more})`,
    rows,
    failing,
    failingRows,
  }
}
