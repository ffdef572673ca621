import { AppError } from '../kernel/errors.ts'
import { quoteIdentifier, type AnalyticsSession, type AppendValue } from '../ports/analytics/analytics.ts'
import { featureValue, SQL_TYPE } from './feature-value.ts'
import type { Feature, FeatureValue } from '../features/schema.ts'
import type { LoadedOnDemand } from '../vectors/vectors.ts'

const CHUNK_ROWS = 100_000

/**
 * The table `into`: for each row of the table `from`, whose column `__row` counts from 1, one in the same order with
 * `__row` and the outputs, computed by the function itself, row by row. Rows travel in pieces, so memory stays bounded.
 * Adds to `violations`, but for `budget`. Throws `invalid` when the function fails on every row of a piece.
 */
export async function applyFunction(
  session: AnalyticsSession,
  loaded: LoadedOnDemand,
  { from, into, violations }: { from: string; into: string; violations: Record<string, number> },
): Promise<void> {
  const { inputs, outputs } = loaded.spec
  const types = outputs.map(({ kind }) => SQL_TYPE[kind])
  const columns = outputs.map(({ name }, index) => `${quoteIdentifier(name)} ${types[index]}`)
  await session.execute(`CREATE TEMP TABLE ${into} (${['__row BIGINT', ...columns].join(', ')})`)
  const [count] = await session.query(`SELECT count(*) AS n FROM ${from}`)
  const given = inputs.map(
    ({ name, kind }) => `${featureValue(quoteIdentifier(name), kind)} AS ${quoteIdentifier(name)}`,
  )
  for (let start = 0; start < Number(count!['n']); start += CHUNK_ROWS) {
    const chunk = await session.columns(
      `SELECT ${['__row', ...given].join(', ')} FROM ${from} WHERE __row > ${start} AND __row <= ${start + CHUNK_ROWS} ORDER BY __row`,
    )
    const computed = computeChunk(loaded, chunk, violations)
    await session.append(
      into,
      ['BIGINT', ...types],
      [chunk['__row']!.map((row) => BigInt(row as number)), ...computed],
    )
  }
}

/** The outputs of a piece, as one array for each. */
function computeChunk(
  { spec, compute }: LoadedOnDemand,
  columns: Record<string, unknown[]>,
  violations: Record<string, number>,
): AppendValue[][] {
  const rows = columns['__row']!.length
  const computed = spec.outputs.map((): AppendValue[] => [])
  let firstError: string | null = null
  let errors = 0
  const request: Record<string, unknown> = {}
  for (let row = 0; row < rows; row++) {
    for (const { name } of spec.inputs) request[name] = columns[name]![row]
    const result = compute(request)
    for (const violation of result.violations) {
      if (violation !== 'budget') count(violations, `${spec.name} ${violation}`)
    }
    if (result.error !== null) {
      firstError ??= result.error
      errors += 1
    }
    for (const [index, value] of result.values.entries())
      computed[index]!.push(stored(value, spec.outputs[index]!))
  }
  if (errors === rows && errors > 0) {
    throw new AppError('invalid', `The function of ${spec.name} fails on every row: ${firstError}`)
  }
  return computed
}

/** A time is a whole number of milliseconds. */
function stored(value: FeatureValue, { kind }: Feature): AppendValue {
  return kind === 'timestamp' && value !== null ? BigInt(Math.trunc(Number(value))) : value
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}
