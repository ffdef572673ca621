import { open } from 'node:fs/promises'
import { quoteIdentifier, quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { ReadFile, ReadProblem, ReadSource } from './reading.ts'
import type { ColumnType } from './schema.ts'

const TABLE = 'csv_rows'
const MAX_FAILING_ROWS = 1_000

/**
 * Reads a CSV file (RFC 4180, one header line) as text and finds the type of each column from all of its values, so
 * that what a file means does not depend on a sample. A value that does not fit the type its column had before is
 * reported with its row; an empty field is null, an empty quoted field is empty text.
 */
export async function readCsv(session: AnalyticsSession, file: ReadFile): Promise<ReadSource | ReadProblem> {
  const header = await readHeader(file.path, file.delimiter)
  if (header.length === 0) return problem('it is empty')
  const repeated = header.find((name, index) => name === '' || header.indexOf(name) !== index)
  if (repeated !== undefined) {
    return problem(repeated === '' ? 'a column has no name' : `the column ${repeated} is there twice`)
  }
  const rejected = await loadText(session, file, header)
  if (rejected) return rejected
  const types = await inferTypes(session, file, header)
  const bad = await badCells(session, header, types)
  if (bad) return bad
  return {
    columns: header.map((name, index) => ({ name, type: types[index]! })),
    expressions: header.map((name, index) => castText(quoteIdentifier(name), types[index]!)),
    from: TABLE,
  }
}

async function loadText(
  session: AnalyticsSession,
  { path, delimiter }: ReadFile,
  header: readonly string[],
): Promise<ReadProblem | undefined> {
  const columns = header.map((name) => `${quoteLiteral(name)}: 'VARCHAR'`).join(', ')
  const options = `auto_detect = false, header = true, delim = ${quoteLiteral(delimiter)}, quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, store_rejects = true, columns = {${columns}}`
  await session.execute(`DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans`)
  await session.execute(`CREATE OR REPLACE TEMP TABLE ${TABLE} AS
    SELECT *, row_number() OVER () AS __row FROM read_csv(${quoteLiteral(path)}, ${options})`)
  const rejects = await session.query(
    `SELECT line, error_message, csv_line FROM reject_errors ORDER BY line LIMIT ${MAX_FAILING_ROWS}`,
  )
  if (rejects.length === 0) return undefined
  const [count] = await session.query(`SELECT (SELECT count(*) FROM ${TABLE}) AS good,
    (SELECT count(DISTINCT line) FROM reject_errors) AS bad`)
  const failing = Number(count!['bad'])
  const rows = Number(count!['good']) + failing
  const first = rejects[0]!
  return {
    message: `${amount(failing)} of ${amount(rows)} rows can't be read (line ${String(first['line'])}: ${String(first['error_message']).split('\n')[0]})`,
    rows,
    failing,
    failingRows: rejects.map((reject) => ({
      row: Number(reject['line']) - 1,
      reason: String(reject['error_message']).split('\n')[0]!,
      values: { line: String(reject['csv_line']) },
    })),
  }
}

/** The narrowest type that every value fits, or the type the column had before where that is what is asked of it. */
async function inferTypes(
  session: AnalyticsSession,
  file: ReadFile,
  header: readonly string[],
): Promise<ColumnType[]> {
  const candidates = ['BIGINT', 'DOUBLE', 'BOOLEAN', 'DATE', 'TIMESTAMP'] as const
  const counts = header.flatMap((name, index) => {
    const column = quoteIdentifier(name)
    const fits = candidates.map((type) => `count(${castText(column, type)}) AS fits_${index}_${type}`)
    return [`count(${column}) AS known_${index}`, ...fits]
  })
  const [row] = await session.query(`SELECT ${counts.join(', ')} FROM ${TABLE}`)
  return header.map((name, index) => {
    const known = Number(row![`known_${index}`])
    const before = file.known.find((column) => column.name === name)?.type
    if (known === 0 || before === 'VARCHAR') return before ?? 'VARCHAR'
    const found = candidates.find((type) => row![`fits_${index}_${type}`] === known) ?? 'VARCHAR'
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
): Promise<ReadProblem | undefined> {
  const wrong = header.map((name, index) => {
    const column = quoteIdentifier(name)
    return `(${column} IS NOT NULL AND ${castText(column, types[index]!)} IS NULL)`
  })
  const typed = wrong.filter((_, index) => types[index] !== 'VARCHAR')
  if (typed.length === 0) return undefined
  const any = typed.join(' OR ')
  const [count] = await session.query(
    `SELECT count(*) AS rows, count(*) FILTER (WHERE ${any}) AS bad FROM ${TABLE}`,
  )
  const failing = Number(count!['bad'])
  if (failing === 0) return undefined
  const found = await session.query(
    `SELECT *, ${wrong.map((check, index) => `${check} AS __wrong_${index}`).join(', ')} FROM ${TABLE}
     WHERE ${any} ORDER BY __row LIMIT ${MAX_FAILING_ROWS}`,
  )
  const failingRows = found.map((row) => {
    const index = header.findIndex((_, at) => row[`__wrong_${at}`] === true)
    const values = Object.fromEntries(header.map((name) => [name, row[name] as string | null]))
    return {
      row: Number(row['__row']),
      reason: `${header[index]!} is ${JSON.stringify(row[header[index]!])}, no ${types[index]!}`,
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

async function readHeader(path: string, delimiter: string): Promise<string[]> {
  await using file = await open(path, 'r')
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(1 << 16), position: 0 })
  return parseRecord(buffer.toString('utf8', 0, bytesRead).replace(/^\uFEFF/, ''), delimiter)
}

/** The fields of the first record of a CSV text. */
function parseRecord(text: string, delimiter: string): string[] {
  if (text.trim() === '') return []
  const fields: string[] = []
  let field = ''
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const letter = text[at]!
    if (quoted) {
      if (letter !== '"') field += letter
      else if (text[at + 1] === '"') field += text[at++]!
      else quoted = false
    } else if (letter === '"') quoted = true
    else if (letter === delimiter) {
      fields.push(field)
      field = ''
    } else if (letter === '\n' || letter === '\r') break
    else field += letter
  }
  return [...fields, field]
}

function problem(message: string): ReadProblem {
  return { message, rows: 0, failing: null, failingRows: [] }
}

function amount(count: number): string {
  return count.toLocaleString('en-US')
}
