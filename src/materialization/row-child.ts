// Computes the rows of one view by its row function into a Parquet file, away from the worker: a project's code runs here.
import { messageOf } from '../kernel/errors.ts'
import { watchParent } from '../kernel/watch-parent.ts'
import { quoteLiteral } from '../ports/analytics/analytics.ts'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import type { ViewSpec } from '../features/schema.ts'
import { createRows } from '../point-in-time/point-in-time.ts'

export interface RowTask {
  view: ViewSpec
  /** SQL that reads the dataset's rows. */
  scan: string
  snapshotDirectory: string
  target: string
}

export type RowAnswer = { ok: true; violations: Record<string, number> } | { ok: false; message: string }

watchParent()
process.once('message', (task: RowTask) => {
  void compute(task).then((answer) => process.send!(answer, () => process.exit(0)))
})

async function compute({ view, scan, snapshotDirectory, target }: RowTask): Promise<RowAnswer> {
  const violations: Record<string, number> = {}
  try {
    await using analytics = openDuckDb()
    await using session = await analytics.session({ threads: 1 })
    await createRows(session, view, scan, { snapshotDirectory, violations })
    await session.execute(`COPY __rows TO ${quoteLiteral(target)} (FORMAT parquet)`)
    return { ok: true, violations }
  } catch (error) {
    return { ok: false, message: messageOf(error) }
  }
}
