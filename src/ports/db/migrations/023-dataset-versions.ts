import type { Kysely } from 'kysely'

/** Who made a version and why; when retention took its rows; which version a benchmark was made of. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  for (const column of ['actor_id', 'actor_name', 'cause_kind', 'cause_reference', 'deleted_why'])
    await schema.alterTable('dataset_version').addColumn(column, 'text').execute()
  for (const column of ['deleted_ms', 'released_ms'])
    await schema.alterTable('dataset_version').addColumn(column, 'bigint').execute()
  await schema.alterTable('benchmark').addColumn('dataset_version_id', 'text').execute()
}
