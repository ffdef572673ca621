import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '../kernel/errors.ts'
import { quoteIdentifier, quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { featureValue, SQL_TYPE } from './feature-value.ts'
import type { LoadedOnDemand } from './on-demand.ts'
import type { FeatureValue } from './schema.ts'

const CHUNK_ROWS = 100_000

/**
 * The table `into`: for each row of the table `from`, whose column `__row` counts from 1, one in the same order with
 * `__row` and the outputs, computed by the function itself, row by row. Rows travel in pieces, so memory stays bounded.
 * Adds to `violations`, but for `budget`. Throws `invalid` when the function fails on every row of a piece.
 */
export async function applyFunction(
  session: AnalyticsSession,
  { spec, compute }: LoadedOnDemand,
  { from, into, violations }: { from: string; into: string; violations: Record<string, number> },
): Promise<void> {
  const outputs = spec.outputs.map(({ name, kind }) => ({
    name: quoteIdentifier(name),
    type: SQL_TYPE[kind],
  }))
  await session.execute(
    `CREATE TEMP TABLE ${into} (__row BIGINT, ${outputs.map(({ name, type }) => `${name} ${type}`).join(', ')})`,
  )
  const [count] = await session.query(`SELECT count(*) AS n FROM ${from}`)
  const inputs = spec.inputs.map(
    ({ name, kind }) => `${featureValue(quoteIdentifier(name), kind)} AS ${quoteIdentifier(name)}`,
  )
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-function-'))
  try {
    for (let start = 0; start < Number(count!['n']); start += CHUNK_ROWS) {
      const columns = await session.columns(
        `SELECT ${['__row', ...inputs].join(', ')} FROM ${from} WHERE __row > ${start} AND __row <= ${start + CHUNK_ROWS} ORDER BY __row`,
      )
      const path = join(folder, 'chunk.csv')
      await writeFile(path, computeChunk({ spec, compute }, columns, violations))
      const types = outputs.map(({ type }, at) => `'c${at}': '${type}'`).join(', ')
      await session.execute(
        `INSERT INTO ${into} FROM read_csv(${quoteLiteral(path)}, auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, columns = {'row': 'BIGINT', ${types}})`,
      )
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function computeChunk(
  { spec, compute }: LoadedOnDemand,
  columns: Record<string, unknown[]>,
  violations: Record<string, number>,
): string {
  const rows = columns['__row']!
  const lines: string[] = []
  let firstError: string | null = null
  let errors = 0
  const request: Record<string, unknown> = {}
  for (let row = 0; row < rows.length; row++) {
    for (const { name } of spec.inputs) request[name] = columns[name]![row]
    const result = compute(request)
    for (const violation of result.violations) {
      if (violation !== 'budget') count(violations, `${spec.name} ${violation}`)
    }
    if (result.error !== null) {
      firstError ??= result.error
      errors += 1
    }
    lines.push(`${Number(rows[row])},${result.values.map(csvField).join(',')}\n`)
  }
  if (errors === rows.length && errors > 0) {
    throw new AppError('invalid', `The function of ${spec.name} fails on every row: ${firstError}`)
  }
  return lines.join('')
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}

function csvField(value: FeatureValue): string {
  if (value === null) return ''
  return typeof value === 'number' ? String(value) : `"${value.replaceAll('"', '""')}"`
}
