import { sql, type Kysely } from 'kysely'
import type { DialectName } from '../dialect.ts'

/** Tokens of steps are rows of their own, bound to the attempt of the job that runs the step; those of before end here. */
export async function up(db: Kysely<unknown>, _dialect: DialectName): Promise<void> {
  await sql`DELETE FROM api_token WHERE execution_id IS NOT NULL`.execute(db)
  await db.schema.dropIndex('api_token_by_execution_id').execute()
  await db.schema.alterTable('api_token').dropColumn('execution_id').execute()
  await db.schema
    .createTable('step_token')
    .addColumn('secret_hash', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('execution_id', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('run_id', 'text', (c) => c.notNull())
    .addColumn('job_id', 'text', (c) => c.notNull())
    .addColumn('job_attempt', 'integer', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('step_token_by_execution').on('step_token').column('execution_id').execute()
}
