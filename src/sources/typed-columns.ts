import { quoteIdentifier, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { storedType } from './column-schema.ts'
import { knownType, type ReadFile, type ReadSource } from './reading.ts'
import type { Column } from './schema.ts'

/** The columns of rows that have types, each in the type that parts have. */
export async function storedColumns(
  session: AnalyticsSession,
  file: ReadFile,
  from: string,
): Promise<ReadSource> {
  const described = await session.query(`DESCRIBE SELECT * FROM ${from}`)
  const columns: Column[] = []
  const expressions: string[] = []
  for (const { column_name, column_type } of described) {
    const name = String(column_name)
    const stored = storedType(String(column_type), quoteIdentifier(name))
    if (file.treatments.columns.get(name)?.asText === true) {
      columns.push({ name, type: 'VARCHAR' })
      expressions.push(`CAST(${stored.expression} AS VARCHAR)`)
      continue
    }
    const type = knownType(file, name)
    // Writers give a column without any value an arbitrary type.
    if (type !== undefined && type !== stored.type && (await isAllNull(session, from, name))) {
      columns.push({ name, type })
      expressions.push(`CAST(NULL AS ${type})`)
    } else {
      columns.push({ name, type: stored.type })
      expressions.push(stored.expression)
    }
  }
  return { columns, expressions, from }
}

async function isAllNull(session: AnalyticsSession, from: string, column: string): Promise<boolean> {
  const [row] = await session.query(`SELECT count(${quoteIdentifier(column)}) AS n FROM ${from}`)
  return row!['n'] === 0
}
