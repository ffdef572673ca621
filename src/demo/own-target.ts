import { AppError } from '../kernel/errors.ts'
import { quoteIdentifier, quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'

export interface Target {
  name: string
  task: 'binary' | 'regression'
  /** SQL over the file's column: 0 or 1, or the number itself. */
  sql: string
  /** The value that counts as 1 of a binary target. */
  positive?: string
}

/** Words for "it happened"; where neither value is one, the rarer value is what is predicted. */
const YES = /^(1|1\.0|true|t|yes|y|positive|pos)$/i

/** What is predicted: two values are a binary task, more numbers a regression. Throws `invalid` for anything else. */
export async function targetOf(
  session: AnalyticsSession,
  { name, type, distinct }: { name: string; type: string; distinct: number },
): Promise<Target> {
  const column = quoteIdentifier(name)
  if (distinct < 2)
    throw new AppError(
      'invalid',
      `--target ${name} ${distinct === 0 ? 'is empty' : 'has the same value in every row'}: there is nothing to predict`,
    )
  if (distinct === 2) {
    const values = await session.query(
      `SELECT CAST(${column} AS VARCHAR) AS value, count(*) AS n FROM source WHERE ${column} IS NOT NULL GROUP BY 1 ORDER BY n, value`,
    )
    const texts = values.map(({ value }) => String(value))
    const positive = texts.find((text) => YES.test(text)) ?? texts[0]!
    const sql = `CAST(CAST(${column} AS VARCHAR) = ${quoteLiteral(positive)} AS DOUBLE)`
    return { name, task: 'binary', sql, positive }
  }
  if (/INT|FLOAT|DOUBLE|DECIMAL/.test(type))
    return { name, task: 'regression', sql: `CAST(${column} AS DOUBLE)` }
  throw new AppError(
    'invalid',
    `--target ${name} has ${distinct} values of type ${type}. It needs two values (will it happen?) or numbers (how much?)`,
  )
}
