import { AppError } from '../kernel/errors.ts'
import { quoteIdentifier } from '../ports/analytics/analytics.ts'
import type { StepSql } from './authoring.ts'
import type { FileResult, TableInput } from './kinds.ts'

interface SplitScope {
  data: TableInput
  params: { time: string; holdoutDays: number }
  sql: StepSql
}

/** The body of `split`. Rows keep their order. */
export async function splitByTime({ data, params, sql }: SplitScope): Promise<{
  train: FileResult
  test: FileResult
  days: Record<string, number>
}> {
  const time = quoteIdentifier(params.time)
  const days = await sql.query(
    `SELECT CAST(${time} AS DATE) AS day, count(*) AS n FROM ${data.scan} WHERE ${time} IS NOT NULL GROUP BY day ORDER BY day`,
  )
  const held = days.slice(-params.holdoutDays)
  const first = held[0]
  if (!first || days.length === held.length) {
    throw new AppError(
      'invalid',
      `The data has ${days.length} days; a holdout of ${params.holdoutDays} leaves none to train on`,
    )
  }
  const cutMs = Number(first['day'])
  const cut = `make_timestamp(${cutMs}::BIGINT * 1000)`
  const count = (rows: typeof days): number => rows.reduce((sum, { n }) => sum + Number(n), 0)
  return {
    train: await sql.table(`SELECT * FROM ${data.scan} WHERE ${time} < ${cut}`),
    test: await sql.table(`SELECT * FROM ${data.scan} WHERE ${time} >= ${cut}`),
    days: {
      cutMs,
      trainRows: count(days.slice(0, -held.length)),
      testRows: count(held),
      trainDays: days.length - held.length,
      testDays: held.length,
    },
  }
}
