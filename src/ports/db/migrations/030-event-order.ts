import { sql, type Kysely } from 'kysely'
import type { DialectName } from '../dialect.ts'

/** Events are read in the order of their transactions, so a cursor names the transaction too. */
export async function up(db: Kysely<unknown>, dialect: DialectName): Promise<void> {
  await db.schema
    .alterTable('consumer')
    .addColumn('transaction_id', 'bigint', (c) => c.notNull().defaultTo(0))
    .execute()
  if (dialect !== 'postgres') return
  await sql`create index event_by_transaction on event ((transaction_id::bigint), seq)`.execute(db)
  await sql`update consumer c set transaction_id = e.transaction_id::bigint from event e where e.seq = c.seq`.execute(
    db,
  )
}
