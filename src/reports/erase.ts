import type { Trx } from '../ports/db/db.ts'
import type { KeyRows } from '../privacy/schema.ts'
import { decodeColumns, encodeColumns } from './delivery-columns.ts'
import { listDeliveryRows, updateCheckMessages, updateDelivery } from './store-checks.ts'
import type { Context } from '../http/context.ts'
import type { FailingRow } from '../expectations/schema.ts'
import { canonicalJson } from '../kernel/json.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { condemnAtOnce, recordBlob } from '../ports/artifacts/blobs.ts'
import { addErasedRows } from '../privacy/privacy.ts'
import type { Dataset } from '../data/schema.ts'
import { listReportRows, updateReport } from './store.ts'
import type { ValidationReportRow } from './tables.ts'

const PAGE = 100
/** A key of fewer letters than this says too little to be looked for inside of other text. */
const TELLING = 3

/** Takes a person's failing rows out of a dataset's validation reports, and their key out of what these say. Returns how many rows. */
export async function eraseFromReports(
  context: Pick<Context, 'db' | 'artifacts' | 'clock'>,
  dataset: Dataset,
  { erasureId, dryRun, ...key }: KeyRows & { erasureId: string; dryRun: boolean },
): Promise<number> {
  let total = 0
  for (let after = ''; ;) {
    const reports = await listReportRows(context.db.read, dataset.id, { after, limit: PAGE })
    for (const report of reports) {
      const { removed, kept } = await failingRowsWithout(context, report, key)
      const said = withoutKey(report, key.values)
      total += removed
      if (dryRun || (removed === 0 && !said)) continue
      const blob = removed > 0 ? await context.artifacts.put(Buffer.from(canonicalJson(kept))) : undefined
      await replaceReport(context, { dataset, report, erasureId, blob, said: said ?? report, removed })
    }
    if (reports.length < PAGE) break
    after = reports.at(-1)!.id
  }
  const telling = key.values.filter(({ length }) => length >= TELLING)
  if (!dryRun)
    await context.db.write(async (trx) => {
      for (const value of telling) await updateCheckMessages(trx, dataset.id, value)
    })
  return total
}

/** The same in what is remembered of deliveries; in those of these versions also what points at one row. */
export async function eraseFromDeliveries(
  trx: Trx,
  { id }: Pick<Dataset, 'id'>,
  { column, values, versions }: KeyRows & { versions: ReadonlySet<number> },
): Promise<void> {
  for (const row of await listDeliveryRows(trx, id)) {
    const columns = decodeColumns(row.columns_json)
    const own = columns.find(({ name }) => name === column)
    const names = own !== undefined && values.some((value) => own.cells.has(value))
    if (!names && !versions.has(row.version_number)) continue
    const redacted = columns.map((each) => {
      if (each.kind !== 'category') return each
      const kept = [...each.cells].filter(
        ([value, count]) => count > 1 && !(each === own && values.includes(value)),
      )
      return { ...each, cells: new Map(kept) }
    })
    await updateDelivery(trx, row, encodeColumns(redacted))
  }
}

async function replaceReport(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: {
    dataset: Dataset
    report: ValidationReportRow
    erasureId: string
    blob: StoredBlob | undefined
    said: Pick<ValidationReportRow, 'sentence' | 'results_json'>
    removed: number
  },
): Promise<void> {
  const { dataset, report, erasureId, blob, said, removed } = input
  const { projectId } = dataset
  await db.write(async (trx) => {
    await updateReport(trx, report.id, {
      sentence: said.sentence,
      results_json: said.results_json,
      failing_rows_sha256: blob?.sha256 ?? report.failing_rows_sha256,
    })
    if (!blob) return
    await recordBlob(trx, { projectId, blob, nowMs: clock.now() })
    await condemnAtOnce(trx, [report.failing_rows_sha256!])
    const counted = { erasure_id: erasureId, project_id: projectId, name: dataset.name, rows: removed }
    await addErasedRows(trx, { ...counted, place: 'failing rows of reports' })
  })
}

async function failingRowsWithout(
  { artifacts }: Pick<Context, 'artifacts'>,
  { failing_rows_sha256 }: ValidationReportRow,
  { column, values }: KeyRows,
): Promise<{ removed: number; kept: FailingRow[] }> {
  if (failing_rows_sha256 === null || !(await artifacts.has(failing_rows_sha256)))
    return { removed: 0, kept: [] }
  const rows = JSON.parse(
    Buffer.from(await artifacts.bytes(failing_rows_sha256)).toString('utf8'),
  ) as FailingRow[]
  const kept = rows.filter((row) => {
    if (column in row.values) return !values.includes(row.values[column] ?? '')
    // A line that could not be split.
    const texts = [...Object.values(row.values), ...row.checks]
    return !texts.some((text) => text !== null && mentions(text, values))
  })
  return { removed: rows.length - kept.length, kept }
}

function mentions(text: string, values: readonly string[]): boolean {
  return values.some((value) => value.length >= TELLING && text.includes(value))
}

function withoutKey(
  { sentence, results_json }: ValidationReportRow,
  values: readonly string[],
): Pick<ValidationReportRow, 'sentence' | 'results_json'> | undefined {
  if (!mentions(sentence, values) && !mentions(results_json, values)) return undefined
  const hide = (text: string): string =>
    values
      .filter(({ length }) => length >= TELLING)
      .reduce((left, value) => left.replaceAll(value, '(erased)'), text)
  return { sentence: hide(sentence), results_json: hide(results_json) }
}
