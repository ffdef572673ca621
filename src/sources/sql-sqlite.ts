import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { AppError, messageOf } from '../kernel/errors.ts'
import { quoteIdentifier } from '../ports/analytics/analytics.ts'
import type { ColumnType } from './schema.ts'
import {
  asTable,
  BATCH_BYTES,
  BATCH_ROWS,
  type SqlColumn,
  type SqlRequest,
  type SqlRows,
} from './sql-rows.ts'

type Kind = 'integer' | 'real' | 'text' | 'blob'

/** The rows of a query in a SQLite file, opened for reading only. */
export function openSqliteRows(address: string, directory: string, request: SqlRequest): SqlRows {
  const path = resolve(directory, address.replace(/^sqlite:/, ''))
  if (!existsSync(path)) throw new AppError('unavailable', `there is no SQLite file ${path}`)
  const database = openDatabase(path)
  try {
    const { text, values } = statementOf(request)
    const statement = database.prepare(text)
    statement.setReadBigInts(true)
    statement.setReturnArrays(true)
    const described = statement.columns()
    const kinds = described.map(() => new Set<Kind>())
    return {
      names: described.map(({ name }) => name),
      async *batches() {
        let batch: (string | null)[][] = []
        let bytes = 0
        const deadline = performance.now() + request.timeoutMs
        for (const row of statement.iterate(...values) as Iterable<unknown>) {
          const texts = (row as SQLOutputValue[]).map((value, index) => textOf(value, kinds[index]!))
          batch.push(texts)
          for (const text of texts) bytes += text?.length ?? 0
          if (batch.length < BATCH_ROWS && bytes < BATCH_BYTES) continue
          yield batch
          request.signal.throwIfAborted()
          if (performance.now() > deadline)
            throw new AppError('unavailable', `the query took longer than ${request.timeoutMs / 1000} s`)
          batch = []
          bytes = 0
        }
        yield batch
      },
      columns: () => described.map(({ name, type }, index) => toColumn(name, type, kinds[index]!)),
      cursorKind(column) {
        const found = [...kinds[described.findIndex(({ name }) => name === column)]!]
        if (found.length === 0 || found.join() === 'integer') return 'integer'
        if (found.join() === 'text') return 'text'
        throw new AppError(
          'invalid',
          `the cursor ${column} has values of ${found.join(' and ')}, not integers or text alone`,
        )
      },
      async [Symbol.asyncDispose]() {
        database.close()
      },
    }
  } catch (error) {
    database.close()
    throw new AppError('invalid', `the query can't be run: ${messageOf(error)}`, { cause: error })
  }
}

function openDatabase(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { readOnly: true, timeout: 5_000 })
  } catch (error) {
    throw new AppError('unavailable', `${path} can't be opened: ${messageOf(error)}`, { cause: error })
  }
}

function statementOf({ query, cursor }: SqlRequest): { text: string; values: (string | bigint)[] } {
  if (!cursor) return { text: `SELECT * FROM ${asTable(query)}`, values: [] }
  const { column, from, settleMs, settleBy } = cursor
  const isInteger = /^-?\d+$/.test(from)
  if (settleMs !== undefined || (settleBy !== undefined && !isInteger))
    throw new AppError(
      'invalid',
      'in SQLite, which has no times, settle is a number and the cursor an integer',
    )
  const name = `source_rows.${quoteIdentifier(column)}`
  return {
    text: `SELECT * FROM ${asTable(query)} WHERE ${name} >= ? OR ${name} IS NULL`,
    values: [isInteger ? BigInt(from) - BigInt(settleBy ?? 0) : from],
  }
}

function textOf(value: SQLOutputValue, kinds: Set<Kind>): string | null {
  if (value === null) return null
  if (value instanceof Uint8Array) {
    kinds.add('blob')
    return Buffer.from(value).toString('hex')
  }
  kinds.add(typeof value === 'bigint' ? 'integer' : typeof value === 'number' ? 'real' : 'text')
  return String(value)
}

/** SQLite has types for values, not for columns: what is there decides. */
function toColumn(name: string, declaredType: string | null, kinds: ReadonlySet<Kind>): SqlColumn {
  const declared = declaredAs(declaredType ?? '')
  const only = (...allowed: Kind[]): boolean => [...kinds].every((kind) => allowed.includes(kind))
  if (kinds.size === 0) return { name, candidates: [], declared }
  if (only('integer')) return { name, candidates: ['BIGINT'], declared }
  if (only('integer', 'real')) return { name, candidates: ['DOUBLE'], declared }
  if (only('text')) return { name, candidates: ['DATE', 'TIMESTAMP'], declared }
  return { name, candidates: only('blob') ? ['BLOB'] : [], declared }
}

function declaredAs(type: string): ColumnType {
  if (/INT/i.test(type)) return 'BIGINT'
  if (/REAL|FLOA|DOUB|NUMERIC|DECIMAL/i.test(type)) return 'DOUBLE'
  return /BLOB/i.test(type) ? 'BLOB' : 'VARCHAR'
}
