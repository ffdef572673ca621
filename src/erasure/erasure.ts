import { listDatasets, lockDatasets } from '../data/data.ts'
import { entityKeyColumn } from '../materialization/materialization.ts'
import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { enqueue } from '../jobs/jobs.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { seal } from '../kernel/sealing.ts'
import { currentKey, insertErasedKey, keyedHash, listErasedKeys, listErasedRows } from '../privacy/privacy.ts'
import type { Erasure } from './schema.ts'
import { findErasure, insertErasure, listErasureRows } from './store.ts'
import type { ErasureRow } from './tables.ts'

export { finishPurged, isPurging } from './finish.ts'

/** By then gateways have handed over what they logged before. */
const HANDED_OVER_AFTER_MS = 2_000

/**
 * Asks a worker to erase a person by the key of an entity, or with `dryRun` to count where the key occurs. From the moment it is
 * accepted rows with the key are left out of what is ingested. Returns its id. Throws `not_found` for an entity that the project does
 * not declare.
 */
export async function requestErasure(
  context: Pick<Context, 'config' | 'db' | 'clock' | 'ids'>,
  input: Caller & { entity: string; key: string; dryRun: boolean },
): Promise<string> {
  const { projectId, actor, entity, key, dryRun } = input
  requirePermission(actor, 'administer', projectId)
  const { db, clock, ids } = context
  const key_column = await entityKeyColumn(context, { projectId, entity })
  const privacyKey = await currentKey(context, projectId)
  const key_hash = keyedHash(privacyKey, key)
  const id = ids.uuid()
  const created_ms = clock.now()
  await db.write(async (trx) => {
    await insertErasure(trx, {
      id,
      project_id: projectId,
      entity,
      key_column,
      key_hash,
      key_id: privacyKey.id,
      sealed_key: seal(privacyKey.bytes, key),
      dry_run: dryRun ? 1 : 0,
      state: 'waiting',
      derived_json: '[]',
      error: null,
      actor_id: actor.id,
      actor_name: actor.name,
      created_ms,
      finished_ms: null,
    })
    if (!dryRun) {
      // Whoever read rows before this commits before it, and is found, or looks again.
      await lockDatasets(trx, projectId)
      await insertErasedKey(trx, {
        project_id: projectId,
        key_column,
        key_hash,
        key_id: privacyKey.id,
        erasure_id: id,
        came_again_rows: 0,
        created_ms,
      })
      const payload = { erasureId: id, entity }
      await appendEvent(trx, { projectId, kind: 'erasure.requested', payload, atMs: created_ms })
    }
    await enqueue(trx, {
      projectId,
      kind: 'erasure.run',
      payload: { erasureId: id },
      maxAttempts: 20,
      runAtMs: (await db.wallTime(trx)) + (dryRun ? 0 : HANDED_OVER_AFTER_MS),
    })
    const action = dryRun ? 'erasure.count' : 'erasure.request'
    await audit(trx, {
      projectId,
      actor,
      action,
      subject: entity,
      detail: { erasureId: id, keyHash: key_hash },
    })
  })
  return id
}

/** An erasure with what it has removed so far. Throws `not_found`. */
export async function getErasure(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, id }: Caller & { id: string },
): Promise<Erasure> {
  requirePermission(actor, 'administer', projectId)
  const row = await findErasure(db.read, projectId, id)
  if (!row) throw new AppError('not_found', `There is no erasure ${id}`)
  return await toErasure({ db }, row)
}

/** Erasures of a project, newest first; `before` goes on behind one. */
export async function listErasures(
  { db }: Pick<Context, 'db'>,
  input: Caller & { limit: number; before?: string | undefined },
): Promise<Erasure[]> {
  requirePermission(input.actor, 'administer', input.projectId)
  const rows = await listErasureRows(db.read, input.projectId, input)
  return await Promise.all(rows.map((row) => toErasure({ db }, row)))
}

async function toErasure({ db }: Pick<Context, 'db'>, row: ErasureRow): Promise<Erasure> {
  const places = await listErasedRows(db.read, row.id)
  const again = (await listErasedKeys(db.read, row.project_id)).find(
    ({ key_column, key_hash }) => key_column === row.key_column && key_hash === row.key_hash,
  )
  const touched = new Set(places.filter(({ place }) => place === 'dataset parts').map(({ name }) => name))
  const datasets = (await listDatasets(db.read, row.project_id)).filter(({ name }) => touched.has(name))
  return {
    id: row.id,
    entity: row.entity,
    keyColumn: row.key_column,
    keyHash: row.key_hash,
    keyId: row.key_id,
    dryRun: row.dry_run === 1,
    state: row.state,
    places: places.map(({ place, name, rows }) => ({ place, name, rows })),
    derived: JSON.parse(row.derived_json) as string[],
    sources: datasets.map(({ name, definition }) => `${name} (${definition.source.type})`),
    cameAgainRows: again?.came_again_rows ?? 0,
    error: row.error,
    actor: { id: row.actor_id, name: row.actor_name },
    createdMs: row.created_ms,
    finishedMs: row.finished_ms,
  }
}
