import { StatementType } from '@duckdb/node-api'
import { AppError } from '../../kernel/errors.ts'
import { quoteIdentifier, quoteLiteral, type AnalyticsRow } from './analytics.ts'
import { plainColumns, toDuckDbError } from './duckdb.ts'
import { openInstance } from './open-instance.ts'

export interface QueryResult {
  columns: string[]
  rows: AnalyticsRow[]
  /** True when there are more rows than were asked for. */
  more: boolean
}

/**
 * A DuckDB of its own for queries that people write: it has the given views (SQL by name) and may read the given files, nothing else. One
 * SELECT at a time; no other file, no network, no setting, nothing written.
 */
export async function openReadOnly(
  views: Readonly<Record<string, string>>,
  paths: readonly string[],
): Promise<AsyncDisposable & { select(sql: string, limit: number): Promise<QueryResult> }> {
  const instance = await openInstance({ memory_limit: '4GB' })
  const connection = await instance.connect()
  const run = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work()
    } catch (error) {
      throw toDuckDbError(error)
    }
  }
  await run(async () => {
    await connection.run(`SET allowed_paths = [${paths.map(quoteLiteral).join(', ')}]`)
    for (const [name, scan] of Object.entries(views))
      await connection.run(`CREATE VIEW ${quoteIdentifier(name)} AS ${scan}`)
    await connection.run('SET enable_external_access = false')
    await connection.run('SET lock_configuration = true')
  })
  return {
    select: (sql, limit) =>
      run(async () => {
        const statements = await connection.extractStatements(sql)
        if (statements.count !== 1) throw new AppError('invalid', 'Write one SELECT at a time')
        const statement = await statements.prepare(0)
        if (!READING.has(statement.statementType))
          throw new AppError('invalid', 'Versions never change: only a SELECT is possible here')
        const reader = await statement.streamAndReadUntil(limit + 1)
        const names = reader.deduplicatedColumnNames()
        const values = plainColumns(reader)
        const count = Math.min(limit, reader.currentRowCount)
        const rows = Array.from({ length: count }, (_, row) =>
          Object.fromEntries(names.map((name, column) => [name, values[column]![row]])),
        )
        return { columns: [...names], rows, more: reader.currentRowCount > limit }
      }),
    async [Symbol.asyncDispose]() {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

const READING: ReadonlySet<StatementType> = new Set([StatementType.SELECT, StatementType.EXPLAIN])
