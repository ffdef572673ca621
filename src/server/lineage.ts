import { z } from 'zod'
import { lineage as dataLineage, resolveVersion } from '../data/data.ts'
import { lineage as materializationLineage } from '../materialization/materialization.ts'
import type { Context } from '../http/context.ts'
import { route } from '../http/route.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { lineage as monitoringLineage } from '../monitoring/monitoring.ts'
import { lineage as pipelinesLineage } from '../pipelines/pipelines.ts'
import { lineageKinds } from '../ports/db/lineage-kinds.ts'
import type { LineageFacts, LineageNode, LineageRelation } from '../ports/db/lineage.ts'
import { lineage as projectLineage } from '../project/apply.ts'
import { getModelVersion, lineage as registryLineage } from '../registry/registry.ts'
import { lineage as rolloutLineage } from '../rollout/rollout.ts'
import { lineage as trackingLineage } from '../tracking/tracking.ts'
import { lineageGraph, MAX_NODES, type LineageGraph } from './schema.ts'

/** The rooms that know edges or nodes; of two that know a node the first one's word counts. */
const ROOMS = [
  dataLineage,
  materializationLineage,
  trackingLineage,
  registryLineage,
  pipelinesLineage,
  rolloutLineage,
  monitoringLineage,
  projectLineage,
]
export const RELATIONS = ROOMS.flatMap(({ relations }) => relations)

/** Edges that one relation may give for one step of the way. */
const MAX_EDGES = 2000

const directions = ['up', 'down', 'both'] as const

export const lineageRoutes = [
  route({
    method: 'GET',
    path: '/lineage',
    summary:
      'Where something came from (`up`), what came of it (`down`), or both: data, code, environment, runs, models, deployments',
    permission: 'view',
    query: z.strictObject({
      kind: z.enum(lineageKinds),
      id: z
        .string()
        .min(1)
        .max(2000)
        .describe('Of a model version also `late/3`, of a dataset version also `flights@2`'),
      direction: z.enum(directions).default('both'),
      depth: z.coerce.number().int().min(1).max(50).default(20).describe('Steps of the way, at most'),
    }),
    response: lineageGraph,
    handle: ({ context, actor, projectId, query: { kind, id, ...query } }) =>
      getLineage(context, { projectId, actor, node: { kind, id }, ...query }),
  }),
]

interface AskLineage extends Caller {
  node: LineageNode
  direction: (typeof directions)[number]
  depth: number
}

interface Edge {
  from: string
  to: string
  label: string
  shortcut: boolean
  record: boolean
}

interface Found {
  nodes: Map<string, LineageNode>
  edges: Map<string, Edge>
  cut: boolean
}

/** Throws `not_found` when no room knows the node. */
export async function getLineage(
  context: Pick<Context, 'db'>,
  { projectId, actor, node, direction, depth }: AskLineage,
): Promise<LineageGraph> {
  requirePermission(actor, 'view', projectId)
  const start = await resolve(context, { projectId, actor, node })
  const found: Found = { nodes: new Map([[keyOf(start), start]]), edges: new Map(), cut: false }
  const known = await factsOf(context, projectId, found)
  if (known.length === 0)
    throw new AppError('not_found', `There is no ${node.kind.replaceAll('_', ' ')} ${node.id}`)
  if (direction !== 'down') await walk(context, found, { projectId, start, side: 'to', depth })
  if (direction !== 'up') await walk(context, found, { projectId, start, side: 'from', depth })
  const facts = new Map((await factsOf(context, projectId, found)).map((fact) => [keyOf(fact), fact]))
  const edges = withoutShortcuts(withoutRecords(found, keyOf(start)))
  return {
    start: keyOf(start),
    // What a row refers to and no room knows any more has still been there.
    nodes: [...found.nodes].map(([key, { kind, id }]) => ({
      key,
      ...(facts.get(key) ?? { kind, id, title: id.slice(0, 12), detail: 'not kept' }),
    })),
    edges: edges.map(({ from, to, label }) => ({ from, to, label })),
    cut: found.cut,
  }
}

function keyOf({ kind, id }: LineageNode): string {
  return `${kind}:${id}`
}

