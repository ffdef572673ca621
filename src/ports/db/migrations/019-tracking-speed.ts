import { sql, type Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // For pictures of long histories: few entries, so that logging pays little for it.
  await sql`CREATE INDEX run_metric_sparse ON run_metric (run_id, key, step) WHERE step % 64 = 0`.execute(db)
}
