import type { Queryable, Trx } from '../ports/db/db.ts'
import type { PersonalFinding } from '../privacy/schema.ts'
import type { DatasetPersonalRow } from './tables.ts'

export async function insertFindings(trx: Trx, row: DatasetPersonalRow): Promise<void> {
  await trx.insertInto('dataset_personal').values(row).execute()
}

/** What was found in a version's rows; nothing for versions older than the search for it. */
export async function listFindings(at: Queryable, versionId: string): Promise<PersonalFinding[]> {
  const row = await at
    .selectFrom('dataset_personal')
    .select('findings_json')
    .where('version_id', '=', versionId)
    .executeTakeFirst()
  return row ? (JSON.parse(row.findings_json) as PersonalFinding[]) : []
}
