import type { Kysely } from 'kysely'
import { bytes, type DialectName } from '../dialect.ts'

export async function up(db: Kysely<unknown>, dialect: DialectName): Promise<void> {
  await createMonitors(db)
  await createWindows(db, dialect)
  await createLabels(db)
  await createAlerts(db, dialect)
}

async function createMonitors(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('monitor')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('deployment', 'text', (c) => c.notNull())
    .addColumn('definition_json', 'text', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addColumn('updated_ms', 'bigint', (c) => c.notNull())
    .addUniqueConstraint('monitor_name', ['project_id', 'name'])
    .execute()
  await db.schema
    .createTable('monitor_judgement')
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('deployment', 'text', (c) => c.notNull())
    .addColumn('monitor', 'text', (c) => c.notNull())
    .addColumn('grain', 'text', (c) => c.notNull())
    .addColumn('start_ms', 'bigint', (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addColumn('verdict', 'text', (c) => c.notNull())
    .addColumn('numbers_json', 'text', (c) => c.notNull())
    .addColumn('at_ms', 'bigint', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('monitor_judgement_pk', [
      'project_id',
      'deployment',
      'monitor',
      'grain',
      'start_ms',
      'revision',
    ])
    .execute()
}

async function createWindows(db: Kysely<unknown>, dialect: DialectName): Promise<void> {
  await db.schema
    .createTable('monitored_segment')
    .addColumn('segment_id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('rows', 'bigint', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('profile_window')
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('deployment', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('variant', 'text', (c) => c.notNull())
    .addColumn('slice', 'text', (c) => c.notNull())
    .addColumn('grain', 'text', (c) => c.notNull())
    .addColumn('start_ms', 'bigint', (c) => c.notNull())
    .addColumn('layout_sha256', 'text', (c) => c.notNull())
    .addColumn('rows', 'bigint', (c) => c.notNull())
    .addColumn('labelled', 'bigint', (c) => c.notNull())
    .addColumn('label_sum', 'double precision', (c) => c.notNull())
    .addColumn('loss_sum', 'double precision', (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addColumn('profile', bytes(dialect) as never, (c) => c.notNull())
    .addPrimaryKeyConstraint('profile_window_pk', [
      'project_id',
      'deployment',
      'version',
      'variant',
      'slice',
      'grain',
      'start_ms',
    ])
    .execute()
  await db.schema
    .createIndex('profile_window_by_time')
    .on('profile_window')
    .columns(['project_id', 'deployment', 'grain', 'start_ms'])
    .execute()
  await db.schema
    .createTable('entity_health')
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('deployment', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('source', 'text', (c) => c.notNull())
    .addColumn('hour_ms', 'bigint', (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addColumn('cells_json', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('entity_health_pk', ['project_id', 'deployment', 'version', 'source', 'hour_ms'])
    .execute()
}

async function createLabels(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('label_join')
    .addColumn('segment_id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('parquet_sha256', 'text')
    .addColumn('matched', 'bigint', (c) => c.notNull())
    .addColumn('revised', 'bigint', (c) => c.notNull())
    .addColumn('pending', 'bigint', (c) => c.notNull())
    .addColumn('from_ms', 'bigint')
    .addColumn('to_ms', 'bigint')
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('label_join_by_time')
    .on('label_join')
    .columns(['project_id', 'to_ms'])
    .execute()
  await db.schema
    .createTable('label_pending')
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('feedback_id', 'text', (c) => c.notNull())
    .addColumn('prediction_id', 'text', (c) => c.notNull())
    .addColumn('label_json', 'text', (c) => c.notNull())
    .addColumn('label_time_ms', 'bigint', (c) => c.notNull())
    .addColumn('received_ms', 'bigint', (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addColumn('segment_id', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('label_pending_pk', ['project_id', 'feedback_id'])
    .execute()
  await db.schema
    .createTable('label_join_state')
    .addColumn('project_id', 'text', (c) => c.primaryKey())
    .addColumn('version', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('label_delay')
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('deployment', 'text', (c) => c.notNull())
    .addColumn('day_ms', 'bigint', (c) => c.notNull())
    .addColumn('counts_json', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('label_delay_pk', ['project_id', 'deployment', 'day_ms'])
    .execute()
}

async function createAlerts(db: Kysely<unknown>, dialect: DialectName): Promise<void> {
  await db.schema
    .createTable('alert')
    .addColumn('seq', dialect === 'postgres' ? 'bigserial' : 'integer', (c) =>
      dialect === 'postgres' ? c.primaryKey() : c.primaryKey().autoIncrement(),
    )
    .addColumn('id', 'text', (c) => c.notNull().unique())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('deployment', 'text', (c) => c.notNull())
    .addColumn('monitor', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('subject', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('open_key', 'text', (c) => c.unique())
    .addColumn('blocks_training', 'integer', (c) => c.notNull())
    .addColumn('sentence', 'text', (c) => c.notNull())
    .addColumn('causes_json', 'text', (c) => c.notNull())
    .addColumn('window_ms', 'bigint', (c) => c.notNull())
    .addColumn('decision_id', 'text', (c) => c.notNull())
    .addColumn('raised_ms', 'bigint', (c) => c.notNull())
    .addColumn('cleared_ms', 'bigint')
    .addColumn('cleared_sentence', 'text')
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('alert_by_deployment')
    .on('alert')
    .columns(['project_id', 'deployment', 'seq'])
    .execute()
}
