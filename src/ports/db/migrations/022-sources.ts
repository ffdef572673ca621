import type { Kysely } from 'kysely'
import type { DialectName } from '../dialect.ts'

export async function up(db: Kysely<unknown>, _dialect: DialectName): Promise<void> {
  const { schema } = db
  await schema.alterTable('dataset_version').addColumn('source_cursor', 'text').execute()
  await schema
    .alterTable('dataset_version')
    .addColumn('late_rows', 'bigint', (c) => c.notNull().defaultTo(0))
    .execute()
  await schema.alterTable('dataset_file').addColumn('tag', 'text').execute()
  await schema
    .createTable('dataset_source')
    .addColumn('dataset_id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('source_hash', 'text', (c) => c.notNull())
    .addColumn('cursor', 'text')
    .addColumn('columns_json', 'text')
    .addColumn('failures', 'integer', (c) => c.notNull())
    .addColumn('error', 'text')
    .addColumn('retry_at_ms', 'bigint')
    .execute()
  await createChanges(db)
  await createPushes(db)
}

async function createChanges({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('dataset_change')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('dataset_id', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('actor_id', 'text', (c) => c.notNull())
    .addColumn('actor_name', 'text', (c) => c.notNull())
    .addColumn('cursor_before', 'text')
    .addColumn('cursor_after', 'text')
    .addColumn('items_json', 'text', (c) => c.notNull())
    .addColumn('schema_change_json', 'text')
    .addColumn('version_id', 'text')
    .addColumn('report_id', 'text')
    .addColumn('rows', 'bigint', (c) => c.notNull())
    .addColumn('late_rows', 'bigint', (c) => c.notNull())
    .addColumn('error', 'text')
    .addColumn('times', 'integer', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addColumn('updated_ms', 'bigint', (c) => c.notNull())
    .execute()
  await schema
    .createIndex('dataset_change_by_dataset')
    .on('dataset_change')
    .columns(['dataset_id', 'id'])
    .execute()
}

async function createPushes({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('dataset_push')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('dataset_id', 'text', (c) => c.notNull())
    .addColumn('key', 'text', (c) => c.notNull())
    .addColumn('content_hash', 'text', (c) => c.notNull())
    .addColumn('sha256', 'text', (c) => c.notNull())
    .addColumn('size_bytes', 'bigint', (c) => c.notNull())
    .addColumn('rows', 'bigint', (c) => c.notNull())
    .addColumn('version_id', 'text')
    .addColumn('actor_id', 'text', (c) => c.notNull())
    .addColumn('actor_name', 'text', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addUniqueConstraint('dataset_push_key', ['dataset_id', 'key'])
    .execute()
  await schema
    .createIndex('dataset_push_pending')
    .on('dataset_push')
    .columns(['dataset_id', 'version_id', 'id'])
    .execute()
}
