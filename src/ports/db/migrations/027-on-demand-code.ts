import type { Kysely } from 'kysely'
import type { DialectName } from '../dialect.ts'

/** Where gateways find the code of the on-demand features that a project declares. */
export async function up(db: Kysely<unknown>, _dialect: DialectName): Promise<void> {
  await db.schema.alterTable('feature_definition').addColumn('code_snapshot', 'text').execute()
}
