import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { hashJson } from '../kernel/json.ts'
import type { Trx } from '../ports/db/db.ts'
import type { PipelinesDefinition } from '../steps/schema.ts'
import { deactivatePipelines, insertPipelineCode, upsertPipeline } from './store.ts'
import { deactivateTriggers, upsertTrigger } from './store-triggers.ts'
import type { Trigger } from '../steps/definition.ts'

export interface DeclarePipelines extends Caller {
  projectVersionId: string
  definition: PipelinesDefinition
  snapshot: string
  /** The project's `node_modules` on this machine. */
  dependencies: string | undefined
}

/** Makes a project version's pipelines, steps and triggers the current ones. A trigger that stays keeps its state. */
export async function declarePipelines(
  context: Pick<Context, 'db' | 'clock'>,
  input: DeclarePipelines,
): Promise<void> {
  const { projectId, actor, projectVersionId: subject, definition } = input
  requirePermission(actor, 'maintain', projectId)
  await context.db.write(async (trx) => {
    await declareIn(context, trx, input)
    const pipelines = definition.pipelines.map(({ name }) => name)
    await audit(trx, { projectId, actor, action: 'pipelines.declare', subject, detail: { pipelines } })
  })
}

async function declareIn(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  trx: Trx,
  { projectId, projectVersionId, definition, snapshot, dependencies }: DeclarePipelines,
): Promise<void> {
  const created_ms = await db.wallTime(trx)
  await insertPipelineCode(trx, {
    project_version_id: projectVersionId,
    project_id: projectId,
    snapshot_sha256: snapshot,
    dependencies: dependencies ?? null,
    steps_json: JSON.stringify(definition.steps),
    created_ms,
  })
  await deactivatePipelines(
    trx,
    projectId,
    definition.pipelines.map(({ name }) => name),
  )
  await deactivateTriggers(trx, projectId)
  for (const pipeline of definition.pipelines) {
    await upsertPipeline(trx, {
      project_id: projectId,
      name: pipeline.name,
      definition_json: JSON.stringify(pipeline),
      project_version_id: projectVersionId,
      active: 1,
      created_ms,
    })
    for (const trigger of pipeline.on) {
      await upsertTrigger(trx, {
        id: hashJson({ projectId, pipeline: pipeline.name, trigger }),
        project_id: projectId,
        pipeline: pipeline.name,
        kind: trigger.kind,
        subject: subjectOf(trigger),
        spec_json: JSON.stringify(trigger),
        active: 1,
        accumulated_rows: 0,
        last_tick_ms: clock.now(),
        last_started_ms: null,
        pending_json: null,
        created_ms,
      })
    }
  }
}

function subjectOf(trigger: Trigger): string {
  if (trigger.kind === 'cron') return ''
  return trigger.kind === 'new_data' ? trigger.dataset : trigger.deployment
}
