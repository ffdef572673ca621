import type { Kysely } from 'kysely'
import type { DialectName } from '../dialect.ts'

/** What people say of features, how their values came online, how they are distributed, and whether served ones are what training sees. */
export async function up(db: Kysely<unknown>, _dialect: DialectName): Promise<void> {
  const { schema } = db
  await schema.alterTable('feature_definition').addColumn('about_json', 'text').execute()
  await schema
    .createTable('feature_materialization_history')
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('view', 'text', (c) => c.notNull())
    .addColumn('definition_hash', 'text', (c) => c.notNull())
    .addColumn('cursor_ms', 'bigint', (c) => c.notNull())
    .addColumn('dataset_version_id', 'text', (c) => c.notNull())
    .addColumn('at_ms', 'bigint', (c) => c.notNull())
    .addColumn('newest_event_ms', 'bigint')
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('feature_materialization_history_key', [
      'project_id',
      'view',
      'definition_hash',
      'cursor_ms',
      'dataset_version_id',
    ])
    .execute()
  await schema
    .createTable('feature_summary')
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('view', 'text', (c) => c.notNull())
    .addColumn('definition_hash', 'text', (c) => c.notNull())
    .addColumn('to_ms', 'bigint', (c) => c.notNull())
    .addColumn('from_ms', 'bigint', (c) => c.notNull())
    .addColumn('dataset_version_id', 'text', (c) => c.notNull())
    .addColumn('rows', 'bigint', (c) => c.notNull())
    .addColumn('keys', 'bigint', (c) => c.notNull())
    .addColumn('summary_json', 'text', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('feature_summary_key', ['project_id', 'view', 'definition_hash', 'to_ms'])
    .execute()
  await createSkew(db)
}

async function createSkew({ schema }: Kysely<unknown>): Promise<void> {
  const key = ['project_id', 'deployment', 'model', 'version', 'start_ms'] as const
  await schema
    .createTable('skew_window')
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('deployment', 'text', (c) => c.notNull())
    .addColumn('model', 'text', (c) => c.notNull())
    .addColumn('version', 'bigint', (c) => c.notNull())
    .addColumn('start_ms', 'bigint', (c) => c.notNull())
    .addColumn('rows', 'bigint', (c) => c.notNull())
    .addColumn('sampled', 'bigint', (c) => c.notNull())
    .addColumn('problem', 'text')
    .addColumn('at_ms', 'bigint', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('skew_window_key', [...key])
    .execute()
  await schema
    .createTable('skew_count')
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('deployment', 'text', (c) => c.notNull())
    .addColumn('model', 'text', (c) => c.notNull())
    .addColumn('version', 'bigint', (c) => c.notNull())
    .addColumn('start_ms', 'bigint', (c) => c.notNull())
    .addColumn('feature', 'text', (c) => c.notNull())
    .addColumn('source', 'text', (c) => c.notNull())
    .addColumn('checked', 'bigint', (c) => c.notNull())
    .addColumn('mismatched', 'bigint', (c) => c.notNull())
    .addColumn('late', 'bigint', (c) => c.notNull())
    .addColumn('unchecked', 'bigint', (c) => c.notNull())
    .addColumn('examples_json', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('skew_count_key', [...key, 'feature'])
    .execute()
  await schema
    .createIndex('skew_count_by_source')
    .on('skew_count')
    .columns(['project_id', 'source', 'start_ms'])
    .execute()
}
