import { z } from 'zod'
import { lineageKinds } from '../ports/db/lineage-kinds.ts'

const station = z.object({
  state: z.enum(['good', 'attention', 'bad', 'idle']),
  word: z.string(),
  number: z.string(),
  detail: z.string(),
  href: z.string(),
  spark: z.array(z.number()).optional(),
})
export type Station = z.infer<typeof station>

const stationNames = [
  'data',
  'features',
  'training',
  'gates',
  'rollout',
  'serving',
  'feedback',
  'monitoring',
  'triggers',
] as const

export const overview = z.object({
  project: z.string(),
  nowMs: z.number(),
  replay: z.boolean(),
  stations: z.record(z.enum(stationNames), station),
  needsYou: z.array(
    z.object({
      id: z.string(),
      severity: z.string(),
      sentence: z.string(),
      atMs: z.number(),
      href: z.string(),
    }),
  ),
  happened: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      sentence: z.string(),
      atMs: z.number(),
      href: z.string(),
      injected: z.boolean(),
    }),
  ),
  deployments: z.array(
    z.object({
      name: z.string(),
      stable: z.string(),
      candidate: z.string().optional(),
      state: z.string(),
    }),
  ),
})
export type Overview = z.infer<typeof overview>

export const MAX_NODES = 500

export const lineageGraph = z.object({
  start: z.string().describe('Key of the node that was asked for'),
  nodes: z
    .array(
      z.object({
        key: z.string().describe('`<kind>:<id>`'),
        kind: z.enum(lineageKinds),
        id: z.string(),
        title: z.string(),
        detail: z.string().optional(),
        atMs: z.number().optional().describe('When it was made'),
        href: z.string().optional().describe('Its page'),
      }),
    )
    .describe('The one asked for first, then by distance'),
  edges: z
    .array(z.object({ from: z.string(), to: z.string(), label: z.string() }))
    .describe('From what was there first to what came of it, by the keys of the nodes'),
  cut: z.boolean().describe(`True when there is more: an answer holds at most ${MAX_NODES} nodes`),
})
export type LineageGraph = z.infer<typeof lineageGraph>

const put = z.object({ seq: z.number(), actor: z.string(), sentence: z.string(), atMs: z.number() })

export const auditState = z.object({
  atMs: z.number(),
  wallMs: z.number().describe('the same moment in wall time; another one in a replay only'),
  deployments: z.array(
    z.object({
      deployment: z.string(),
      model: z.string(),
      version: z.number(),
      sinceMs: z.number().describe('wall time since when this version was the stable one'),
      candidate: z
        .object({ version: z.number(), mode: z.string(), weight: z.number().describe('of 10,000') })
        .nullable(),
      by: put.nullable().describe('the entry of the audit log that put it there'),
      decision: z.object({ id: z.string(), sentence: z.string(), atMs: z.number() }).nullable(),
    }),
  ),
  aliases: z.array(
    z.object({
      model: z.string(),
      alias: z.string(),
      version: z.number(),
      sinceMs: z.number(),
      actor: z.string(),
      seq: z.number(),
    }),
  ),
})
export type AuditState = z.infer<typeof auditState>

const kinds = [
  'experiment',
  'run',
  'model',
  'version',
  'dataset',
  'deployment',
  'pipeline',
  'entity',
  'feature view',
  'on-demand feature',
  'feature service',
] as const

export const Found = z.object({
  kind: z.enum(kinds),
  id: z.string(),
  name: z.string(),
  detail: z.string().optional(),
  href: z.string().describe('Its page'),
})
export type Found = z.infer<typeof Found>
