import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { canonicalJson } from '../kernel/json.ts'
import { monitorSchema, type MonitorDefinition } from './definition.ts'
import { listMonitors, upsertMonitor } from './store.ts'

/** Stores what a project declares about its monitors. Monitors that are no longer declared go on judging. */
export async function declareMonitors(
  { db, ids }: Pick<Context, 'db' | 'ids'>,
  input: Caller & { monitors: readonly MonitorDefinition[] },
): Promise<void> {
  requirePermission(input.actor, 'maintain', input.projectId)
  const definitions = input.monitors.map((definition) => monitorSchema.parse(definition))
  const nowMs = await db.wallTime()
  await db.write(async (trx) => {
    const known = await listMonitors(trx, { projectId: input.projectId })
    for (const definition of definitions) {
      const same = known.find(({ name }) => name === definition.name)
      if (same && canonicalJson(same.definition) === canonicalJson(definition)) continue
      await upsertMonitor(trx, {
        id: same?.id ?? ids.uuid(),
        project_id: input.projectId,
        name: definition.name,
        deployment: definition.deployment,
        definition_json: JSON.stringify(definition),
        created_ms: nowMs,
        updated_ms: nowMs,
      })
      await audit(trx, {
        projectId: input.projectId,
        actor: input.actor,
        action: 'monitoring.declare_monitor',
        subject: definition.name,
      })
    }
  })
}
