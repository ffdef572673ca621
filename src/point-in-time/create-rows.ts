import { quoteIdentifier, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { eventRows, momentMs } from './event-rows.ts'
import { applyFunction } from './function-table.ts'
import { loadOnDemand } from '../vectors/vectors.ts'
import { isBitemporal, viewRows } from './view-rows.ts'
import type { ViewSpec } from '../features/schema.ts'

/** Where the code of row functions is, and what is counted of them. */
export interface FunctionCode {
  snapshotDirectory: string
  violations: Record<string, number>
}

/** The table `__rows` of a view by SQL or by a row function, with the columns that `viewRows` has: the rows for which `condition` holds. */
export async function createRows(
  session: AnalyticsSession,
  view: ViewSpec,
  datasetScan: string,
  code: FunctionCode,
  condition = 'true',
): Promise<void> {
  const rows = view.row ? await functionRows(session, view, datasetScan, code) : viewRows(view, datasetScan)
  await session.execute(`CREATE TEMP TABLE __rows AS SELECT * FROM (${rows}) WHERE ${condition}`)
  await session.execute('DROP TABLE IF EXISTS __given')
  await session.execute('DROP TABLE IF EXISTS __computed')
}

/** A row of the dataset is an event of its time that is known when all that the function takes is known. */
async function functionRows(
  session: AnalyticsSession,
  view: ViewSpec,
  datasetScan: string,
  { snapshotDirectory, violations }: FunctionCode,
): Promise<string> {
  const { row, features } = view
  const { time } = view.source!
  const taken = row!.inputs.map(({ name }, index) => ({ name: quoteIdentifier(name), as: `i${index}` }))
  const columns = [
    `${momentMs(quoteIdentifier(time))} AS ts`,
    ...taken.map(({ name, as }) => `${name} AS ${as}`),
  ]
  const inputs = taken.map(({ name, as }) => `${as} AS ${name}`)
  await session.execute(`
    CREATE TEMP TABLE __given AS
    SELECT ${['row_number() OVER () AS __row', 'k AS __k', 'ts AS __ts', 'e AS __e', ...inputs].join(', ')}
    FROM (${eventRows(view, datasetScan, columns)})`)
  const { inputs: given, module, budgetMs } = row!
  const spec = { name: view.view, module, export: row!.export, inputs: given, outputs: features, budgetMs }
  const loaded = await loadOnDemand(spec, snapshotDirectory)
  await applyFunction(session, loaded, { from: '__given', into: '__computed', violations })
  const values = features.map(({ name }, index) => `c.${quoteIdentifier(name)} AS f${index}`)
  const later = isBitemporal(view) ? ['g.__e AS created', 'g.__e AS av'] : []
  return `
    SELECT ${['g.__k AS k', 'g.__ts AS ts', ...later, ...values].join(', ')}
    FROM __given g JOIN __computed c ON g.__row = c.__row`
}
