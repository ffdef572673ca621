import { sql, type Kysely } from 'kysely'
import { hashJson } from '../../../kernel/json.ts'
import type { DialectName } from '../dialect.ts'

/** What a lineage is asked by, as columns and indexes, so that it is read in both directions without reading whole tables. */
export async function up(db: Kysely<unknown>, _dialect: DialectName): Promise<void> {
  await indexPipelines(db)
  await indexRegistry(db)
  await indexTracking(db)
  await index(db, 'rollout_by_candidate', 'rollout', 'candidate_version_id')
  await index(db, 'rollout_by_name', 'rollout', 'deployment')
  await index(db, 'rollout_by_stable', 'rollout', 'stable_version_id')
  await index(db, 'deployment_by_stable', 'deployment', 'stable_version_id')
  await index(db, 'project_version_by_snapshot', 'project_version', 'snapshot_sha256')
}

async function index(
  { schema }: Kysely<unknown>,
  name: string,
  table: string,
  column: string,
): Promise<void> {
  await schema.createIndex(name).on(table).column(column).execute()
}

async function indexPipelines(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema.alterTable('run_pin').addColumn('pinned_id', 'text').execute()
  await schema.alterTable('run_pin').addColumn('pinned_sha256', 'text').execute()
  await schema.alterTable('execution').addColumn('environment_sha256', 'text').execute()
  const pins = await sql<{ run_id: string; kind: string; name: string; value_json: string }>`
    select run_id, kind, name, value_json from run_pin`.execute(db)
  for (const { run_id, kind, name, value_json } of pins.rows) {
    const value = JSON.parse(value_json) as { id?: string; output?: { sha256: string } }
    await sql`update run_pin set pinned_id = ${value.id ?? null}, pinned_sha256 = ${value.output?.sha256 ?? null}
      where run_id = ${run_id} and kind = ${kind} and name = ${name}`.execute(db)
  }
  const executions = await sql<{ id: string; fingerprint_json: string }>`
    select id, fingerprint_json from execution`.execute(db)
  for (const { id, fingerprint_json } of executions.rows) {
    const { environment = {} } = JSON.parse(fingerprint_json) as { environment?: Record<string, string> }
    const hashes = Object.values(environment)
    if (hashes.length === 0) continue
    const hash = hashes.length === 1 ? hashes[0]! : hashJson(environment)
    await sql`update execution set environment_sha256 = ${hash} where id = ${id}`.execute(db)
  }
  await index(db, 'run_pin_by_pinned', 'run_pin', 'pinned_id')
  await index(db, 'execution_by_run', 'execution', 'run_id')
  await index(db, 'execution_by_environment', 'execution', 'environment_sha256')
  await index(db, 'execution_by_tracking_run', 'execution', 'tracking_run_id')
  await index(db, 'pipeline_run_by_tracking_run', 'pipeline_run', 'tracking_run_id')
  await index(db, 'pipeline_run_by_snapshot', 'pipeline_run', 'snapshot_sha256')
}

async function indexRegistry(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema.alterTable('model_version').addColumn('feature_service_id', 'text').execute()
  await schema
    .createTable('served_view')
    .addColumn('service_id', 'text', (c) => c.notNull())
    .addColumn('view_id', 'text', (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('served_view_pk', ['service_id', 'view_id', 'project_id'])
    .execute()
  const versions = await sql<{ id: string; project_id: string; feature_service_json: string }>`
    select id, project_id, feature_service_json from model_version where feature_service_json is not null`.execute(
    db,
  )
  for (const { id, project_id, feature_service_json } of versions.rows) {
    const { name, spec } = JSON.parse(feature_service_json) as {
      name: string
      spec: { views?: { view: string; definitionHash: string }[] }
    }
    const service = `${name}@${hashJson(spec).slice(0, 16)}`
    await sql`update model_version set feature_service_id = ${service} where id = ${id}`.execute(db)
    for (const { view, definitionHash } of spec.views ?? [])
      await sql`insert into served_view (service_id, view_id, project_id)
        values (${service}, ${`${view}@${definitionHash}`}, ${project_id}) on conflict do nothing`.execute(db)
  }
  await index(db, 'served_view_by_view', 'served_view', 'view_id')
  for (const column of [
    'feature_service_id',
    'logged_model_id',
    'pipeline_run_id',
    'execution_id',
    'code_snapshot',
  ])
    await index(db, `model_version_by_${column}`, 'model_version', column)
}

async function indexTracking(db: Kysely<unknown>): Promise<void> {
  await index(db, 'run_model_by_model', 'run_model', 'logged_model_id')
  await index(db, 'logged_model_by_run', 'logged_model', 'source_run_id')
  // Of a run's tags only the commit is looked for across experiments.
  await sql`CREATE INDEX run_tag_by_commit ON run_tag (('git:' || substr(value, 1, 64)))
    WHERE key = 'mlflow.source.git.commit'`.execute(db)
  await sql`CREATE INDEX run_dataset_by_identity ON run_dataset ((name || '@' || digest))`.execute(db)
}
