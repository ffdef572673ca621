import { sql, type Kysely } from 'kysely'
import type { DialectName } from '../dialect.ts'

export async function up(db: Kysely<unknown>, _dialect: DialectName): Promise<void> {
  await createDeployment(db)
  await createRollout(db)
  await createCounts(db)
  await db.schema
    .createTable('desired_state_head')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('generation', 'bigint', (c) => c.notNull())
    .execute()
  await sql`INSERT INTO desired_state_head (id, project_id, generation) VALUES ('*', '*', 0)`.execute(db)
  await db.schema
    .createTable('deployed_variant')
    .addColumn('model_version_id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('variant_json', 'text', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .execute()
}

async function createDeployment(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('deployment')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('model', 'text', (c) => c.notNull())
    .addColumn('task', 'text')
    .addColumn('definition_json', 'text', (c) => c.notNull())
    .addColumn('policy_version', 'integer', (c) => c.notNull())
    .addColumn('policy_json', 'text', (c) => c.notNull())
    .addColumn('stable_version_id', 'text')
    .addColumn('stable_version', 'integer')
    .addColumn('previous_version_id', 'text')
    .addColumn('previous_version', 'integer')
    .addColumn('revision', 'integer', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addColumn('updated_ms', 'bigint', (c) => c.notNull())
    .addUniqueConstraint('deployment_name', ['project_id', 'name'])
    .execute()
}

async function createRollout(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('rollout')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('deployment', 'text', (c) => c.notNull())
    .addColumn('model', 'text', (c) => c.notNull())
    .addColumn('candidate_version_id', 'text', (c) => c.notNull())
    .addColumn('candidate_version', 'integer', (c) => c.notNull())
    .addColumn('stable_version_id', 'text', (c) => c.notNull())
    .addColumn('stable_version', 'integer', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('stage', 'integer', (c) => c.notNull())
    .addColumn('held_since_ms', 'bigint')
    .addColumn('plan_json', 'text', (c) => c.notNull())
    .addColumn('cause', 'text', (c) => c.notNull())
    .addColumn('reason', 'text')
    .addColumn('forced', 'integer', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('sentence', 'text', (c) => c.notNull())
    .addColumn('started_ms', 'bigint', (c) => c.notNull())
    .addColumn('stage_started_ms', 'bigint', (c) => c.notNull())
    .addColumn('finished_ms', 'bigint')
    .addColumn('settled_ms', 'bigint')
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addUniqueConstraint('rollout_cause', ['project_id', 'deployment', 'cause'])
    .execute()
  await db.schema
    .createIndex('rollout_by_deployment')
    .on('rollout')
    .columns(['project_id', 'deployment', 'created_ms', 'id'])
    .execute()
  await db.schema.createIndex('rollout_by_state').on('rollout').column('state').execute()
  await db.schema
    .createTable('rollout_stage')
    .addColumn('rollout_id', 'text', (c) => c.notNull())
    .addColumn('stage', 'integer', (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('mode', 'text', (c) => c.notNull())
    .addColumn('weight', 'integer', (c) => c.notNull())
    .addColumn('generation', 'bigint', (c) => c.notNull())
    .addColumn('started_ms', 'bigint', (c) => c.notNull())
    .addColumn('ended_ms', 'bigint')
    .addColumn('judgement_json', 'text')
    .addPrimaryKeyConstraint('rollout_stage_pk', ['rollout_id', 'stage'])
    .execute()
  await db.schema
    .createTable('rollout_transition')
    .addColumn('rollout_id', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('from_state', 'text', (c) => c.notNull())
    .addColumn('to_state', 'text', (c) => c.notNull())
    .addColumn('stage', 'integer', (c) => c.notNull())
    .addColumn('decision_id', 'text')
    .addColumn('sentence', 'text', (c) => c.notNull())
    .addColumn('at_ms', 'bigint', (c) => c.notNull())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('rollout_transition_pk', ['rollout_id', 'version'])
    .execute()
}

async function createCounts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('rollout_count')
    .addColumn('rollout_id', 'text', (c) => c.notNull())
    .addColumn('generation', 'bigint', (c) => c.notNull())
    .addColumn('stage', 'integer', (c) => c.notNull())
    .addColumn('variant', 'text', (c) => c.notNull())
    .addColumn('metric', 'text', (c) => c.notNull())
    .addColumn('gateway_id', 'text', (c) => c.notNull())
    .addColumn('second', 'bigint', (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('n', 'bigint', (c) => c.notNull())
    .addColumn('sum', 'double precision', (c) => c.notNull())
    .addColumn('sum_sq', 'double precision', (c) => c.notNull())
    .addPrimaryKeyConstraint('rollout_count_pk', [
      'rollout_id',
      'generation',
      'stage',
      'variant',
      'metric',
      'gateway_id',
      'second',
    ])
    .execute()
  await db.schema
    .createTable('rollout_total')
    .addColumn('rollout_id', 'text', (c) => c.notNull())
    .addColumn('stage', 'integer', (c) => c.notNull())
    .addColumn('variant', 'text', (c) => c.notNull())
    .addColumn('metric', 'text', (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('n', 'bigint', (c) => c.notNull())
    .addColumn('sum', 'double precision', (c) => c.notNull())
    .addColumn('sum_sq', 'double precision', (c) => c.notNull())
    .addPrimaryKeyConstraint('rollout_total_pk', ['rollout_id', 'stage', 'variant', 'metric'])
    .execute()
  await db.schema
    .createTable('traffic_hour')
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('deployment', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('variant', 'text', (c) => c.notNull())
    .addColumn('hour_ms', 'bigint', (c) => c.notNull())
    .addColumn('n', 'bigint', (c) => c.notNull())
    .addColumn('errors', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('traffic_hour_pk', ['project_id', 'deployment', 'version', 'variant', 'hour_ms'])
    .execute()
}
