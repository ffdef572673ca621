import { amount } from '../kernel/amount.ts'
import { join } from 'node:path'
import { AppError } from '../kernel/errors.ts'
import {
  parquetScan,
  quoteIdentifier,
  quoteLiteral,
  type AnalyticsSession,
} from '../ports/analytics/analytics.ts'
import { mergeSchemas } from './column-schema.ts'
import type { SqlSource } from './definition.ts'
import { fileItem, type SourceItem } from './item.ts'
import type { Probed, ProbeInput } from './probe.ts'
import { knownType, type ReadSource } from './reading.ts'
import type { Column } from './schema.ts'
import { requireSecret } from '../kernel/secret.ts'
import { openSqliteRows } from './sql-sqlite.ts'
import { spool, type CursorKind, type SqlRequest, type SqlRows } from './sql-rows.ts'
import { TEXT_ROWS, typedColumns } from './text-rows.ts'
import { treat } from './treatment.ts'

/**
 * The rows of a query. With a cursor those that are new: asked for from the last value on (less what settles late), and without those that the
 * dataset has, counted: a row that is there twice is twice a row. Nothing is stored before the version is, so that a look that fails is
 * repeated from the same place.
 */
export async function probeSql(source: SqlSource, input: ProbeInput): Promise<Probed> {
  await using session = await input.openSession()
  await using rows = await openRows(source, input)
  if (source.cursor !== undefined && !rows.names.includes(source.cursor))
    throw new AppError('invalid', `the query gives no column ${source.cursor}, the cursor`)
  await spool(session, rows)
  const read = await typed(session, rows, input)
  const target = join(input.folder, 'query.parquet')
  if (source.cursor === undefined) {
    const { expressions, columns, from } = read
    const select = columns.map(({ name }, index) => `${expressions[index]!} AS ${quoteIdentifier(name)}`)
    await write(session, `SELECT ${select.join(', ')} FROM ${from} ORDER BY __row`, target)
    return { items: [await toItem('query', target)], cursor: null, isIncrement: false }
  }
  const cursor = await advance(session, source.cursor, rows.cursorKind(source.cursor), input.cursor)
  const count = await writeNew(session, source, input, { read, target })
  const path = `query[${input.cursor ?? ''}…${cursor ?? ''}]`
  return { items: count === 0 ? [] : [await toItem(path, target)], cursor, isIncrement: true }
}

