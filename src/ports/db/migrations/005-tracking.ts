import { sql, type Kysely } from 'kysely'
import type { DialectName } from '../dialect.ts'

export async function up(db: Kysely<unknown>, dialect: DialectName): Promise<void> {
  await createExperiments(db)
  await createRuns(db)
  await createParamsAndTags(db)
  await createMetrics(db, dialect)
  await createInputs(db)
  await createLoggedModels(db)
  await db.schema
    .createTable('artifact_file')
    .addColumn('project_id', 'text', (c) => c.notNull())
    // Directories are ranges of paths, so that paths must sort by code point on PostgreSQL too.
    .addColumn('path', dialect === 'postgres' ? sql`text COLLATE "C"` : 'text', (c) => c.notNull())
    .addColumn('sha256', 'text', (c) => c.notNull())
    .addColumn('size_bytes', 'bigint', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('artifact_file_pk', ['project_id', 'path'])
    .execute()
  await db.schema.createIndex('artifact_file_sha256').on('artifact_file').column('sha256').execute()
}

async function createExperiments(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('experiment')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('is_default', 'integer', (c) => c.notNull())
    .addColumn('artifact_location', 'text', (c) => c.notNull())
    .addColumn('lifecycle', 'text', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addColumn('updated_ms', 'bigint', (c) => c.notNull())
    .addUniqueConstraint('experiment_name', ['project_id', 'name'])
    .execute()
  await db.schema
    .createIndex('experiment_by_time')
    .on('experiment')
    .columns(['project_id', 'created_ms', 'id'])
    .execute()
  await db.schema
    .createTable('experiment_counter')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('value', 'bigint', (c) => c.notNull())
    .execute()
  await sql`INSERT INTO experiment_counter (id, project_id, value) VALUES ('experiment', '*', 0)`.execute(db)
  await db.schema
    .createTable('experiment_tag')
    .addColumn('experiment_id', 'text', (c) => c.notNull())
    .addColumn('key', 'text', (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('value', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('experiment_tag_pk', ['experiment_id', 'key'])
    .execute()
}

async function createRuns(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('run')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('experiment_id', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('user_id', 'text', (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('start_ms', 'bigint', (c) => c.notNull())
    .addColumn('end_ms', 'bigint')
    .addColumn('artifact_uri', 'text', (c) => c.notNull())
    .addColumn('parent_run_id', 'text')
    .addColumn('lifecycle', 'text', (c) => c.notNull())
    .addColumn('deleted_ms', 'bigint')
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addColumn('announced_ms', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('run_by_start')
    .on('run')
    .columns(['experiment_id', 'lifecycle', 'start_ms', 'id'])
    .execute()
  await db.schema.createIndex('run_by_parent').on('run').columns(['parent_run_id', 'start_ms']).execute()
}

/** `experiment_id` is repeated beside the keys, so that a filter walks one index inside an experiment. */
async function createParamsAndTags(db: Kysely<unknown>): Promise<void> {
  for (const table of ['run_param', 'run_tag']) {
    await db.schema
      .createTable(table)
      .addColumn('run_id', 'text', (c) => c.notNull())
      .addColumn('key', 'text', (c) => c.notNull())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('experiment_id', 'text', (c) => c.notNull())
      .addColumn('value', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint(`${table}_pk`, ['run_id', 'key'])
      .execute()
    // A PostgreSQL index entry holds at most 2,704 bytes, a value up to 8,000 characters.
    await sql`CREATE INDEX ${sql.raw(`${table}_by_value`)} ON ${sql.table(table)} (experiment_id, key, substr(value, 1, 64))`.execute(
      db,
    )
  }
}

async function createMetrics(db: Kysely<unknown>, dialect: DialectName): Promise<void> {
  await db.schema
    .createTable('run_metric')
    .addColumn('run_id', 'text', (c) => c.notNull())
    .addColumn('key', 'text', (c) => c.notNull())
    .addColumn('timestamp_ms', 'bigint', (c) => c.notNull())
    .addColumn('step', 'bigint', (c) => c.notNull())
    .addColumn('value', 'double precision', (c) => c.notNull())
    .addColumn('is_nan', 'integer', (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('run_metric_pk', ['run_id', 'key', 'timestamp_ms', 'step', 'value', 'is_nan'])
    .modifyEnd(sql.raw(dialect === 'sqlite' ? 'WITHOUT ROWID' : ''))
    .execute()
  await db.schema
    .createTable('run_metric_latest')
    .addColumn('run_id', 'text', (c) => c.notNull())
    .addColumn('key', 'text', (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('experiment_id', 'text', (c) => c.notNull())
    .addColumn('step', 'bigint', (c) => c.notNull())
    .addColumn('timestamp_ms', 'bigint', (c) => c.notNull())
    .addColumn('value', 'double precision', (c) => c.notNull())
    .addColumn('is_nan', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('run_metric_latest_pk', ['run_id', 'key'])
    .execute()
  await db.schema
    .createIndex('run_metric_latest_by_value')
    .on('run_metric_latest')
    .columns(['experiment_id', 'key', 'is_nan', 'value', 'run_id'])
    .execute()
}

async function createInputs(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('run_dataset')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('experiment_id', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('source_type', 'text', (c) => c.notNull())
    .addColumn('source', 'text', (c) => c.notNull())
    .addColumn('schema', 'text')
    .addColumn('profile', 'text')
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addUniqueConstraint('run_dataset_digest', ['experiment_id', 'name', 'digest'])
    .execute()
  await db.schema
    .createTable('run_input')
    .addColumn('run_id', 'text', (c) => c.notNull())
    .addColumn('dataset_id', 'text', (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('context', 'text')
    .addColumn('tags_json', 'text', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('run_input_pk', ['run_id', 'dataset_id'])
    .execute()
  await db.schema.createIndex('run_input_by_dataset').on('run_input').column('dataset_id').execute()
  await db.schema
    .createTable('run_model')
    .addColumn('run_id', 'text', (c) => c.notNull())
    .addColumn('direction', 'text', (c) => c.notNull())
    .addColumn('logged_model_id', 'text', (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('step', 'bigint', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('run_model_pk', ['run_id', 'direction', 'logged_model_id'])
    .execute()
}

async function createLoggedModels(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('logged_model')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('experiment_id', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('model_type', 'text')
    .addColumn('source_run_id', 'text')
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('artifact_uri', 'text', (c) => c.notNull())
    .addColumn('lifecycle', 'text', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addColumn('updated_ms', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('logged_model_by_time')
    .on('logged_model')
    .columns(['experiment_id', 'created_ms', 'id'])
    .execute()
  for (const table of ['logged_model_param', 'logged_model_tag'])
    await db.schema
      .createTable(table)
      .addColumn('logged_model_id', 'text', (c) => c.notNull())
      .addColumn('key', 'text', (c) => c.notNull())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('value', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint(`${table}_pk`, ['logged_model_id', 'key'])
      .execute()
  await db.schema
    .createTable('logged_model_metric')
    .addColumn('logged_model_id', 'text', (c) => c.notNull())
    .addColumn('key', 'text', (c) => c.notNull())
    .addColumn('dataset_name', 'text', (c) => c.notNull())
    .addColumn('dataset_digest', 'text', (c) => c.notNull())
    .addColumn('run_id', 'text', (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('step', 'bigint', (c) => c.notNull())
    .addColumn('timestamp_ms', 'bigint', (c) => c.notNull())
    .addColumn('value', 'double precision', (c) => c.notNull())
    .addColumn('is_nan', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('logged_model_metric_pk', [
      'logged_model_id',
      'key',
      'dataset_name',
      'dataset_digest',
      'run_id',
    ])
    .execute()
}
