import { quoteIdentifier, type AnalyticsSession } from '../ports/analytics/analytics.ts'

const REGISTERS = 4_096
/** One standard deviation of an estimate, as a share of it: that of a mean of so many exponential numbers. */
export const DISTINCT_ERROR = 1 / Math.sqrt(REGISTERS)
/** Columns that one statement counts. */
const BATCH = 25

/**
 * How many different values each column has, nulls left out, estimated in 4,096 numbers for each. A value's hash chooses one of the registers and gives
 * it a number in [0, 1), of which each register keeps the least. With n values these are exponential with rate n / 4,096, cut off at 1, and their maximum
 * likelihood estimate is 4,096 × filled ÷ (sum + empty): Chassaing and Gérin, Efficient estimation of the cardinality of large data sets (2006), with
 * the empty registers as censored ones. Its standard deviation is `DISTINCT_ERROR` of it, 1.6 %, and less where values are fewer than registers.
 * DuckDB's own `approx_count_distinct` has 64 registers and is off by 13 %.
 */
export async function estimateDistinct(
  session: AnalyticsSession,
  rows: string,
  columns: readonly { name: string }[],
): Promise<number[]> {
  const estimates: number[] = []
  for (let start = 0; start < columns.length; start += BATCH) {
    const batch = columns.slice(start, start + BATCH)
    const [row] = await session.query(
      `SELECT ${batch.map(({ name }, at) => `(${estimateOf(rows, name)}) AS distinct_${at}`).join(', ')}`,
    )
    estimates.push(...batch.map((_, at) => Number(row![`distinct_${at}`])))
  }
  return estimates
}

function estimateOf(rows: string, name: string): string {
  const column = quoteIdentifier(name)
  return `SELECT round(${REGISTERS} * count(*) / (coalesce(sum(least), 0) + ${REGISTERS} - count(*)))
    FROM (SELECT min(h >> 12) / ${2 ** 52} AS least FROM (SELECT hash(${column}) AS h FROM ${rows} WHERE ${column} IS NOT NULL) GROUP BY h & ${REGISTERS - 1})`
}
