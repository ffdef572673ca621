import { z } from 'zod'
import { entryKinds } from '../features/features.ts'
import { listOf, route } from '../http/route.ts'
import { getEntry, listCatalogue } from './catalogue.ts'

const text = z.string().nullable()

const entry = z.object({
  kind: z.enum(entryKinds),
  name: z.string(),
  owner: text,
  description: text,
  tags: z.array(z.string()),
  entities: z.array(z.string()),
  dataset: text,
  features: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(['number', 'category', 'timestamp']),
      description: text,
      source: text,
      from: z.enum(['view', 'on_demand', 'request']).nullable(),
    }),
  ),
  columns: z.array(z.string()),
  code: text,
  freshness: z
    .object({
      ageMs: z.number().nullable(),
      ttlMs: z.number(),
      stale: z.boolean(),
      keys: z.number(),
      staleKeys: z.number(),
      storeAnswers: z.boolean(),
    })
    .nullable(),
  usedBy: z.object({
    services: z.array(z.string()),
    models: z.array(z.string()),
    versions: z.number(),
    deployments: z.array(z.string()),
  }),
  skew: z
    .object({
      checked: z.number(),
      mismatched: z.number(),
      late: z.number(),
      worst: z.object({ feature: z.string(), rate: z.number(), lower: z.number(), upper: z.number() }),
    })
    .nullable()
    .describe('Of what was served in the last week'),
  unusedFeatures: z.array(z.string()),
  match: text.describe('Where the text was found; null for its own name'),
})

const use = z.object({
  modelVersionId: z.string(),
  model: z.string(),
  version: z.number(),
  stage: z.string(),
  aliases: z.array(z.string()),
  createdMs: z.number(),
  service: z.string(),
  serviceId: z.string().describe('Of the service as the version pins it'),
  deployments: z.array(
    z.object({ deployment: z.string(), role: z.enum(['stable', 'candidate', 'previous']) }),
  ),
  features: z.array(z.string()).describe('Those that the version takes'),
  definitionHash: text.describe('Of the view as the version pins it'),
  importance: z
    .object({
      of: z.enum(['auc', 'variance']),
      features: z.array(z.object({ feature: z.string(), share: z.number() })),
    })
    .nullable()
    .describe('Share of what the version knows that is lost when a feature is shuffled over the holdout'),
})

const word = z.string().min(1).max(200).optional()

export const routes = [
  route({
    method: 'GET',
    path: '/features/catalogue',
    summary:
      'Entities, views, on-demand features and services: found by a text, an owner or a tag, with who uses them',
    permission: 'view',
    query: z.strictObject({
      q: z.string().max(200).optional(),
      kind: z.enum(entryKinds).optional(),
      entity: word,
      owner: word,
      tag: word,
      unused: z.enum(['true', 'false']).optional(),
    }),
    response: listOf(entry),
    async handle({ context, actor, projectId, query }) {
      const { q, unused, ...rest } = query
      const items = await listCatalogue(context, {
        projectId,
        actor,
        ...rest,
        text: q,
        unused: unused === 'true',
      })
      return { items }
    },
  }),
  route({
    method: 'GET',
    path: '/features/catalogue/:name',
    summary: 'One entity, view, on-demand feature or service, with the model versions that use it',
    permission: 'view',
    params: z.object({ name: z.string() }),
    query: z.strictObject({ kind: z.enum(entryKinds).optional() }),
    response: entry
      .omit({ match: true })
      .extend({ users: z.array(use), source: text.describe('The module with its function') }),
    handle: ({ context, actor, projectId, params, query }) =>
      getEntry(context, { projectId, actor, name: params.name, kind: query.kind }),
  }),
]
