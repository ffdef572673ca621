import { z } from 'zod'
import { listOf, route } from '../http/route.ts'
import { deleteAlias, setAlias } from './aliases.ts'
import { GateDefinition } from './definition.ts'
import { getEvaluation, listEvaluations, listGateReports } from './evaluations.ts'
import { gatesOfModel, getModel, searchModels } from './models.ts'
import { EvaluationSubject, GateReport, ModelVersion, RegisteredModel, StoredEvaluation } from './schema.ts'
import { getModelVersion, listModelVersions } from './versions.ts'

const limit = z.coerce.number().int().min(1).max(1000).default(100)
const named = z.strictObject({ name: z.string() })
const numbered = z.strictObject({ name: z.string(), version: z.coerce.number().int().min(1) })

/** Evaluations in a list come without the sums by day. */
const EvaluationSummary = StoredEvaluation.extend({
  subjects: z.array(EvaluationSubject.omit({ blocks: true })),
})

export const routes = [
  route({
    method: 'GET',
    path: '/models',
    summary: 'Registered models by name',
    permission: 'view',
    query: z.strictObject({ limit, pageToken: z.string().optional() }),
    response: listOf(RegisteredModel),
    async handle({ context, actor, projectId, query }) {
      const search = { ...query, projectId, actor, filter: { and: [] }, orderBy: [] }
      const { models, ...next } = await searchModels(context, search)
      return { items: models, ...next }
    },
  }),
  route({
    method: 'GET',
    path: '/models/:name',
    summary: 'One model with its gates, aliases and versions, newest first',
    permission: 'view',
    params: named,
    response: RegisteredModel.extend({ gates: z.array(GateDefinition), versions: z.array(ModelVersion) }),
    async handle({ context, actor, projectId, params }) {
      const model = await getModel(context, { projectId, actor, name: params.name })
      const gates = await gatesOfModel(context, { projectId, model: params.name })
      const versions = await listModelVersions(context, { projectId, actor, model: params.name })
      return { ...model, gates, versions }
    },
  }),
  route({
    method: 'GET',
    path: '/models/:name/versions/:version',
    summary: 'One version with its signature, lineage, evaluations and what the gates said',
    permission: 'view',
    params: numbered,
    response: ModelVersion.extend({ evaluations: z.array(EvaluationSummary), gates: z.array(GateReport) }),
    async handle({ context, actor, projectId, params }) {
      const key = { projectId, actor, model: params.name, version: params.version }
      const evaluations = await listEvaluations(context, key)
      return {
        ...(await getModelVersion(context, key)),
        evaluations: evaluations.map((evaluation) => EvaluationSummary.parse(evaluation)),
        gates: await listGateReports(context, key),
      }
    },
  }),
  route({
    method: 'GET',
    path: '/evaluations/:evaluationId',
    summary: 'One evaluation whole: with the sums by day from which its numbers can be computed again',
    permission: 'view',
    params: z.strictObject({ evaluationId: z.string() }),
    response: StoredEvaluation,
    handle: ({ context, actor, projectId, params }) =>
      getEvaluation(context, { projectId, actor, id: params.evaluationId }),
  }),
  route({
    method: 'PUT',
    path: '/models/:name/aliases/:alias',
    summary: 'Point an alias at a version',
    permission: 'contribute',
    params: z.strictObject({ name: z.string(), alias: z.string() }),
    body: z.strictObject({ version: z.number().int().min(1) }),
    response: z.object({}),
    async handle({ context, actor, projectId, params, body }) {
      await setAlias(context, {
        projectId,
        actor,
        model: params.name,
        alias: params.alias,
        ...body,
        source: 'rest',
      })
      return {}
    },
  }),
  route({
    method: 'DELETE',
    path: '/models/:name/aliases/:alias',
    summary: 'Remove an alias',
    permission: 'contribute',
    params: z.strictObject({ name: z.string(), alias: z.string() }),
    response: z.object({}),
    async handle({ context, actor, projectId, params }) {
      await deleteAlias(context, { projectId, actor, model: params.name, alias: params.alias })
      return {}
    },
  }),
]
