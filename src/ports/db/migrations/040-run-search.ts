import { sql, type Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // The runs of many experiments in the order of a metric: the experiment is there so that others are passed over without a look at the run.
  await db.schema
    .createIndex('run_metric_latest_by_project')
    .on('run_metric_latest')
    .columns(['project_id', 'key', 'is_nan', 'value', 'run_id', 'experiment_id'])
    .execute()
  // Most runs have no parent: without them the index tells how few children a run has.
  await db.schema.dropIndex('run_by_parent').execute()
  await sql`CREATE INDEX run_by_parent ON run (parent_run_id, start_ms) WHERE parent_run_id IS NOT NULL`.execute(
    db,
  )
}
