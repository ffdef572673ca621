import { z } from 'zod'
import { listDecisions } from '../governance/governance.ts'
import { listOf, pageOf, route } from '../http/route.ts'
import { deploy } from './deploy.ts'
import { rollBack, stopRollout } from './intervene.ts'
import {
  explainRollout,
  getDeploymentState,
  getTimeline,
  listDeploymentStates,
  type DeploymentState,
} from './overview.ts'
import { deploymentJson, rolloutDetailJson, rolloutJson, timelineJson, toRolloutJson } from './schema.ts'
import { listRollouts } from './store.ts'
import { takeDown } from './take-down.ts'
import { withdrawRoutes } from './withdraw-routes.ts'

const name = z.object({ name: z.string() })
const reason = z.strictObject({ reason: z.string().max(2000).optional() })
const sentence = z.object({ sentence: z.string() })

export const routes = [
  route({
    method: 'GET',
    path: '/deployments',
    summary: 'Deployments with their stable version, candidate and the traffic of their last day',
    permission: 'view',
    response: listOf(deploymentJson),
    async handle({ context, projectId }) {
      return { items: (await listDeploymentStates(context, { projectId })).map(toJson) }
    },
  }),
  route({
    method: 'POST',
    path: '/deployments',
    summary: 'Deploys a model version: straight to stable when it is the first, else by a rollout',
    permission: 'maintain',
    body: z.strictObject({
      name: z.string(),
      model: z.string(),
      version: z.int().min(1),
      force: z.boolean().optional(),
      reason: z.string().max(2000).optional(),
    }),
    response: z.object({
      deployment: z.string(),
      version: z.number(),
      outcome: z.enum(['first', 'rollout', 'unchanged']),
      rolloutId: z.string().nullable(),
      sentence: z.string(),
    }),
    async handle({ context, projectId, actor, body }) {
      return deploy(context, {
        projectId,
        actor,
        deployment: body.name,
        model: body.model,
        version: body.version,
        ...(body.force !== undefined && { force: body.force }),
        ...(body.reason !== undefined && { reason: body.reason }),
      })
    },
  }),
  route({
    method: 'GET',
    path: '/deployments/:name',
    summary: 'One deployment',
    permission: 'view',
    params: name,
    response: deploymentJson,
    async handle({ context, projectId, params }) {
      return toJson(await getDeploymentState(context, { projectId, name: params.name }))
    },
  }),
  route({
    method: 'GET',
    path: '/deployments/:name/timeline',
    summary: 'Traffic by version and variant in each hour, rollouts with their stages, and decisions',
    permission: 'view',
    params: name,
    query: z.strictObject({
      fromMs: z.coerce.number().int().optional(),
      toMs: z.coerce.number().int().optional(),
    }),
    response: timelineJson,
    async handle({ context, projectId, params, query }) {
      const timeline = await getTimeline(context, { projectId, name: params.name, ...query })
      const { fromMs, toMs } = timeline
      const subjects = [
        { subjectType: 'deployment', subjectId: params.name },
        ...timeline.rollouts.map(({ id }) => ({ subjectType: 'rollout', subjectId: id })),
      ]
      const decisions = await Promise.all(
        subjects.map((subject) =>
          listDecisions(context, { projectId, ...subject, fromMs, toMs, limit: 100 }),
        ),
      )
      return { ...timeline, decisions: decisions.flat().sort((a, b) => a.atMs - b.atMs) }
    },
  }),
  route({
    method: 'POST',
    path: '/deployments/:name/rollback',
    summary: 'Rolls back: ends the rollout under way, or goes back to the version before the stable one',
    permission: 'maintain',
    params: name,
    body: reason,
    response: sentence,
    async handle({ context, projectId, actor, params, body }) {
      return rollBack(context, { projectId, actor, deployment: params.name, ...given(body.reason) })
    },
  }),
  route({
    method: 'POST',
    path: '/deployments/:name/take-down',
    summary:
      'Takes a deployment down: it serves nothing until a version is deployed again; its history stays',
    permission: 'maintain',
    params: name,
    body: reason,
    response: sentence,
    async handle({ context, projectId, actor, params, body }) {
      return takeDown(context, { projectId, actor, deployment: params.name, ...given(body.reason) })
    },
  }),
  route({
    method: 'GET',
    path: '/rollouts',
    summary: 'Rollouts, newest first',
    permission: 'view',
    query: z.strictObject({
      deployment: z.string().optional(),
      limit: z.coerce.number().int().min(1).max(500).default(50),
      pageToken: z.string().optional(),
    }),
    response: listOf(rolloutJson),
    async handle({ context, projectId, query }) {
      const { deployment, limit, pageToken } = query
      const found = await listRollouts(context.db.read, { projectId, deployment, limit, before: pageToken })
      const items = found.map(toRolloutJson)
      return pageOf(items, limit, ({ id }) => id)
    },
  }),
  route({
    method: 'GET',
    path: '/rollouts/:id',
    summary: 'One rollout: its plan, transitions, counts, and the verdict on every metric as of now',
    permission: 'view',
    params: z.object({ id: z.string() }),
    response: rolloutDetailJson,
    async handle({ context, projectId, params }) {
      return explainRollout(context, { projectId, id: params.id })
    },
  }),
  route({
    method: 'POST',
    path: '/rollouts/:id/stop',
    summary: 'Ends a rollout; stable goes on, and nothing is said against the candidate',
    permission: 'maintain',
    params: z.object({ id: z.string() }),
    body: reason,
    response: sentence,
    async handle({ context, projectId, actor, params, body }) {
      return stopRollout(context, { projectId, actor, rolloutId: params.id, ...given(body.reason) })
    },
  }),
  ...withdrawRoutes,
]

function given(text: string | undefined): { reason?: string } {
  return text === undefined ? {} : { reason: text }
}

function toJson({ deployment, rollout, traffic }: DeploymentState): z.input<typeof deploymentJson> {
  return {
    name: deployment.name,
    model: deployment.model,
    task: deployment.task,
    unit: deployment.definition.unit,
    policy: { ...deployment.policy },
    policyVersion: deployment.policyVersion,
    label: deployment.definition.label ?? null,
    stable: deployment.stable,
    previous: deployment.previous,
    candidate: rollout?.candidate ?? null,
    rollout: rollout ? toRolloutJson(rollout) : null,
    traffic,
    createdMs: deployment.createdMs,
  }
}
