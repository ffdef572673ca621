import type { Kysely } from 'kysely'

/** Keys of pushes are given up when they are old. */
export async function up({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createIndex('dataset_push_created')
    .on('dataset_push')
    .columns(['dataset_id', 'created_ms'])
    .execute()
}
