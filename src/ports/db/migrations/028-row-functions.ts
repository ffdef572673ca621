import type { Kysely } from 'kysely'
import type { DialectName } from '../dialect.ts'

/** Where workers find the code of feature views that are computed by a function. */
export async function up(db: Kysely<unknown>, _dialect: DialectName): Promise<void> {
  await db.schema.alterTable('feature_view').addColumn('code_snapshot', 'text').execute()
}
