import type { Kysely } from 'kysely'
import type { DialectName } from '../dialect.ts'

/** The newest decisions of one kind, however many of others there are. Nothing is asked by time alone: ids ascend with it. */
export async function up(db: Kysely<unknown>, _dialect: DialectName): Promise<void> {
  await db.schema.dropIndex('decision_by_time').execute()
  await db.schema
    .createIndex('decision_by_kind')
    .on('decision')
    .columns(['project_id', 'kind', 'id'])
    .execute()
}
