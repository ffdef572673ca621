import { sql } from 'kysely'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { differences, type DialectName } from '../ports/db/dialect.ts'
import type { EventRow, JobRow } from './tables.ts'

export async function insertJob(trx: Trx, row: JobRow): Promise<boolean> {
  const inserted = await trx
    .insertInto('job')
    .values(row)
    .onConflict((conflict) => conflict.column('unique_key').doNothing())
    .returning('id')
    .executeTakeFirst()
  return inserted !== undefined
}

export interface ClaimJobs {
  worker: string
  slot: string
  limit: number
  leaseMs: number
  nowMs: number
}

/** Takes ready jobs, and active ones whose lease has run out, in one statement on both databases. */
export async function claimJobs(trx: Trx, dialect: DialectName, claim: ClaimJobs): Promise<JobRow[]> {
  return await trx
    .updateTable('job')
    .set((eb) => ({
      state: 'active',
      worker: claim.worker,
      attempt: eb('attempt', '+', 1),
      lease_until_ms: claim.nowMs + claim.leaseMs,
    }))
    .where('id', 'in', (query) =>
      query
        .selectFrom('job')
        .select('id')
        .where('slot', '=', claim.slot)
        .where((eb) =>
          eb.or([
            eb.and([eb('state', '=', 'ready'), eb('run_at_ms', '<=', claim.nowMs)]),
            eb.and([eb('state', '=', 'active'), eb('lease_until_ms', '<', claim.nowMs)]),
          ]),
        )
        .orderBy('priority', 'desc')
        .orderBy('run_at_ms')
        .orderBy('id')
        .limit(claim.limit)
        .$if(differences[dialect].skipLocked, (locked) => locked.forUpdate().skipLocked()),
    )
    .returningAll()
    .execute()
}

/** Whether a worker might find something to claim: asked without the write lock. */
export async function hasClaimable(at: Queryable, slot: string, nowMs: number): Promise<boolean> {
  const found = await at
    .selectFrom('job')
    .select('id')
    .where('slot', '=', slot)
    .where((eb) =>
      eb.or([
        eb.and([eb('state', '=', 'ready'), eb('run_at_ms', '<=', nowMs)]),
        eb.and([eb('state', '=', 'active'), eb('lease_until_ms', '<', nowMs)]),
      ]),
    )
    .limit(1)
    .executeTakeFirst()
  return found !== undefined
}

export async function extendLeases(
  trx: Trx,
  { worker, ids, untilMs }: { worker: string; ids: readonly string[]; untilMs: number },
): Promise<Set<string>> {
  const rows = await trx
    .updateTable('job')
    .set({ lease_until_ms: untilMs })
    .where('id', 'in', ids)
    .where('worker', '=', worker)
    .where('state', '=', 'active')
    .returning('id')
    .execute()
  return new Set(rows.map((row) => row.id))
}

/** What a worker of the same name held when it died is ready again at once. */
export async function releaseJobsOf(trx: Trx, worker: string): Promise<void> {
  await trx
    .updateTable('job')
    .set({ state: 'ready', worker: null, lease_until_ms: null })
    .where('worker', '=', worker)
    .where('state', '=', 'active')
    .execute()
}

/** Changes a job that this attempt still holds; false when another attempt has it or it has ended. */
export async function updateHeldJob(
  trx: Trx,
  held: { id: string; attempt: number },
  change: Partial<JobRow>,
): Promise<boolean> {
  const row = await trx
    .updateTable('job')
    .set(change)
    .where('id', '=', held.id)
    .where('attempt', '=', held.attempt)
    .where('state', '=', 'active')
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

export async function isHeld(at: Queryable, held: { id: string; attempt: number }): Promise<boolean> {
  const row = await at
    .selectFrom('job')
    .select('id')
    .where('id', '=', held.id)
    .where('attempt', '=', held.attempt)
    .where('state', '=', 'active')
    .executeTakeFirst()
  return row !== undefined
}

/** Jobs that have not ended, those that wait for another attempt among them. */
export async function countPendingJobs(at: Queryable): Promise<number> {
  const { count } = await at
    .selectFrom('job')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('state', 'in', ['ready', 'active'])
    .executeTakeFirstOrThrow()
  return count
}

export async function insertEvent(
  trx: Trx,
  event: Pick<EventRow, 'project_id' | 'kind' | 'payload_json' | 'at_ms' | 'created_ms'>,
): Promise<void> {
  await trx.insertInto('event').values(event).execute()
}

/**
 * Events after a sequence number, in order. On PostgreSQL numbers commit out of order, so it stops below the
 * oldest transaction that is still open.
 */
export async function listEventsAfter(
  at: Queryable,
  dialect: DialectName,
  { after, limit }: { after: number; limit: number },
): Promise<EventRow[]> {
  const rows = await at
    .selectFrom('event')
    .selectAll()
    .where('seq', '>', after)
    .$if(dialect === 'postgres', (query) =>
      query.where(sql<boolean>`transaction_id::xid8 < pg_snapshot_xmin(pg_current_snapshot())`),
    )
    .orderBy('seq')
    .limit(limit)
    .execute()
  return rows
}

export async function lastEventSeq(at: Queryable): Promise<number> {
  const row = await at.selectFrom('event').select('seq').orderBy('seq', 'desc').limit(1).executeTakeFirst()
  return row?.seq ?? 0
}

export async function getCursor(at: Queryable, consumer: string): Promise<number> {
  const row = await at.selectFrom('consumer').select('seq').where('name', '=', consumer).executeTakeFirst()
  return row?.seq ?? 0
}

/** How far each consumer has come, by its name. */
export async function listCursors(at: Queryable): Promise<Map<string, number>> {
  const rows = await at.selectFrom('consumer').select(['name', 'seq']).execute()
  return new Map(rows.map(({ name, seq }) => [name, seq]))
}

/** The cursor, locked until the transaction ends: of several processes one handles an event. */
export async function lockCursor(
  trx: Trx,
  { name, nowMs }: { name: string; nowMs: number },
): Promise<number> {
  const { seq } = await trx
    .insertInto('consumer')
    .values({ name, project_id: '*', seq: 0, updated_ms: nowMs })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ updated_ms: nowMs }))
    .returning('seq')
    .executeTakeFirstOrThrow()
  return seq
}

export async function updateCursor(trx: Trx, { name, seq }: { name: string; seq: number }): Promise<void> {
  await trx.updateTable('consumer').set({ seq }).where('name', '=', name).execute()
}

/** The wall time at which domain time had come to a moment, by what happened last before it; 0 when nothing had. */
export async function findWallTimeAt(
  at: Queryable,
  { projectId, atMs }: { projectId: string; atMs: number },
): Promise<number> {
  const row = await at
    .selectFrom('event')
    .select('created_ms')
    .where('project_id', '=', projectId)
    .where('at_ms', '<=', atMs)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.created_ms ?? 0
}
