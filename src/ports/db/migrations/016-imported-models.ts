import type { Kysely } from 'kysely'
import type { DialectName } from '../dialect.ts'

export async function up(db: Kysely<unknown>, _dialect: DialectName): Promise<void> {
  for (const column of ['import_json', 'problem', 'python_json'])
    await db.schema.alterTable('model_version').addColumn(column, 'text').execute()
  await db.schema
    .createTable('upload')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('sha256', 'text', (c) => c.notNull())
    .addColumn('size_bytes', 'bigint', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('upload_age').on('upload').column('created_ms').execute()
}
