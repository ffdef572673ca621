import { amount } from '../kernel/amount.ts'
import { stat } from 'node:fs/promises'
import { AppError } from '../kernel/errors.ts'
import {
  parquetFormat,
  quoteIdentifier,
  quoteLiteral,
  type AnalyticsSession,
} from '../ports/analytics/analytics.ts'
import { schemaProblems } from './column-schema.ts'
import { readCsv } from './csv.ts'
import { readJson } from './json-rows.ts'
import { problem, type FileFormat, type ReadFile, type ReadProblem, type ReadSource } from './reading.ts'
import { kindOf, type Column } from './schema.ts'
import { readParquet } from './parquet.ts'
import { treat } from './treatment.ts'

/**
 * Writes a source file as a part: Parquet, zstd, row groups of 122,880 rows, the columns in the file's order and in
 * one of the stored types, the rows in the file's order. The bytes depend on the file and the dataset's columns alone
 * when the session has one thread.
 */
export async function normalise(session: AnalyticsSession, file: ReadFile): Promise<Column[] | ReadProblem> {
  try {
    if ((await stat(file.path)).size === 0) return problem('it is empty')
    const read = await READERS[file.format](session, file)
    if (!('expressions' in read)) return read
    const source = await treat(session, read, file.treatments)
    if (!('expressions' in source)) return source
    const misfit = describeProblems(file, source.columns)
    if (misfit) return { ...misfit, columns: source.columns }
    const select = source.columns.map(
      ({ name }, index) => `${source.expressions[index]!} AS ${quoteIdentifier(name)}`,
    )
    await session.execute(
      `COPY (SELECT ${select.join(', ')} FROM ${source.from}) TO ${quoteLiteral(file.target)} (${parquetFormat})`,
    )
    return source.columns
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid') return unreadable(error.message, file)
    throw error
  }
}

const READERS: Readonly<
  Record<FileFormat, (session: AnalyticsSession, file: ReadFile) => Promise<ReadSource | ReadProblem>>
> = {
  csv: readCsv,
  json: readJson,
  parquet: readParquet,
  // The library is loaded with the first such file.
  arrow: async (session, file) => await (await import('./arrow.ts')).readArrow(session, file),
}

function describeProblems({ known, time }: ReadFile, columns: readonly Column[]): ReadProblem | undefined {
  const problems = schemaProblems(known, columns)
  const reserved = columns.find(({ name }) => /^(file_row_number|file_index|__.*)$/i.test(name))
  if (reserved) problems.push(`the column name ${reserved.name} is reserved`)
  if (time !== undefined) {
    const column = columns.find(({ name }) => name === time)
    if (!column) problems.push(`the time column ${time} is missing`)
    else if (kindOf(column.type) !== 'timestamp') {
      problems.push(
        `the time column ${time} is ${column.type}, it must be a timestamp or a date, such as 2001-02-01 or 2001-02-01T06:00`,
      )
    }
  }
  if (problems.length === 0) return undefined
  return problem([...new Set(problems)].join('; '))
}

function unreadable(message: string, { treatments, path }: ReadFile): ReadProblem {
  const [reason = ''] = message.replace(/^DuckDB: /, '').split('\n')
  const told = reason
    .replace(/ in file "[^"]*"/, '')
    .replace(` '${path}'`, '')
    .replace(/^Invalid (Input )?Error: /, '')
    // DuckDB counts from 2.
    .replace(/at byte (\d+) in (line|record\/value) (\d+)/, (_, byte, unit, number) => {
      const place = unit === 'line' ? 'line' : 'element'
      return `at byte ${byte} of ${place} ${amount(Number(number) - 1)}`
    })
    .replace(
      /^.*reached an invalid state.*$/,
      'its lines end in different ways (LF and CRLF): write one of them',
    )
    .replace(/\s+$/, '')
  // What DuckDB quotes may be a value.
  const quoted = treatments.columns.size > 0 ? told.replaceAll(/"[^"]*"|'[^']*'/g, '…') : told
  return problem(`it can't be read: ${quoted}`)
}
