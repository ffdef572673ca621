import { amount } from '../kernel/amount.ts'
import { quoteIdentifier, quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { knownType, problem, type ReadFile, type ReadProblem, type ReadSource } from './reading.ts'
import { MAX_COLUMNS } from './limits.ts'
import { namesProblem } from './names.ts'
import { scanText } from './scan-text.ts'
import { shownText } from './treatment.ts'
import { MAX_FAILING_ROWS, TEXT_ROWS, aggregate, typedColumns, type TextColumn } from './text-rows.ts'

const RAW = 'json_rows'

/**
 * Reads JSON: one array of objects, or objects one after another (newline-delimited). Members of the objects are columns, a member that
 * is missing is null, nested values are JSON text. Texts stay texts, unless all of a column are dates or times; numbers are never read
 * from texts.
 */
export async function readJson(session: AnalyticsSession, file: ReadFile): Promise<ReadSource | ReadProblem> {
  const { path, treatments } = file
  const wrong = (await scanText(path, 'json')) ?? (await notObjects(session, file))
  if (wrong) return wrong
  await session.execute(`CREATE OR REPLACE TEMP TABLE ${RAW} AS
    SELECT * FROM read_json(${quoteLiteral(path)}, maximum_depth = 1, sample_size = -1, map_inference_threshold = -1)`)
  const header = (await session.query(`DESCRIBE ${RAW}`)).map((row) => String(row['column_name']))
  if (header.length > MAX_COLUMNS) return namesProblem(header)!
  const renamed = header.find((name) => sameButForCase(name, header))
  if (renamed !== undefined) return problem(`members whose names differ only in case: ${renamed}`)
  const columns = await withKinds(session, header)
  const texts = header.map((name) => `${quoteIdentifier(name)} ->> '$' AS ${quoteIdentifier(name)}`)
  await session.execute(`CREATE OR REPLACE TEMP TABLE ${TEXT_ROWS} AS
    SELECT ${texts.join(', ')}, row_number() OVER () AS __row FROM ${RAW}`)
  await session.execute(`DROP TABLE ${RAW}`)
  return await typedColumns(
    session,
    columns.map((column) => ({ ...column, known: knownType(file, column.name) })),
    treatments,
  )
}

/** DuckDB gives the second of two members a number: `a` and `A` become `a` and `A_1`. */
function sameButForCase(name: string, header: readonly string[]): boolean {
  const [, stem] = /^(.*)_\d+$/.exec(name) ?? []
  return (
    stem !== undefined && header.some((other) => other !== stem && other.toLowerCase() === stem.toLowerCase())
  )
}

/** Every element must be an object, else there are no columns. Null when the file holds nothing to read. */
async function notObjects(
  session: AnalyticsSession,
  { path, treatments }: ReadFile,
): Promise<ReadProblem | undefined> {
  const elements = `(SELECT row_number() OVER () AS row, json_type(json) AS kind, CAST(json AS VARCHAR) AS text,
      json_keys(json) AS keys
    FROM read_json_objects(${quoteLiteral(path)}))`
  const [count] = await session.query(
    `SELECT count(*) AS rows, count(*) FILTER (WHERE kind IS DISTINCT FROM 'OBJECT') AS bad,
       min(row) FILTER (WHERE list_contains(keys, '')) AS unnamed, max(len(keys)) AS widest FROM ${elements}`,
  )
  const rows = Number(count!['rows'])
  const failing = Number(count!['bad'])
  if (rows === 0) return problem('it is empty')
  const widest = Number(count!['widest'])
  if (widest > MAX_COLUMNS)
    return problem(
      `an element has ${amount(widest)} members; at most ${amount(MAX_COLUMNS)} are read as columns`,
    )
  if (count!['unnamed'] !== null)
    return problem(`element ${Number(count!['unnamed'])} has a member without a name`)
  if (failing === 0) return undefined
  const found = await session.query(
    `SELECT row, kind, left(text, 200) AS text FROM ${elements}
     WHERE kind IS DISTINCT FROM 'OBJECT' ORDER BY row LIMIT ${MAX_FAILING_ROWS}`,
  )
  return {
    message: `${amount(failing)} of ${amount(rows)} elements are no objects (the first is element ${String(found[0]!['row'])})`,
    rows,
    failing,
    failingRows: found.map((row) => ({
      row: Number(row['row']),
      reason: 'no object',
      values: { element: shownText(String(row['text']), treatments) },
    })),
  }
}

const KIND = { none: 0, number: 1, boolean: 2, text: 4, other: 8 } as const

function kindBits(column: string): string {
  return `CASE json_type(${column}) WHEN 'BIGINT' THEN ${KIND.number} WHEN 'UBIGINT' THEN ${KIND.number}
    WHEN 'HUGEINT' THEN ${KIND.number} WHEN 'DOUBLE' THEN ${KIND.number} WHEN 'BOOLEAN' THEN ${KIND.boolean}
    WHEN 'VARCHAR' THEN ${KIND.text} WHEN 'NULL' THEN ${KIND.none} ELSE CASE WHEN ${column} IS NULL THEN ${KIND.none} ELSE ${KIND.other} END END`
}

/** What kinds of JSON value a column has decides what it may be. */
async function withKinds(
  session: AnalyticsSession,
  header: readonly string[],
): Promise<Omit<TextColumn, 'known'>[]> {
  const kinds = header.map((name, index) => `bit_or(${kindBits(quoteIdentifier(name))}) AS kinds_${index}`)
  const row = await aggregate(session, RAW, kinds)
  return header.map((name, index) => {
    const found = Number(row[`kinds_${index}`])
    if (found === KIND.none || found === KIND.number) return { name, candidates: ['BIGINT', 'DOUBLE'] }
    if (found === KIND.boolean) return { name, candidates: ['BOOLEAN'] }
    return { name, candidates: found === KIND.text ? ['DATE', 'TIMESTAMP'] : [] }
  })
}