/** People name versions by number. */
async function resolve(
  context: Pick<Context, 'db'>,
  { projectId, actor, node }: Pick<AskLineage, 'projectId' | 'actor' | 'node'>,
): Promise<LineageNode> {
  const { kind, id } = node
  const numbered = /^(?<model>.+)\/(?<version>\d{1,15})$/.exec(id)?.groups
  if (kind === 'model_version' && numbered) {
    const { model = '', version } = numbered
    return {
      kind,
      id: (await getModelVersion(context, { projectId, actor, model, version: Number(version) })).id,
    }
  }
  if (kind === 'dataset_version')
    return { kind, id: (await resolveVersion(context, { projectId, reference: id })).id }
  return node
}

/** One direction at a time, so that what came of a cause is not taken for a cause itself. */
async function walk(
  { db }: Pick<Context, 'db'>,
  found: Found,
  {
    projectId,
    start,
    side,
    depth,
  }: { projectId: string; start: LineageNode; side: 'from' | 'to'; depth: number },
): Promise<void> {
  const seen = new Set([keyOf(start)])
  let frontier = [start]
  for (let step = 0; step < depth && frontier.length > 0; step++) {
    const next: LineageNode[] = []
    for (const [kind, nodes] of Map.groupBy(frontier, (node) => node.kind)) {
      const ids = nodes.map(({ id }) => id)
      for (const relation of RELATIONS.filter((relation) => relation[side] === kind)) {
        const pairs = await relation.pairs(db.read, { projectId, side, ids, limit: MAX_EDGES })
        if (pairs.length === MAX_EDGES) found.cut = true
        for (const pair of pairs) {
          const reached = take(found, relation, pair, side)
          if (reached === undefined || seen.has(keyOf(reached))) continue
          seen.add(keyOf(reached))
          next.push(reached)
        }
      }
    }
    frontier = next
  }
}

/** Adds an edge and the node at its far end; undefined when there is no more room for the node. */
function take(
  found: Found,
  { from, to, shortcut, record }: LineageRelation,
  pair: { from: string; to: string; label: string },
  side: 'from' | 'to',
): LineageNode | undefined {
  const ends = { from: { kind: from, id: pair.from }, to: { kind: to, id: pair.to } }
  const reached = side === 'from' ? ends.to : ends.from
  if (!found.nodes.has(keyOf(reached))) {
    if (found.nodes.size >= MAX_NODES) {
      found.cut = true
      return undefined
    }
    found.nodes.set(keyOf(reached), reached)
  }
  const edge = { from: keyOf(ends.from), to: keyOf(ends.to), label: pair.label, shortcut, record }
  const key = `${edge.from} ${edge.to}`
  if (!found.edges.has(key)) found.edges.set(key, edge)
  return reached
}

/** Takes out what only records something: a step's tracking run says nothing that its execution does not. */
function withoutRecords({ nodes, edges }: Found, start: string): Edge[] {
  const all = [...edges.values()]
  const records = new Set(all.filter(({ record }) => record).map(({ to }) => to))
  const told = all.filter(({ from, to, record }) => !record && !(records.has(from) && records.has(to)))
  const needed = new Set(told.flatMap(({ from, to }) => [from, to]))
  for (const key of records) if (key !== start && !needed.has(key)) nodes.delete(key)
  return all.filter(({ from, to }) => nodes.has(from) && nodes.has(to))
}

function withoutShortcuts(edges: readonly Edge[]): Edge[] {
  let kept = [...edges]
  for (const edge of edges.filter(({ shortcut }) => shortcut)) {
    const others = kept.filter((other) => other !== edge)
    if (isReachable(others, edge.from, edge.to)) kept = others
  }
  return kept
}

function isReachable(edges: readonly Edge[], from: string, to: string): boolean {
  const next = Map.groupBy(edges, (edge) => edge.from)
  const seen = new Set([from])
  for (const key of seen) {
    if (key === to) return true
    for (const edge of next.get(key) ?? []) seen.add(edge.to)
  }
  return false
}

async function factsOf(
  { db }: Pick<Context, 'db'>,
  projectId: string,
  { nodes }: Pick<Found, 'nodes'>,
): Promise<LineageFacts[]> {
  const facts = new Map<string, LineageFacts>()
  for (const [kind, same] of Map.groupBy(nodes.values(), (node) => node.kind)) {
    const ids = same.map(({ id }) => id)
    for (const room of ROOMS)
      for (const fact of (await room.facts[kind]?.(db.read, projectId, ids)) ?? [])
        if (!facts.has(keyOf({ kind, id: fact.id })))
          facts.set(keyOf({ kind, id: fact.id }), { kind, ...fact })
  }
  return [...facts.values()]
}
