import { isIP, Socket } from 'node:net'
import { Client, type FieldDef } from 'pg'
import { isPublicAddress, lookupPublic } from '../http/public-address.ts'
import { AppError, messageOf } from '../kernel/errors.ts'
import { quoteIdentifier } from '../ports/analytics/analytics.ts'
import type { ColumnType } from './schema.ts'
import {
  asTable,
  BATCH_BYTES,
  BATCH_ROWS,
  type CursorKind,
  type SqlColumn,
  type SqlRequest,
  type SqlRows,
} from './sql-rows.ts'

const CONNECT_MS = 10_000

interface PostgresType {
  name: string
  type: ColumnType
  cursor?: CursorKind
}

/** By the oid that PostgreSQL gives a type; all others are read as text. */
const TYPES: Readonly<Record<number, PostgresType>> = {
  16: { name: 'boolean', type: 'BOOLEAN' },
  17: { name: 'bytea', type: 'BLOB' },
  20: { name: 'bigint', type: 'BIGINT', cursor: 'integer' },
  21: { name: 'smallint', type: 'BIGINT', cursor: 'integer' },
  23: { name: 'integer', type: 'BIGINT', cursor: 'integer' },
  26: { name: 'oid', type: 'BIGINT' },
  700: { name: 'real', type: 'DOUBLE' },
  701: { name: 'double precision', type: 'DOUBLE' },
  1700: { name: 'numeric', type: 'DOUBLE' },
  1082: { name: 'date', type: 'DATE', cursor: 'time' },
  1083: { name: 'time', type: 'TIME' },
  1114: { name: 'timestamp', type: 'TIMESTAMP', cursor: 'time' },
  1184: { name: 'timestamptz', type: 'TIMESTAMP', cursor: 'time' },
  25: { name: 'text', type: 'VARCHAR', cursor: 'text' },
  1043: { name: 'text', type: 'VARCHAR', cursor: 'text' },
  2950: { name: 'uuid', type: 'VARCHAR', cursor: 'text' },
}

