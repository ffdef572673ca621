import { sql } from 'kysely'
import type { Delivery } from '../expectations/expectations.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { decodeColumns } from './delivery-columns.ts'
import type { CheckResultRow, DatasetDeliveryRow } from './tables.ts'

/** A statement takes so many values at most. */
const BATCH = 100
const REMEMBERED = 200

export async function insertCheckResults(trx: Trx, rows: readonly CheckResultRow[]): Promise<void> {
  for (let start = 0; start < rows.length; start += BATCH) {
    await trx
      .insertInto('check_result')
      .values(rows.slice(start, start + BATCH))
      .execute()
  }
}

/** What the checks of a dataset said in its newest reports, oldest first. */
export async function listCheckResults(
  at: Queryable,
  datasetId: string,
  { reports, key }: { reports: number; key?: string | undefined },
): Promise<CheckResultRow[]> {
  const newest = await at
    .selectFrom('check_result')
    .select('report_id')
    .distinct()
    .where('dataset_id', '=', datasetId)
    .$if(key !== undefined, (query) => query.where('check_key', '=', key!))
    .orderBy('report_id', 'desc')
    .limit(reports)
    .execute()
  if (newest.length === 0) return []
  return await at
    .selectFrom('check_result')
    .selectAll()
    .where('dataset_id', '=', datasetId)
    .where(
      'report_id',
      'in',
      newest.map((row) => row.report_id),
    )
    .$if(key !== undefined, (query) => query.where('check_key', '=', key!))
    .orderBy('report_id')
    .orderBy('check_key')
    .execute()
}

/** Checks of these kinds, or of these keys, whose newest result is a failure. */
export async function listFailing(
  at: Queryable,
  datasetId: string,
  { kinds, keys }: { kinds: readonly string[]; keys: readonly string[] },
): Promise<CheckResultRow[]> {
  return await at
    .selectFrom('check_result as told')
    .selectAll('told')
    .where('told.dataset_id', '=', datasetId)
    .where('told.passed', '=', 0)
    .where((eb) => eb.or([eb('told.check_kind', 'in', kinds), eb('told.check_key', 'in', keys)]))
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('check_result as later')
            .select('later.report_id')
            .whereRef('later.dataset_id', '=', 'told.dataset_id')
            .whereRef('later.check_key', '=', 'told.check_key')
            .whereRef('later.report_id', '>', 'told.report_id'),
        ),
      ),
    )
    .orderBy('told.check_key')
    .execute()
}

/** Keeps a delivery, and forgets those that no check looks back to. */
export async function insertDelivery(trx: Trx, row: DatasetDeliveryRow): Promise<void> {
  await trx.insertInto('dataset_delivery').values(row).execute()
  await trx
    .deleteFrom('dataset_delivery')
    .where('dataset_id', '=', row.dataset_id)
    .where('version_number', '<=', row.version_number - REMEMBERED)
    .execute()
}

/** When what became versions arrived, the oldest first. */
export async function listArrivals(at: Queryable, datasetId: string): Promise<number[]> {
  const rows = await at
    .selectFrom('dataset_delivery')
    .select('arrived_ms')
    .where('dataset_id', '=', datasetId)
    .orderBy('version_number')
    .execute()
  return rows.map((row) => row.arrived_ms)
}

/** What arrived before, the oldest first, or what made one version. */
export async function listDeliveries(
  at: Queryable,
  datasetId: string,
  version?: number,
): Promise<Delivery[]> {
  const rows = await at
    .selectFrom('dataset_delivery')
    .selectAll()
    .where('dataset_id', '=', datasetId)
    .$if(version !== undefined, (query) => query.where('version_number', '=', version!))
    .orderBy('version_number')
    .execute()
  return rows.map((row) => ({
    rows: row.rows,
    newestMs: row.newest_ms,
    arrivedMs: row.arrived_ms,
    columns: decodeColumns(row.columns_json),
  }))
}

export async function listDeliveryRows(at: Queryable, datasetId: string): Promise<DatasetDeliveryRow[]> {
  return await at.selectFrom('dataset_delivery').selectAll().where('dataset_id', '=', datasetId).execute()
}

export async function updateDelivery(
  trx: Trx,
  { dataset_id, version_number }: DatasetDeliveryRow,
  columnsJson: string,
): Promise<void> {
  await trx
    .updateTable('dataset_delivery')
    .set({ columns_json: columnsJson })
    .where('dataset_id', '=', dataset_id)
    .where('version_number', '=', version_number)
    .execute()
}

/** Strikes a value out of what checks said. */
export async function updateCheckMessages(trx: Trx, datasetId: string, value: string): Promise<void> {
  await trx
    .updateTable('check_result')
    .set({ message: sql<string>`replace(message, ${value}, '(erased)')` })
    .where('dataset_id', '=', datasetId)
    .where(sql<boolean>`message like ${`%${value.replaceAll(/[\\%_]/g, '_')}%`}`)
    .execute()
}
