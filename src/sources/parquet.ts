import { amount } from '../kernel/amount.ts'
import { stat } from 'node:fs/promises'
import { quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { MAX_ROW_BYTES, mostBytes } from './limits.ts'
import { namesProblem } from './names.ts'
import { problem, type ReadFile, type ReadProblem, type ReadSource } from './reading.ts'
import { storedColumns } from './typed-columns.ts'

/** Reads Parquet, after a look at what the file says of its names and sizes: what would burst the memory is not opened. */
export async function readParquet(
  session: AnalyticsSession,
  file: ReadFile,
): Promise<ReadSource | ReadProblem> {
  const path = quoteLiteral(file.path)
  const wrong = namesProblem(await columnNames(session, path)) ?? (await sizeProblem(session, file.path))
  if (wrong) return wrong
  return await storedColumns(session, file, `read_parquet(${path})`)
}

/** Of the columns, not of what nests in them: the schema is a tree in the order of its nodes. */
async function columnNames(session: AnalyticsSession, path: string): Promise<string[]> {
  const [root, ...nodes] = await session.query(`SELECT name, num_children FROM parquet_schema(${path})`)
  if (!root) return []
  const names: string[] = []
  let nested = 0
  for (const { name, num_children } of nodes) {
    if (nested === 0) names.push(String(name))
    else nested--
    nested += Number(num_children ?? 0)
  }
  return names
}

async function sizeProblem(session: AnalyticsSession, path: string): Promise<ReadProblem | undefined> {
  const [sizes] = await session.query(
    `SELECT sum(total_uncompressed_size) AS bytes,
       max(total_uncompressed_size / greatest(num_values, 1)) AS widest,
       arg_max(path_in_schema, total_uncompressed_size / greatest(num_values, 1)) AS name
     FROM parquet_metadata(${quoteLiteral(path)})`,
  )
  if (Number(sizes!['widest']) > MAX_ROW_BYTES)
    return problem(`values of ${String(sizes!['name'])} are longer than ${amount(MAX_ROW_BYTES)} bytes`)
  const most = mostBytes((await stat(path)).size)
  if (Number(sizes!['bytes']) <= most) return undefined
  return problem(`it grows to more than ${most} bytes, which no table of its size does`)
}
