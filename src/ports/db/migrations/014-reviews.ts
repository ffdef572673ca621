import type { Kysely } from 'kysely'
import type { DialectName } from '../dialect.ts'

export async function up(db: Kysely<unknown>, _dialect: DialectName): Promise<void> {
  await createTalk(db)
  await createPromotions(db)
  await createCards(db)
  await db.schema.alterTable('registered_model').addColumn('owner', 'text').execute()
  await db.schema.alterTable('model_alias').addColumn('set_by', 'text').execute()
  await db.schema.alterTable('model_alias').addColumn('promotion_id', 'text').execute()
  await db.schema.alterTable('rollout').addColumn('promotion_id', 'text').execute()
}

async function createTalk(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('comment')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('subject_type', 'text', (c) => c.notNull())
    .addColumn('subject_id', 'text', (c) => c.notNull())
    .addColumn('author_id', 'text', (c) => c.notNull())
    .addColumn('author_name', 'text', (c) => c.notNull())
    .addColumn('body', 'text', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addColumn('edited_ms', 'bigint')
    .addColumn('deleted_ms', 'bigint')
    .execute()
  await db.schema
    .createIndex('comment_by_subject')
    .on('comment')
    .columns(['project_id', 'subject_type', 'subject_id', 'id'])
    .execute()
  await db.schema
    .createTable('review')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('subject_type', 'text', (c) => c.notNull())
    .addColumn('subject_id', 'text', (c) => c.notNull())
    .addColumn('reviewer_id', 'text', (c) => c.notNull())
    .addColumn('reviewer_name', 'text', (c) => c.notNull())
    .addColumn('reviewer_role', 'text', (c) => c.notNull())
    .addColumn('is_owner', 'integer', (c) => c.notNull())
    .addColumn('verdict', 'text', (c) => c.notNull())
    .addColumn('body', 'text', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('review_by_subject')
    .on('review')
    .columns(['project_id', 'subject_type', 'subject_id', 'id'])
    .execute()
}

async function createPromotions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('alias_protection')
    .addColumn('model_id', 'text', (c) => c.notNull())
    .addColumn('alias', 'text', (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('policy_json', 'text', (c) => c.notNull())
    .addColumn('declared', 'integer', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addColumn('updated_ms', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('alias_protection_pk', ['model_id', 'alias'])
    .execute()
  await db.schema
    .createTable('promotion')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('model_id', 'text', (c) => c.notNull())
    .addColumn('alias', 'text', (c) => c.notNull())
    .addColumn('model_version_id', 'text', (c) => c.notNull())
    .addColumn('version', 'bigint', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('holder_version', 'bigint')
    .addColumn('holder_digest', 'text')
    .addColumn('reason', 'text', (c) => c.notNull())
    .addColumn('author_id', 'text', (c) => c.notNull())
    .addColumn('author_name', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('open_key', 'text', (c) => c.unique())
    .addColumn('evidence_json', 'text', (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addColumn('finished_by', 'text')
    .addColumn('sentence', 'text')
    .addColumn('finished_ms', 'bigint')
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addColumn('updated_ms', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('promotion_by_state')
    .on('promotion')
    .columns(['project_id', 'state', 'id'])
    .execute()
  await db.schema
    .createIndex('promotion_by_model')
    .on('promotion')
    .columns(['model_id', 'alias', 'id'])
    .execute()
}

async function createCards(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('model_card')
    .addColumn('model_version_id', 'text', (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('sections_json', 'text', (c) => c.notNull())
    .addColumn('author_id', 'text', (c) => c.notNull())
    .addColumn('author_name', 'text', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('model_card_pk', ['model_version_id', 'revision'])
    .execute()
}
