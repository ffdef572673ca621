import { sql, type Kysely } from 'kysely'

/** A logged model has a point of a metric for each step and time, as a run has; before, each took the place of the last. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('logged_model_point')
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
    .addPrimaryKeyConstraint('logged_model_point_pk', [
      'logged_model_id',
      'key',
      'step',
      'timestamp_ms',
      'run_id',
      'dataset_name',
      'dataset_digest',
    ])
    .execute()
  const columns = sql.raw(
    'logged_model_id, key, dataset_name, dataset_digest, run_id, project_id, step, timestamp_ms, value, is_nan',
  )
  await sql`insert into logged_model_point (${columns}) select ${columns} from logged_model_metric`.execute(
    db,
  )
  await db.schema.dropTable('logged_model_metric').execute()
  await db.schema.alterTable('logged_model_point').renameTo('logged_model_metric').execute()
}
