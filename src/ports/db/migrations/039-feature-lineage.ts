import { sql, type Kysely } from 'kysely'
import type { DialectName } from '../dialect.ts'

/** From which version of a dataset a view was brought online, read in both directions. */
export async function up(db: Kysely<unknown>, _dialect: DialectName): Promise<void> {
  await db.schema
    .createIndex('feature_materialization_by_version')
    .on('feature_materialization')
    .column('dataset_version_id')
    .execute()
  await sql`CREATE INDEX feature_materialization_by_view ON feature_materialization ((view || '@' || definition_hash))`.execute(
    db,
  )
}
