import type { Queryable, Trx } from '../ports/db/db.ts'
import type { ImportObjectRow, ObjectKind } from './tables.ts'

/** The id of a source in a project; a new one the first time. */
export async function ensureSource(
  trx: Trx,
  { id, projectId, source, nowMs }: { id: string; projectId: string; source: string; nowMs: number },
): Promise<string> {
  await trx
    .insertInto('import_source')
    .values({ id, project_id: projectId, source, created_ms: nowMs, finished_ms: null })
    .onConflict((conflict) => conflict.columns(['project_id', 'source']).doNothing())
    .execute()
  const row = await trx
    .selectFrom('import_source')
    .select('id')
    .where('project_id', '=', projectId)
    .where('source', '=', source)
    .executeTakeFirstOrThrow()
  return row.id
}

export async function updateSourceFinished(trx: Trx, id: string, finished_ms: number): Promise<void> {
  await trx.updateTable('import_source').set({ finished_ms }).where('id', '=', id).execute()
}

export async function listObjects(
  at: Queryable,
  { sourceId, kind, keys }: { sourceId: string; kind: ObjectKind; keys: readonly string[] },
): Promise<Map<string, ImportObjectRow>> {
  if (keys.length === 0) return new Map()
  const rows = await at
    .selectFrom('import_object')
    .selectAll()
    .where('source_id', '=', sourceId)
    .where('kind', '=', kind)
    .where('key', 'in', keys)
    .execute()
  return new Map(rows.map((row) => [row.key, row]))
}

/** Things in one state by key, after the given key. */
export async function listObjectsInState(
  at: Queryable,
  input: {
    sourceId: string
    kind: ObjectKind
    state: ImportObjectRow['state']
    after: string
    limit: number
  },
): Promise<ImportObjectRow[]> {
  return await at
    .selectFrom('import_object')
    .selectAll()
    .where('source_id', '=', input.sourceId)
    .where('kind', '=', input.kind)
    .where('state', '=', input.state)
    .where('key', '>', input.after)
    .orderBy('key')
    .limit(input.limit)
    .execute()
}

export async function countObjectsInState(
  at: Queryable,
  input: { sourceId: string; kind: ObjectKind; state: ImportObjectRow['state'] },
): Promise<number> {
  const row = await at
    .selectFrom('import_object')
    .select(({ fn }) => fn.countAll().as('n'))
    .where('source_id', '=', input.sourceId)
    .where('kind', '=', input.kind)
    .where('state', '=', input.state)
    .executeTakeFirstOrThrow()
  return Number(row.n)
}

export async function upsertObjects(trx: Trx, rows: readonly ImportObjectRow[]): Promise<void> {
  if (rows.length === 0) return
  await trx
    .insertInto('import_object')
    .values([...rows])
    .onConflict((conflict) =>
      conflict.columns(['source_id', 'kind', 'key']).doUpdateSet((eb) => ({
        state: eb.ref('excluded.state'),
        target: eb.ref('excluded.target'),
        fingerprint: eb.ref('excluded.fingerprint'),
        checksum: eb.ref('excluded.checksum'),
        updated_ms: eb.ref('excluded.updated_ms'),
      })),
    )
    .execute()
}