/** The rows of a query in PostgreSQL, in one transaction that reads only, by a cursor of the server. */
export async function openPostgresRows(
  address: string,
  request: SqlRequest,
  { allowPrivate }: { allowPrivate: boolean },
): Promise<SqlRows> {
  const client = await connect(address, request, { allowPrivate })
  const abort = (): void => void client.end().catch(() => undefined)
  request.signal.addEventListener('abort', abort, { once: true })
  const close = async (): Promise<void> => {
    request.signal.removeEventListener('abort', abort)
    await client.end().catch(() => undefined)
  }
  try {
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY')
    await client.query(
      `SET LOCAL TIME ZONE 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL bytea_output = 'hex'; SET LOCAL statement_timeout = ${request.timeoutMs}`,
    )
    const { fields } = await client.query(`SELECT * FROM ${asTable(request.query)} LIMIT 0`)
    const { text, values } = statementOf(request, fields)
    await client.query(`DECLARE source_cursor NO SCROLL CURSOR FOR ${text}`, values)
    return {
      names: fields.map(({ name }) => name),
      batches: () => fetchBatches(client, fields),
      columns: () => fields.map(toColumn),
      cursorKind: (column) => cursorTypeOf(fields, column).cursor!,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    if (error instanceof AppError) throw error
    throw toFailure(error)
  }
}

async function connect(
  address: string,
  { timeoutMs }: SqlRequest,
  { allowPrivate }: { allowPrivate: boolean },
): Promise<Client> {
  const url = URL.parse(address)
  if (!url) throw new AppError('invalid', 'the address of the database is no URL')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const isLocal = host === '' || url.searchParams.has('host') || (isIP(host) !== 0 && !isPublicAddress(host))
  if (!allowPrivate && isLocal)
    throw new AppError(
      'invalid',
      `${host === '' ? 'the database' : host} is no public address: sources reach private addresses when the setting sourcePrivateAddresses allows it`,
    )
  const client = new Client({
    connectionString: address,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: timeoutMs,
    // All values as the text that PostgreSQL writes: nothing is lost on the way.
    types: { getTypeParser: () => (value: unknown) => value },
    ...(!allowPrivate && { stream: publicSocket }),
  })
  // A connection that breaks is told by the query that waits for it.
  client.on('error', () => undefined)
  try {
    await client.connect()
  } catch (error) {
    await client.end().catch(() => undefined)
    throw new AppError('unavailable', `the database can't be reached: ${messageOf(error)}`, { cause: error })
  }
  return client
}

/** Connects to the address that was looked at, so that a name can't mean something else a moment later. */
function publicSocket(): Socket {
  const socket = new Socket()
  const connectTo = socket.connect.bind(socket)
  socket.connect = ((port: number, host: string) =>
    connectTo({ port, host, lookup: lookupPublic })) as typeof socket.connect
  return socket
}

function statementOf(
  { query, cursor }: SqlRequest,
  fields: readonly FieldDef[],
): { text: string; values: string[] } {
  if (!cursor) return { text: `SELECT * FROM ${asTable(query)}`, values: [] }
  const { column, from, settleMs, settleBy } = cursor
  const { name: type, cursor: kind } = cursorTypeOf(fields, column)
  if ((settleMs !== undefined && kind !== 'time') || (settleBy !== undefined && kind !== 'integer'))
    throw new AppError(
      'invalid',
      `settle is a duration for times and a number for integers; ${column} is ${type}`,
    )
  const name = `source_rows.${quoteIdentifier(column)}${type === 'text' ? ' COLLATE "C"' : ''}`
  const back = settleMs !== undefined ? ` - $2::interval` : settleBy !== undefined ? ` - $2::bigint` : ''
  const settle =
    settleMs !== undefined ? [`${settleMs} milliseconds`] : settleBy !== undefined ? [String(settleBy)] : []
  return {
    text: `SELECT * FROM ${asTable(query)} WHERE ${name} >= $1::${type}${back} OR ${name} IS NULL`,
    values: [from, ...settle],
  }
}

function cursorTypeOf(fields: readonly FieldDef[], column: string): PostgresType {
  const field = fields.find(({ name }) => name === column)
  if (!field) throw new AppError('invalid', `the query gives no column ${column}, the cursor`)
  const type = TYPES[field.dataTypeID]
  if (type?.cursor) return type
  throw new AppError('invalid', `the cursor ${column} is neither an integer, a time, a date, text nor a uuid`)
}

/** So many rows at a time that their text stays within bounds, judged by the ones before. */
async function* fetchBatches(
  client: Client,
  fields: readonly FieldDef[],
): AsyncGenerator<(string | null)[][]> {
  let count = 100
  for (;;) {
    const { rows } = await client
      .query<(string | null)[]>({ text: `FETCH ${count} FROM source_cursor`, rowMode: 'array' })
      .catch((error: unknown) => {
        throw toFailure(error)
      })
    if (rows.length === 0) return
    yield rows.map((row) => row.map((value, index) => textOf(value, fields[index]!.dataTypeID)))
    const bytes = rows.reduce(
      (sum, row) => sum + row.reduce((size, value) => size + (value?.length ?? 0), 0),
      0,
    )
    count = Math.max(1, Math.min(BATCH_ROWS, Math.floor((count * BATCH_BYTES) / (bytes + 1)), count * 10))
  }
}

function textOf(value: string | null, oid: number): string | null {
  if (value === null) return null
  const type = TYPES[oid]?.type
  if (type === 'BOOLEAN') return value === 't' ? 'true' : 'false'
  return type === 'BLOB' ? value.slice(2) : value
}

function toColumn({ name, dataTypeID }: FieldDef): SqlColumn {
  const declared = TYPES[dataTypeID]?.type ?? 'VARCHAR'
  return { name, candidates: declared === 'VARCHAR' ? [] : [declared], declared }
}

const AWAY = /^(08|53|57|28)/

function toFailure(error: unknown): AppError {
  const { code = '', message } = error as { code?: string; message: string }
  const isQuery = /^[0-9A-Z]{5}$/.test(code) && !AWAY.test(code)
  return new AppError(
    isQuery ? 'invalid' : 'unavailable',
    `the query ${isQuery ? "can't be run" : 'failed'}: ${message}`,
    { cause: error },
  )
}
