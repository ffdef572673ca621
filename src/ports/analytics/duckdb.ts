import { DuckDBTypeId, type DuckDBConnection, type DuckDBInstance, type DuckDBValue } from '@duckdb/node-api'
import { environmentName } from '../../kernel/config.ts'
import { AppError, messageOf } from '../../kernel/errors.ts'
import type { Analytics, AnalyticsSession, AnalyticsValue } from './analytics.ts'
import { appendRows } from './duckdb-append.ts'
import { onceInSession } from './once-in-session.ts'
import { openInstance } from './open-instance.ts'
import type { DuckDbOptions } from './process-messages.ts'

/** DuckDB in this process, opened when first used. */
export function openDuckDb(options: DuckDbOptions = {}): Analytics {
  const instances = new Map<number, Promise<DuckDBInstance>>()
  const instance = (threads: number): Promise<DuckDBInstance> => {
    const known = instances.get(threads)
    if (known) return known
    const opened = openInstance(
      {
        memory_limit: options.memoryLimit ?? '4GB',
        preserve_insertion_order: 'true',
        ...(threads > 0 && { threads: String(threads) }),
      },
      options,
    )
    instances.set(threads, opened)
    return opened
  }
  const session = async (threads = 0): Promise<AnalyticsSession> =>
    openSession(await (await instance(threads)).connect())
  return {
    ...onceInSession(session),
    session: ({ threads } = {}) => session(threads),
    async [Symbol.asyncDispose]() {
      for (const opened of instances.values()) (await opened).closeSync()
      instances.clear()
    },
  }
}

function openSession(connection: DuckDBConnection): AnalyticsSession {
  const run = async (sql: string, parameters: readonly AnalyticsValue[] = []) => {
    try {
      return await connection.runAndReadAll(sql, parameters as DuckDBValue[])
    } catch (error) {
      throw toDuckDbError(error, sql)
    }
  }
  return {
    async query(sql, parameters) {
      const result = await run(sql, parameters)
      const names = result.deduplicatedColumnNames()
      const columns = plainColumns(result)
      return Array.from({ length: result.currentRowCount }, (_, row) => {
        const entries = names.map((name, index) => [name, columns[index]![row]] as const)
        return Object.fromEntries<unknown>(entries)
      })
    },
    async columns(sql, parameters) {
      const result = await run(sql, parameters)
      const columns = plainColumns(result)
      return Object.fromEntries(
        result.deduplicatedColumnNames().map((name, index) => [name, columns[index] ?? []]),
      )
    },
    async execute(sql, parameters) {
      await run(sql, parameters)
    },
    append: (table, types, columns) => appendRows(connection, table, types, columns),
    async *chunks(sql) {
      try {
        const result = await connection.stream(sql)
        const names = result.deduplicatedColumnNames()
        for (;;) {
          const chunk = await result.fetchChunk()
          if (chunk === null || chunk.rowCount === 0) return
          const columns = convertColumns(chunk.getColumns(), (index) => result.columnTypeId(index))
          yield Object.fromEntries(names.map((name, index) => [name, columns[index]!]))
        }
      } catch (error) {
        throw toDuckDbError(error, sql)
      }
    },
    interrupt: () => connection.interrupt(),
    async [Symbol.asyncDispose]() {
      connection.closeSync()
    },
  }
}

export function toDuckDbError(error: unknown, sql?: string): AppError {
  if (error instanceof AppError) return error
  const text = messageOf(error)
  const options = { cause: error, details: sql === undefined ? {} : { sql } }
  if (text.includes("'max_temp_directory_size'"))
    return new AppError('invalid', spilledTooMuch(text), options)
  if (text.includes('No space left on device'))
    return new AppError('unavailable', `The disk is full: DuckDB: ${text}`, options)
  return new AppError('invalid', `DuckDB: ${text}`, options)
}

function spilledTooMuch(text: string): string {
  const limit = /\/([\d.]+ \w+) used/.exec(text)?.[1] ?? 'more'
  return (
    `DuckDB would write more than ${limit} to disk beside its memory, which is the limit (setting maxSpillMb, ${environmentName('maxSpillMb')}). ` +
    'Ask for fewer rows or columns at once, or raise it'
  )
}

type Result = Awaited<ReturnType<DuckDBConnection['runAndReadAll']>>

export function plainColumns(result: Result): unknown[][] {
  return convertColumns(result.getColumns(), (index) => result.columnTypeId(index))
}

function convertColumns(
  columns: readonly (readonly DuckDBValue[])[],
  typeOf: (column: number) => DuckDBTypeId,
): unknown[][] {
  return columns.map((column, index) => {
    const convert = CONVERT[typeOf(index)] ?? plain
    return column.map((value) => (value === null ? null : convert(value)))
  })
}

const same = (value: DuckDBValue): unknown => value
const safeInteger = (value: DuckDBValue): unknown => {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
const fromMicros = (value: DuckDBValue): unknown => Number((value as { micros: bigint }).micros / 1000n)

const CONVERT: Partial<Record<DuckDBTypeId, (value: DuckDBValue) => unknown>> = {
  [DuckDBTypeId.DOUBLE]: same,
  [DuckDBTypeId.FLOAT]: same,
  [DuckDBTypeId.VARCHAR]: same,
  [DuckDBTypeId.BOOLEAN]: same,
  [DuckDBTypeId.INTEGER]: same,
  [DuckDBTypeId.BIGINT]: safeInteger,
  [DuckDBTypeId.UBIGINT]: safeInteger,
  [DuckDBTypeId.HUGEINT]: safeInteger,
  [DuckDBTypeId.TIMESTAMP]: fromMicros,
  [DuckDBTypeId.TIMESTAMP_TZ]: fromMicros,
  [DuckDBTypeId.TIMESTAMP_MS]: (value) => Number((value as { millis: bigint }).millis),
  [DuckDBTypeId.TIMESTAMP_S]: (value) => Number((value as { seconds: bigint }).seconds) * 1000,
  [DuckDBTypeId.TIMESTAMP_NS]: (value) => Number((value as { nanos: bigint }).nanos / 1_000_000n),
  [DuckDBTypeId.DATE]: (value) => (value as { days: number }).days * 86_400_000,
  [DuckDBTypeId.DECIMAL]: (value) => Number(String(value)),
}

/** Lists, structs, intervals and the like: as JSON-like values where possible, else as text. */
function plain(value: DuckDBValue): unknown {
  if (value === null || typeof value !== 'object')
    return typeof value === 'bigint' ? safeInteger(value) : value
  if ('items' in value && Array.isArray(value.items)) return value.items.map(plain)
  if ('entries' in value && typeof value.entries === 'object' && !Array.isArray(value.entries)) {
    const members = Object.entries(value.entries as Record<string, DuckDBValue>)
    return Object.fromEntries(members.map(([key, member]) => [key, plain(member)]))
  }
  if ('bytes' in value) return value.bytes
  if ('micros' in value && typeof value.micros === 'bigint' && !('months' in value)) return fromMicros(value)
  if ('days' in value && !('months' in value)) return value.days * 86_400_000
  return String(value)
}
