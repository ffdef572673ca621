import {
  BIGINT,
  BLOB,
  BOOLEAN,
  DOUBLE,
  DuckDBBlobValue,
  DuckDBDataChunk,
  VARCHAR,
  type DuckDBConnection,
  type DuckDBValue,
} from '@duckdb/node-api'
import { AppError, messageOf } from '../../kernel/errors.ts'
import type { AppendType, AppendValue } from './analytics.ts'

/** What a chunk of DuckDB holds at most. */
const CHUNK_ROWS = 2048
const TYPES = { VARCHAR, BIGINT, DOUBLE, BOOLEAN, BLOB } as const

/** Adds rows to a temporary table of the connection. */
export async function appendRows(
  connection: DuckDBConnection,
  table: string,
  types: readonly AppendType[],
  columns: readonly (readonly AppendValue[])[],
): Promise<void> {
  const rows = columns[0]?.length ?? 0
  const duckDbTypes = types.map((type) => TYPES[type])
  const appender = await connection.createAppender(table, 'main', 'temp')
  try {
    for (let start = 0; start < rows; start += CHUNK_ROWS) {
      const count = Math.min(CHUNK_ROWS, rows - start)
      const chunk = DuckDBDataChunk.create(duckDbTypes, count)
      for (const [index, values] of columns.entries())
        chunk.setColumnValues(index, values.slice(start, start + count).map(toDuckDb))
      appender.appendDataChunk(chunk)
    }
    appender.flushSync()
  } catch (error) {
    throw new AppError('invalid', `DuckDB: ${messageOf(error)}`, { cause: error })
  } finally {
    appender.closeSync()
  }
}

function toDuckDb(value: AppendValue): DuckDBValue {
  return value instanceof Uint8Array ? new DuckDBBlobValue(value) : value
}