async function openRows(
  source: SqlSource,
  { cursor, directory, allowPrivate, signal }: ProbeInput,
): Promise<SqlRows> {
  const { query, cursor: column, settleMs, settleBy, timeoutMs } = source
  const address = source.url ?? requireSecret(source.secret!)
  const request: SqlRequest = {
    query,
    cursor:
      column === undefined || cursor === null ? undefined : { column, from: cursor, settleMs, settleBy },
    timeoutMs,
    signal,
  }
  if (address.startsWith('sqlite:')) return openSqliteRows(address, directory, request)
  if (!/^postgres(ql)?:\/\//.test(address))
    throw new AppError(
      'invalid',
      `the address in ${source.secret} begins neither with postgres:// nor with sqlite:`,
    )
  const { openPostgresRows } = await import('./sql-postgres.ts')
  return await openPostgresRows(address, request, { allowPrivate })
}

/** The rows in types, treated. Where they do not fit the dataset they keep their own types, so that the report can say which. */
async function typed(session: AnalyticsSession, rows: SqlRows, input: ProbeInput): Promise<ReadSource> {
  const { columns: known, treatments } = input
  const columns = rows.columns()
  const fitted = await typedColumns(
    session,
    columns.map((column) => ({ ...column, known: knownType({ known, treatments }, column.name) })),
    treatments,
  )
  const read =
    'expressions' in fitted
      ? fitted
      : await typedColumns(
          session,
          columns.map((column) => ({ ...column, known: undefined })),
          treatments,
        )
  const treated = 'expressions' in read ? await treat(session, read, treatments) : read
  if (!('expressions' in treated)) throw new AppError('invalid', `the rows of the query: ${treated.message}`)
  return treated
}

/** The greatest cursor value that was seen, as the source wrote it. */
async function advance(
  session: AnalyticsSession,
  column: string,
  kind: CursorKind,
  before: string | null,
): Promise<string | null> {
  const name = quoteIdentifier(column)
  const [empty] = await session.query(`SELECT count(*) AS n FROM ${TEXT_ROWS} WHERE ${name} IS NULL`)
  if (Number(empty!['n']) > 0)
    throw new AppError(
      'invalid',
      `${amount(Number(empty!['n']))} rows of the query have no ${column}, the cursor`,
    )
  const key = { integer: 'CAST(value AS BIGINT)', time: 'CAST(value AS TIMESTAMP)', text: 'value' }[kind]
  const [row] = await session.query(
    `SELECT arg_max(value, ${key}) AS cursor
     FROM (SELECT ${name} AS value FROM ${TEXT_ROWS} UNION ALL SELECT ?) WHERE value IS NOT NULL`,
    [before],
  )
  return row!['cursor'] as string | null
}

/** Writes what is new in an order of its own, so that the same rows give the same bytes; returns how many there are. */
async function writeNew(
  session: AnalyticsSession,
  { cursor: column, settleMs, settleBy }: SqlSource,
  { cursor: before, columns: known, treatments, history }: ProbeInput,
  { read, target }: { read: ReadSource; target: string },
): Promise<number> {
  if (treatments.columns.has(column!))
    throw new AppError('invalid', `the cursor ${column} can't be a personal column that is treated`)
  const types = new Map(mergeSchemas([read.columns, known]).map(({ name, type }) => [name, type]))
  const cast = ({ name, type }: Column, expression: string): string =>
    `CAST(${expression} AS ${types.get(name) ?? type}) AS ${quoteIdentifier(name)}`
  const now = read.columns.map((item, index) => cast(item, read.expressions[index]!)).join(', ')
  await session.execute(`CREATE OR REPLACE TEMP VIEW source_now AS SELECT ${now} FROM ${read.from}`)
  const key = quoteIdentifier(column!)
  const paths = before === null ? [] : await history()
  let fresh = 'SELECT * FROM source_now'
  if (paths.length > 0) {
    const last = `CAST(${quoteLiteral(before!)} AS ${types.get(column!)!})`
    const back =
      settleMs !== undefined ? `${last} - INTERVAL '${settleMs} milliseconds'` : `${last} - ${settleBy ?? 0}`
    const from = settleMs === undefined && settleBy === undefined ? last : back
    const had = read.columns.map((item) =>
      cast(item, known.some(({ name }) => name === item.name) ? quoteIdentifier(item.name) : 'NULL'),
    )
    fresh = `SELECT * FROM source_now WHERE ${key} > ${last} UNION ALL
      (SELECT * FROM source_now WHERE ${key} <= ${last} EXCEPT ALL
       SELECT ${had.join(', ')} FROM ${parquetScan(paths)} WHERE ${key} >= ${from})`
  }
  const order = [column!, ...read.columns.map(({ name }) => name)].map(quoteIdentifier).join(', ')
  await write(session, `SELECT * FROM (${fresh}) ORDER BY ${order}`, target)
  const [count] = await session.query('SELECT num_rows AS rows FROM parquet_file_metadata(?)', [target])
  return Number(count!['rows'])
}

async function write(session: AnalyticsSession, query: string, target: string): Promise<void> {
  await session.execute(`COPY (${query}) TO ${quoteLiteral(target)} (FORMAT parquet, COMPRESSION zstd)`)
}

async function toItem(path: string, target: string): Promise<SourceItem> {
  const reading = { format: 'parquet', delimiter: ',', compression: 'none' } as const
  return await fileItem({ path, target, reading, isTreated: true })
}
