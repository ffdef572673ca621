import { sql, type RawBuilder, type SqlBool } from 'kysely'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { dialectOf, differences, type DialectName } from '../ports/db/dialect.ts'
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

/** Whether an attempt holds its job; then no other attempt takes it until the transaction has ended. */
export async function isHeld(trx: Trx, held: { id: string; attempt: number }): Promise<boolean> {
  const row = await trx
    .selectFrom('job')
    .select('id')
    .where('id', '=', held.id)
    .where('attempt', '=', held.attempt)
    .where('state', '=', 'active')
    // A claim skips the row meanwhile; a heartbeat does not wait for it.
    .$if(differences[dialectOf(trx)].skipLocked, (query) => query.forKeyShare())
    .executeTakeFirst()
  return row !== undefined
}

/** Whether an attempt holds its job now: it may believe so longer than it is true. */
export async function holdsLease(
  at: Queryable,
  held: { id: string; attempt: number },
  nowMs: number,
): Promise<boolean> {
  const row = await at
    .selectFrom('job')
    .select('id')
    .where('id', '=', held.id)
    .where('attempt', '=', held.attempt)
    .where('state', '=', 'active')
    .where('lease_until_ms', '>=', nowMs)
    .executeTakeFirst()
  return row !== undefined
}

/** Jobs that have not ended, those that wait for another attempt among them. */
export async function listJobStates(
  at: Queryable,
  ids: readonly string[],
): Promise<Pick<JobRow, 'id' | 'state' | 'error'>[]> {
  if (ids.length === 0) return []
  return await at.selectFrom('job').select(['id', 'state', 'error']).where('id', 'in', ids).execute()
}

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
 * A place in the order of events: the transaction that wrote one (0 on SQLite), then its sequence number. On PostgreSQL numbers are
 * drawn in another order than transactions end in; ordered by transactions, none can appear below what was read.
 */
export interface EventPosition {
  transaction: number
  seq: number
}

export const START: EventPosition = { transaction: 0, seq: 0 }

export function positionOf({ transaction_id, seq }: Pick<EventRow, 'transaction_id' | 'seq'>): EventPosition {
  return { transaction: Number(transaction_id), seq }
}

export function isBefore(a: EventPosition, b: EventPosition): boolean {
  return a.transaction === b.transaction ? a.seq < b.seq : a.transaction < b.transaction
}

const TRANSACTION = sql<number>`transaction_id::bigint`

function afterPosition({ transaction, seq }: EventPosition, dialect: DialectName): RawBuilder<SqlBool> {
  return dialect === 'sqlite'
    ? sql<SqlBool>`seq > ${seq}`
    : sql<SqlBool>`(${TRANSACTION}, seq) > (${transaction}::bigint, ${seq}::bigint)`
}

/** Events after a position, in order; on PostgreSQL those of transactions below the oldest that is still open. */
export async function listEventsAfter(
  at: Queryable,
  dialect: DialectName,
  { after, limit }: { after: EventPosition; limit: number },
): Promise<EventRow[]> {
  return await at
    .selectFrom('event')
    .selectAll()
    .where(afterPosition(after, dialect))
    .$if(dialect === 'postgres', (query) =>
      query
        .where(sql<boolean>`${TRANSACTION} < pg_snapshot_xmin(pg_current_snapshot())::text::bigint`)
        .orderBy(TRANSACTION),
    )
    .orderBy('seq')
    .limit(limit)
    .execute()
}

/** How many events of these kinds came after a position. */
export async function countEventsAfter(
  at: Queryable,
  dialect: DialectName,
  { after, kinds }: { after: EventPosition; kinds: readonly string[] },
): Promise<number> {
  const { count } = await at
    .selectFrom('event')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where(afterPosition(after, dialect))
    .where('kind', 'in', kinds)
    .executeTakeFirstOrThrow()
  return count
}

export async function lastEventPosition(at: Queryable, dialect: DialectName): Promise<EventPosition> {
  const row = await at
    .selectFrom('event')
    .select(['transaction_id', 'seq'])
    .$if(dialect === 'postgres', (query) => query.orderBy(TRANSACTION, 'desc'))
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row ? positionOf(row) : START
}

/** How far each consumer has come, by its name. */
export async function listCursors(at: Queryable): Promise<Map<string, EventPosition>> {
  const rows = await at.selectFrom('consumer').select(['name', 'transaction_id', 'seq']).execute()
  return new Map(rows.map(({ name, transaction_id, seq }) => [name, { transaction: transaction_id, seq }]))
}

/** The cursor, locked until the transaction ends: of several processes one handles an event. */
export async function lockCursor(
  trx: Trx,
  { name, nowMs }: { name: string; nowMs: number },
): Promise<EventPosition> {
  const { seq, transaction_id } = await trx
    .insertInto('consumer')
    .values({ name, project_id: '*', seq: 0, updated_ms: nowMs })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ updated_ms: nowMs }))
    .returning(['seq', 'transaction_id'])
    .executeTakeFirstOrThrow()
  return { transaction: transaction_id, seq }
}

export async function updateCursor(
  trx: Trx,
  name: string,
  { transaction, seq }: EventPosition,
): Promise<void> {
  await trx
    .updateTable('consumer')
    .set({ seq, transaction_id: transaction })
    .where('name', '=', name)
    .execute()
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
