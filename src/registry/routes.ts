import { z } from 'zod'
import type { Context } from '../http/context.ts'
import { listOf, route } from '../http/route.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { ImportReport, Signature, importedTasks } from '../model-files/schema.ts'
import { deleteAlias, setAlias } from './aliases.ts'
import { AliasPolicy, Owner } from './definition.ts'
import { getEvaluation } from './evaluations.ts'
import { importOnnx } from './import-onnx.ts'
import { updateModel } from './models.ts'
import { removeProtection, setProtection } from './protection.ts'
import { StoredEvaluation } from './schema.ts'
import { getUpload, receiveUpload } from './uploads.ts'
import { ModelDetail, ModelItem, VersionDetail } from './view-schema.ts'
import { modelDetail, modelItems, versionDetail } from './views.ts'
import { updateModelVersion } from './versions.ts'

const limit = z.coerce.number().int().min(1).max(1000).default(100)
const description = z.string().max(20_000).describe('Markdown')
const forced = {
  force: z.boolean().default(false).describe('Past the protection of the alias; needs the role admin'),
  reason: z.string().max(2000).default('').describe('For the record, where it is forced'),
}
const numbered = z.strictObject({ name: z.string(), version: z.coerce.number().int().min(1) })

const named = z.strictObject({ name: z.string(), alias: z.string() })

const features = z.array(z.string().min(1).max(200)).min(1).max(10_000)

const ImportBody = z
  .strictObject({
    onnxBase64: z.base64().min(1).optional().describe('The bytes of a small file'),
    upload: z.string().optional().describe('What `POST /uploads` answered for the file'),
    source: z.string().min(1).max(1000).describe('Where it came from, for people'),
    task: z.enum(importedTasks).optional(),
    features: features.optional().describe('Names of the columns of a single matrix input'),
    positive: z.string().max(200).optional().describe('The class whose probability is the score'),
    golden: z
      .strictObject({ upload: z.string(), format: z.enum(['json', 'parquet']) })
      .optional()
      .describe('Inputs and the outputs that the model must give for them'),
  })
  .refine(({ onnxBase64, upload }) => (onnxBase64 === undefined) !== (upload === undefined), {
    error: 'Give either onnxBase64 or upload',
  })

async function sentBytes(
  context: Pick<Context, 'db' | 'artifacts'>,
  projectId: string,
  { onnxBase64, upload }: { onnxBase64: string | undefined; upload: string | undefined },
): Promise<StoredBlob> {
  if (upload !== undefined) return await getUpload(context, { projectId, id: upload })
  return await context.artifacts.put(Buffer.from(onnxBase64!, 'base64'))
}

async function goldenBlob(
  context: Pick<Context, 'db' | 'artifacts'>,
  projectId: string,
  { upload, format }: { upload: string; format: 'json' | 'parquet' },
) {
  return { blob: await getUpload(context, { projectId, id: upload }), format }
}

export const routes = [
  route({
    method: 'POST',
    path: '/uploads',
    summary: 'Send the bytes of a file (the body as it is) that a later request names; kept for a day',
    permission: 'contribute',
    response: z.object({ upload: z.string(), sha256: z.string(), sizeBytes: z.number() }),
    async handle({ context, actor, projectId, request, arriving }) {
      const { id, sha256, sizeBytes } = await receiveUpload(context, {
        projectId,
        actor,
        body: arriving,
        declaredBytes: Number(request.headers.get('content-length') ?? 0),
      })
      return { upload: id, sha256, sizeBytes }
    },
  }),
  route({
    method: 'GET',
    path: '/models',
    summary: 'Registered models by name',
    permission: 'view',
    query: z.strictObject({
      owner: z.string().optional().describe('A user’s name, or team:<name>'),
      limit,
      pageToken: z.string().optional(),
    }),
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
    summary: 'Describe a model, in Markdown, and say whose it is',
    permission: 'contribute',
    params: z.strictObject({ name: z.string() }),
    body: z.strictObject({
      description: description.optional(),
      owner: z
        .union([Owner, z.literal('')])
        .optional()
        .describe('A user’s name, or team:<name>; empty for nobody'),
    }),
    response: z.object({}),
    async handle({ context, actor, projectId, params, body: { description: text, owner } }) {
      const change = {
        ...(text !== undefined && { description: text }),
        ...(owner !== undefined && { owner }),
      }
      await updateModel(context, { projectId, actor, name: params.name, ...change })
      return {}
    },
  }),
  route({
    method: 'POST',
    path: '/models/:name/versions',
    summary: 'Register an ONNX file that was trained elsewhere; the model is made when there is none',
    permission: 'contribute',
    params: z.strictObject({ name: z.string() }),
    body: ImportBody,
    response: z.object({
      model: z.string(),
      version: z.number(),
      created: z.boolean().describe('False when the model has a version with these bytes'),
      signature: Signature,
      report: ImportReport.optional(),
    }),
    async handle({ context, actor, projectId, params, body }) {
      const { onnxBase64, upload, golden, ...options } = body
      const { version, created } = await importOnnx(context, {
        ...options,
        projectId,
        actor,
        model: params.name,
        onnx: await sentBytes(context, projectId, { onnxBase64, upload }),
        golden: golden && (await goldenBlob(context, projectId, golden)),
      })
      return {
        model: version.model,
        version: version.version,
        created,
        signature: version.signature!,
        report: version.importReport,
      }
    },
  }),
  route({
    method: 'GET',
    path: '/models/:name/versions/:version',
    summary: 'One version with its signature, what the gates said, and the evaluation they said it of',
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
    summary:
      'Point an alias at a version. A protected one moves by a promotion, or forced by an administrator',
    permission: 'contribute',
    params: named,
    body: z.strictObject({ version: z.number().int().min(1), ...forced }),
    response: z.object({}),
    async handle({ context, actor, projectId, params, body: { version, force, reason } }) {
      await setAlias(context, {
        projectId,
        actor,
        model: params.name,
        alias: params.alias,
        version,
        source: 'rest',
        ...(force && { force: { reason } }),
      })
      return {}
    },
  }),
  route({
    method: 'DELETE',
    path: '/models/:name/aliases/:alias',
    summary: 'Remove an alias',
    permission: 'contribute',
    params: named,
    body: z.strictObject(forced),
    response: z.object({}),
    async handle({ context, actor, projectId, params, body: { force, reason } }) {
      const { name: model, alias } = params
      await deleteAlias(context, { projectId, actor, model, alias, ...(force && { force: { reason } }) })
      return {}
    },
  }),
  route({
    method: 'PUT',
    path: '/models/:name/protection/:alias',
    summary:
      'Protect an alias: it moves only by an approved promotion. Weakening a protection needs the role admin',
    permission: 'maintain',
    params: named,
    body: AliasPolicy,
    response: z.object({}),
    async handle({ context, actor, projectId, params, body }) {
      const { name: model, alias } = params
      await setProtection(context, { projectId, actor, model, alias, policy: body })
      return {}
    },
  }),
  route({
    method: 'DELETE',
    path: '/models/:name/protection/:alias',
    summary: 'Take the protection of an alias away',
    permission: 'administer',
    params: named,
    response: z.object({}),
    async handle({ context, actor, projectId, params }) {
      await removeProtection(context, { projectId, actor, model: params.name, alias: params.alias })
      return {}
    },
  }),
]
