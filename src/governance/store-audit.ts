import { sql, type Insertable } from 'kysely'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { wallTimeSql, type DialectName } from '../ports/db/dialect.ts'
import type { AuditRow, AuditTable } from './tables.ts'

/** Inserts an audit row of this moment. */
export async function insertAudit(trx: Trx, row: Omit<Insertable<AuditTable>, 'at_ms'>): Promise<void> {
  await trx
    .insertInto('audit')
    .values({ ...row, at_ms: wallTimeSql(trx) })
    .execute()
}

export interface AuditFilter {
  /** Of all projects when it is not given. */
  projectId?: string | undefined
  /** Name or id of who acted. */
  by?: string | undefined
  /** An action, or what some begin with, such as `rollout.`. */
  action?: string | undefined
  subject?: string | undefined
  /** A part of what an entry says, without regard to case (of ASCII letters, on SQLite). */
  text?: string | undefined
  fromMs?: number | undefined
  /** Up to and with this wall time. */
  toMs?: number | undefined
  limit: number
  /** The `seq` of the last entry of the page before. */
  before?: number | undefined
}

/** Newest first. */
export async function listAuditRows(at: Queryable, filter: AuditFilter): Promise<AuditRow[]> {
  const { projectId, by, action, subject, text, fromMs, toMs, before, limit } = filter
  return await at
    .selectFrom('audit')
    .selectAll()
    .$if(projectId !== undefined, (query) => query.where('project_id', '=', projectId!))
    .$if(by !== undefined, (query) =>
      query.where((eb) => eb.or([eb('actor_name', '=', by!), eb('actor_id', '=', by!)])),
    )
    .$if(action !== undefined, (query) => query.where((eb) => contains(eb.ref('action'), action!, 'start')))
    .$if(subject !== undefined, (query) => query.where('subject', '=', subject!))
    .$if(text !== undefined, (query) =>
      query.where((eb) =>
        eb.or(
          (['actor_name', 'action', 'subject', 'detail_json'] as const).map((column) =>
            contains(eb.ref(column), text!, 'anywhere'),
          ),
        ),
      ),
    )
    .$if(fromMs !== undefined, (query) => query.where('at_ms', '>=', fromMs!))
    .$if(toMs !== undefined, (query) => query.where('at_ms', '<=', toMs!))
    .$if(before !== undefined, (query) => query.where('seq', '<', before!))
    .orderBy('seq', 'desc')
    .limit(limit)
    .execute()
}

/** Whether a column holds a text as it is, `%` and `_` included. */
function contains(column: unknown, text: string, where: 'start' | 'anywhere') {
  const escaped = text.replaceAll(/[\\%_]/g, String.raw`\$&`)
  const pattern = where === 'start' ? `${escaped}%` : `%${escaped}%`
  return sql<boolean>`lower(${column}) LIKE lower(${pattern}) ESCAPE '\\'`
}

/** Audit rows without a seal, in order. On PostgreSQL the table is locked, so that no row can commit in between. */
export async function listUnsealed(trx: Trx, dialect: DialectName, limit: number): Promise<AuditRow[]> {
  if (dialect === 'postgres') await sql`LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE`.execute(trx)
  return await trx
    .selectFrom('audit')
    .selectAll()
    .where('hash', 'is', null)
    .orderBy('seq')
    .limit(limit)
    .execute()
}

export async function findLastSealed(at: Queryable): Promise<AuditRow | undefined> {
  return await at
    .selectFrom('audit')
    .selectAll()
    .where('hash', 'is not', null)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
}

export async function hasSeal(at: Queryable, hash: string): Promise<boolean> {
  const row = await at.selectFrom('audit').select('seq').where('hash', '=', hash).executeTakeFirst()
  return row !== undefined
}

export async function countSeals(at: Queryable): Promise<{ sealed: number; waiting: number }> {
  const { all, sealed } = await at
    .selectFrom('audit')
    .select(({ fn }) => [fn.countAll<number>().as('all'), fn.count<number>('hash').as('sealed')])
    .executeTakeFirstOrThrow()
  return { sealed, waiting: all - sealed }
}

/** One statement, since writers wait meanwhile. */
export async function updateSeals(trx: Trx, seals: readonly { seq: number; hash: string }[]): Promise<void> {
  if (seals.length === 0) return
  const rows = seals.map(({ seq, hash }) => sql`(cast(${seq} as bigint), ${hash})`)
  await sql`with sealed (seq, hash) as (values ${sql.join(rows)})
    update audit set hash = sealed.hash from sealed where audit.seq = sealed.seq`.execute(trx)
}

export async function listSealed(
  at: Queryable,
  { after, limit }: { after: number; limit: number },
): Promise<AuditRow[]> {
  return await at
    .selectFrom('audit')
    .selectAll()
    .where('hash', 'is not', null)
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(limit)
    .execute()
}
