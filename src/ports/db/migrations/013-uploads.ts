import type { Kysely } from 'kysely'
import type { DialectName } from '../dialect.ts'

export async function up(db: Kysely<unknown>, _dialect: DialectName): Promise<void> {
  await db.schema
    .createTable('artifact_upload')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('path', 'text', (c) => c.notNull())
    .addColumn('parts', 'integer', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('expires_ms', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('artifact_upload_by_expiry')
    .on('artifact_upload')
    .columns(['expires_ms'])
    .execute()
  await db.schema
    .createTable('artifact_upload_part')
    .addColumn('upload_id', 'text', (c) => c.notNull())
    .addColumn('number', 'integer', (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('sha256', 'text', (c) => c.notNull())
    .addColumn('size_bytes', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('artifact_upload_part_pk', ['upload_id', 'number'])
    .execute()
  await db.schema
    .createTable('artifact_signing_key')
    .addColumn('project_id', 'text', (c) => c.primaryKey())
    .addColumn('key_hex', 'text', (c) => c.notNull())
    .execute()
}
