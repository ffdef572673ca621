import { z } from 'zod'
import { entryKinds } from '../features/features.ts'

const text = z.string().nullable()

/** One thing that the project declares of features, with who uses it and how it fares. */
export const catalogueEntry = z.object({
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
  /** Of a view's current definition. */
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
    /** Where such a version is stable or candidate. */
    deployments: z.array(z.string()),
  }),
  skew: z
    .object({
      /** Served values, over all features, versions and deployments. */
      checked: z.number(),
      mismatched: z.number(),
      late: z.number(),
      /** The feature with the greatest lower bound of its share of mismatches. */
      worst: z.object({ feature: z.string(), rate: z.number(), lower: z.number(), upper: z.number() }),
    })
    .nullable()
    .describe('Of what was served in the last week'),
  /** Features that no model version takes. */
  unusedFeatures: z.array(z.string()),
  match: text.describe('Where the text was found; null for its own name'),
})

export type CatalogueEntry = z.infer<typeof catalogueEntry>

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
export type Importance = NonNullable<z.infer<typeof use>['importance']>

export const entryPage = catalogueEntry.omit({ match: true }).extend({
  users: z
    .array(use)
    .describe('Newest first, those that are deployed or named by an alias before the others'),
  source: text.describe('The module with its function'),
})
export type EntryPage = z.infer<typeof entryPage>
