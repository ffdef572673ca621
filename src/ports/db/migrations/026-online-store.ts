import type { Kysely } from 'kysely'

/** What the online store must know as finished: where it does not, it is another store, or has lost its data. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('feature_materialization').addColumn('online_mark', 'text').execute()
}
