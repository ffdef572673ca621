import { amount } from '../kernel/amount.ts'
import { open } from 'node:fs/promises'
import { quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { MAX_HEADER_BYTES, MAX_ROW_BYTES } from './limits.ts'
import { namesProblem } from './names.ts'
import { knownType, problem, type ReadFile, type ReadProblem, type ReadSource } from './reading.ts'
import { scanText } from './scan-text.ts'
import { shownText } from './treatment.ts'
import { MAX_FAILING_ROWS, TEXT_ROWS, typedColumns } from './text-rows.ts'

/**
 * Reads a CSV file (RFC 4180, one header line) as text and finds the type of each column from all of its values, so
 * that what a file means does not depend on a sample. A value that does not fit the type its column had before is
 * reported with its row; an empty field is null, an empty quoted field is empty text.
 */
export async function readCsv(session: AnalyticsSession, file: ReadFile): Promise<ReadSource | ReadProblem> {
  const unfit = await scanText(file.path, 'csv')
  if (unfit) return unfit
  const header = await readHeader(file.path, file.delimiter)
  if (header === undefined)
    return problem(
      `its first line, which names the columns, is longer than ${amount(MAX_HEADER_BYTES)} bytes`,
    )
  if (header.length === 0) return problem('it is empty')
  const misnamed = namesProblem(header)
  if (misnamed) return misnamed
  const rejected = await loadText(session, file, header)
  if (rejected) return rejected
  if (file.known.length === 0 && (await isEmpty(session)))
    return problem('it names columns and has no rows, so that their types can’t be known')
  return await typedColumns(
    session,
    header.map((name) => ({ name, known: knownType(file, name) })),
    file.treatments,
  )
}

async function loadText(
  session: AnalyticsSession,
  { path, delimiter, treatments }: ReadFile,
  header: readonly string[],
): Promise<ReadProblem | undefined> {
  const columns = header.map((name) => `${quoteLiteral(name)}: 'VARCHAR'`).join(', ')
  const options = `auto_detect = false, header = true, delim = ${quoteLiteral(delimiter)}, quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, store_rejects = true, max_line_size = ${2 * MAX_ROW_BYTES}, columns = {${columns}}`
  await session.execute(`DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans`)
  await session.execute(`CREATE OR REPLACE TEMP TABLE ${TEXT_ROWS} AS
    SELECT *, row_number() OVER () AS __row FROM read_csv(${quoteLiteral(path)}, ${options})`)
  const rejects = await session.query(
    `SELECT line, error_message, csv_line FROM reject_errors ORDER BY line LIMIT ${MAX_FAILING_ROWS}`,
  )
  if (rejects.length === 0) return undefined
  const [count] = await session.query(`SELECT (SELECT count(*) FROM ${TEXT_ROWS}) AS good,
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
      values: { line: shownText(String(reject['csv_line']), treatments) },
    })),
  }
}

async function isEmpty(session: AnalyticsSession): Promise<boolean> {
  return (await session.query(`SELECT 1 FROM ${TEXT_ROWS} LIMIT 1`)).length === 0
}

/** Undefined when it does not end within what a header may have. */
async function readHeader(path: string, delimiter: string): Promise<string[] | undefined> {
  await using file = await open(path, 'r')
  const { size } = await file.stat()
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(MAX_HEADER_BYTES), position: 0 })
  const text = buffer.toString('utf8', 0, bytesRead).replace(/^\uFEFF/, '')
  const { fields, isWhole } = parseRecord(text, delimiter)
  return isWhole || size <= MAX_HEADER_BYTES ? fields : undefined
}

/** The fields of the first record of a CSV text, and whether its end was seen. */
function parseRecord(text: string, delimiter: string): { fields: string[]; isWhole: boolean } {
  if (text.trim() === '') return { fields: [], isWhole: false }
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
    } else if (letter === '\n' || letter === '\r') return { fields: [...fields, field], isWhole: true }
    else field += letter
  }
  return { fields: [...fields, field], isWhole: false }
}
