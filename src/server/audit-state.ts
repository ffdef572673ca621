import { z } from 'zod'
import { listDecisions, searchAudit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { route } from '../http/route.ts'
import { findWallTimeAt } from '../jobs/events.ts'
import type { Caller } from '../kernel/actor.ts'
import { listAliasesAt } from '../registry/registry.ts'
import { listServedAt, type ServedAt } from '../rollout/rollout.ts'
import { auditState, type AuditState } from './schema.ts'

export const auditStateRoutes = [
  route({
    method: 'GET',
    path: '/audit/state',
    summary:
      'What was served and where aliases pointed at a moment, who put it there, since when, by which decision',
    permission: 'maintain',
    query: z.strictObject({ atMs: z.coerce.number().int().describe('domain time') }),
    response: auditState,
    handle: ({ context, actor, projectId, query }) => getAuditState(context, { actor, projectId, ...query }),
  }),
]

async function getAuditState(
  context: Context,
  { atMs, ...caller }: Caller & { atMs: number },
): Promise<AuditState> {
  const { projectId } = caller
  const wallMs = context.config.replay ? await findWallTimeAt(context.db.read, { projectId, atMs }) : atMs
  const served = await listServedAt(context, { projectId, wallMs })
  return {
    atMs,
    wallMs,
    deployments: await Promise.all(served.map(async (each) => explain(context, caller, each))),
    aliases: await listAliasesAt(context, { ...caller, wallMs }),
  }
}

/** The audit row and the document are written in one transaction, whose clock was read before. */
const NEAR_MS = 60_000

async function explain(context: Context, caller: Caller, { generation, ...served }: ServedAt) {
  const { sinceMs } = served
  const near = { fromMs: sinceMs - NEAR_MS, toMs: sinceMs + NEAR_MS, limit: 1000 }
  const entries = await searchAudit(context, { ...caller, ...near, action: 'rollout.' })
  const by = entries.find(
    ({ detail, subject }) =>
      detail['generation'] === generation && subject.startsWith(`${served.deployment} `),
  )
  const decision = await decisionOf(context, caller.projectId, {
    deployment: served.deployment,
    generation,
    rolloutId: by?.detail['rolloutId'],
  })
  return {
    ...served,
    by: by ? { seq: by.seq, actor: by.actor, sentence: by.sentence, atMs: by.atMs } : null,
    decision: decision ? { id: decision.id, sentence: decision.sentence, atMs: decision.atMs } : null,
  }
}

async function decisionOf(
  context: Context,
  projectId: string,
  { deployment, generation, rolloutId }: { deployment: string; generation: number; rolloutId: unknown },
) {
  if (typeof rolloutId === 'string') {
    const subject = { subjectType: 'rollout', subjectId: rolloutId }
    const decisions = await listDecisions(context, { projectId, ...subject, limit: 100 })
    return decisions.find(({ verdict }) => verdict === 'promote')
  }
  const subject = { subjectType: 'deployment', subjectId: deployment, kind: 'deploy' }
  const decisions = await listDecisions(context, { projectId, ...subject, limit: 500 })
  return decisions.find(({ numbers }) => numbers['generation'] === generation)
}
