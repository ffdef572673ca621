import { z } from 'zod'
import { listOf, route } from '../http/route.ts'
import { deleteAlias, setAlias } from './aliases.ts'
import { getEvaluation } from './evaluations.ts'
import { importedTasks, importOnnx } from './import-onnx.ts'
import { updateModel } from './models.ts'
import { Signature, StoredEvaluation } from './schema.ts'
import { ModelDetail, ModelItem, VersionDetail, modelDetail, modelItems, versionDetail } from './views.ts'
import { updateModelVersion } from './versions.ts'

const limit = z.coerce.number().int().min(1).max(1000).default(100)
const description = z.string().max(20_000).describe('Markdown')
const numbered = z.strictObject({ name: z.string(), version: z.coerce.number().int().min(1) })

export const routes = [
  route({
    method: 'GET',
    path: '/models',
    summary: 'Registered models by name',
    permission: 'view',
    query: z.strictObject({ limit, pageToken: z.string().optional() }),
    response: listOf(ModelItem),
    handle: ({ context, actor, projectId, query }) => modelItems(context, { ...query, projectId, actor }),
  }),
  route({
    method: 'GET',
    path: '/models/:name',
    summary: 'One model with its gates, aliases and versions (the newest 200), newest first',
    permission: 'view',
    params: z.strictObject({ name: z.string() }),
    response: ModelDetail,
    handle: ({ context, actor, projectId, params }) =>
      modelDetail(context, { projectId, actor, name: params.name }),
  }),
  route({
    method: 'PATCH',
    path: '/models/:name',
    summary: 'Describe a model, in Markdown',
    permission: 'contribute',
    params: z.strictObject({ name: z.string() }),
    body: z.strictObject({ description }),
    response: z.object({}),
    async handle({ context, actor, projectId, params, body }) {
      await updateModel(context, { projectId, actor, name: params.name, ...body })
      return {}
    },
  }),
  route({
    method: 'POST',
    path: '/models/:name/versions',
    summary: 'Register an ONNX file that was trained elsewhere; the model is made when there is none',
    permission: 'contribute',
    params: z.strictObject({ name: z.string() }),
    body: z.strictObject({
      onnxBase64: z.base64().min(1).describe('The bytes of the file'),
      source: z.string().min(1).max(1000).describe('Where it came from, for people'),
      task: z.enum(importedTasks).optional(),
    }),
    response: z.object({
      model: z.string(),
      version: z.number(),
      created: z.boolean().describe('False when the model has a version with these bytes'),
      signature: Signature,
    }),
    async handle({ context, actor, projectId, params, body }) {
      const { onnxBase64, source, task } = body
      const { version, created } = await importOnnx(context, {
        projectId,
        actor,
        model: params.name,
        onnx: Buffer.from(onnxBase64, 'base64'),
        source,
        task,
      })
      return { model: version.model, version: version.version, created, signature: version.signature! }
    },
  }),
  route({
    method: 'GET',
    path: '/models/:name/versions/:version',
    summary:
      'One version with its signature, lineage, what the gates said, and the evaluation they said it of',
    permission: 'view',
    params: numbered,
    response: VersionDetail,
    handle: ({ context, actor, projectId, params }) =>
      versionDetail(context, { projectId, actor, model: params.name, version: params.version }),
  }),
  route({
    method: 'PATCH',
    path: '/models/:name/versions/:version',
    summary: 'Describe a version, in Markdown',
    permission: 'contribute',
    params: numbered,
    body: z.strictObject({ description }),
    response: z.object({}),
    async handle({ context, actor, projectId, params, body }) {
      await updateModelVersion(context, {
        projectId,
        actor,
        model: params.name,
        version: params.version,
        ...body,
      })
      return {}
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
