import type { Kysely } from 'kysely'

/** What each check said, over time, and what each delivery was like. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('check_result')
    .addColumn('report_id', 'text', (c) => c.notNull())
    .addColumn('check_key', 'text', (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('dataset_id', 'text', (c) => c.notNull())
    .addColumn('check_kind', 'text', (c) => c.notNull())
    .addColumn('title', 'text', (c) => c.notNull())
    .addColumn('severity', 'text', (c) => c.notNull())
    .addColumn('passed', 'integer', (c) => c.notNull())
    .addColumn('message', 'text', (c) => c.notNull())
    .addColumn('files', 'bigint', (c) => c.notNull())
    .addColumn('rows', 'bigint', (c) => c.notNull())
    .addColumn('failing', 'bigint')
    .addColumn('observed_min', 'double precision')
    .addColumn('observed_max', 'double precision')
    .addColumn('expected_min', 'double precision')
    .addColumn('expected_max', 'double precision')
    .addColumn('version_number', 'bigint')
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('check_result_pk', ['report_id', 'check_key'])
    .execute()
  await db.schema
    .createIndex('check_result_by_dataset')
    .on('check_result')
    .columns(['dataset_id', 'report_id'])
    .execute()
  await db.schema
    .createTable('dataset_delivery')
    .addColumn('dataset_id', 'text', (c) => c.notNull())
    .addColumn('version_number', 'bigint', (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('rows', 'bigint', (c) => c.notNull())
    .addColumn('newest_ms', 'bigint')
    .addColumn('arrived_ms', 'bigint', (c) => c.notNull())
    .addColumn('columns_json', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('dataset_delivery_pk', ['dataset_id', 'version_number'])
    .execute()
}
