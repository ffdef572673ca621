import { z } from 'zod'
import { listDatasets } from '../data/data.ts'
import { listEntries, type FeatureEntry } from '../features/features.ts'
import type { Context } from '../http/context.ts'
import { listOf, route } from '../http/route.ts'
import type { Caller } from '../kernel/actor.ts'
import { listPipelines } from '../pipelines/pipelines.ts'
import { searchModels, searchModelVersions } from '../registry/registry.ts'
import { listDeployments } from '../rollout/rollout.ts'
import { findRuns, searchExperiments } from '../tracking/tracking.ts'
import { Found } from './schema.ts'

interface Search extends Caller {
  text: string
  limit: number
}

type Reads = Pick<Context, 'db' | 'clock'>

/** Each room finds its own; a room that knows few things tells all of them, and they are chosen here by name. */
const ROOMS: readonly ((context: Reads, search: Search) => Promise<Found[]>)[] = [
  findExperiments,
  findTrackedRuns,
  findModels,
  findVersions,
  async ({ db }, { projectId }) =>
    (await listDatasets(db.read, projectId)).map(({ name }) => ({
      kind: 'dataset',
      id: name,
      name,
      href: `/datasets/${encodeURIComponent(name)}`,
    })),
  async ({ db }, { projectId }) =>
    (await listDeployments(db.read, projectId)).map(({ name }) => ({
      kind: 'deployment',
      id: name,
      name,
      href: `/deployments/${encodeURIComponent(name)}`,
    })),
  findFeatures,
  async ({ db }, search) =>
    (await listPipelines({ db }, search)).map(({ name }) => ({
      kind: 'pipeline',
      id: name,
      name,
      href: `/pipelines?pipeline=${encodeURIComponent(name)}`,
    })),
]

/** What is called as the text, what begins with it, what contains all its words; then runs that have them elsewhere. */
export async function searchEverything(context: Reads, search: Search): Promise<Found[]> {
  const text = search.text.trim().toLowerCase()
  if (wordsIn(text).length === 0) return []
  const found = (await Promise.all(ROOMS.map((room) => room(context, { ...search, text })))).flat()
  const words = wordsIn(text)
  return found
    .map((item, index) => ({ item, index, rank: rankOf(item, text, words) }))
    .filter(({ rank }) => rank < NOT_FOUND)
    .sort((a, b) => a.rank - b.rank || a.index - b.index)
    .slice(0, search.limit)
    .map(({ item }) => item)
}

const NOT_FOUND = 5

function rankOf({ kind, name }: Found, text: string, words: readonly string[]): number {
  const lower = name.toLowerCase()
  if (lower === text) return 0
  // A run that only begins alike stands below things that people named with care.
  if (lower.startsWith(text)) return kind === 'run' ? 2 : 1
  if (words.length > 0 && words.every((word) => lower.includes(word))) return 3
  return kind === 'run' ? 4 : NOT_FOUND
}

async function findExperiments(context: Reads, { text, ...search }: Search): Promise<Found[]> {
  const { experiments } = await searchExperiments(context, { ...search, ...named(text) })
  return experiments.map(({ id, name }) => ({
    kind: 'experiment',
    id,
    name,
    href: `/runs?experiment=${id}`,
  }))
}

async function findTrackedRuns(context: Reads, search: Search): Promise<Found[]> {
  const runs = await findRuns(context, search)
  return runs.map(({ id, name, status, startMs }) => ({
    kind: 'run',
    id,
    name,
    detail: `${status.toLowerCase()}, ${new Date(startMs).toISOString().slice(0, 16).replace('T', ' ')}`,
    href: `/runs/${id}`,
  }))
}

const FEATURE_KINDS = {
  entity: { kind: 'entity', folder: 'entities' },
  view: { kind: 'feature view', folder: 'views' },
  on_demand: { kind: 'on-demand feature', folder: 'on-demand' },
  service: { kind: 'feature service', folder: 'services' },
} as const satisfies Record<FeatureEntry['kind'], { kind: Found['kind']; folder: string }>

/** By their own names, and views and functions by the names of their features. */
async function findFeatures({ db }: Reads, { projectId, text }: Search): Promise<Found[]> {
  return (await listEntries({ db }, { projectId })).flatMap(({ kind: of, name, features, description }) => {
    const { kind, folder } = FEATURE_KINDS[of]
    const place = { kind, href: `/features/${folder}/${encodeURIComponent(name)}` }
    const own = { ...place, id: name, name, ...(description !== null && { detail: description }) }
    if (of === 'service') return [own]
    const named = features.filter((feature) => feature.name.toLowerCase().includes(text))
    return [
      own,
      ...named.map((feature) => ({
        ...place,
        id: `${name}:${feature.name}`,
        name: feature.name,
        detail: `feature of ${name}`,
      })),
    ]
  })
}

async function findModels(context: Reads, { text, ...search }: Search): Promise<Found[]> {
  const { models } = await searchModels(context, { ...search, ...named(text) })
  return models.map(({ name }) => ({
    kind: 'model',
    id: name,
    name,
    href: `/models/${encodeURIComponent(name)}`,
  }))
}

/** `late/3`, or `late 3`. */
async function findVersions(context: Reads, { text, ...search }: Search): Promise<Found[]> {
  const [, model, version] = /^(.+?)[\s/]+v?(\d{1,9})$/.exec(text) ?? []
  if (model === undefined) return []
  const { versions } = await searchModelVersions(context, {
    ...search,
    filter: {
      and: [
        ...likeEach(model),
        { field: 'attribute', key: 'version', operator: '=', value: Number(version) },
      ],
    },
    orderBy: [],
  })
  return versions.map((one) => ({
    kind: 'version',
    id: `${one.model}/${one.version}`,
    name: `${one.model}/${one.version}`,
    href: `/models/${encodeURIComponent(one.model)}/versions/${one.version}`,
  }))
}

function named(text: string) {
  return { filter: { and: likeEach(text) }, orderBy: [], lifecycle: 'active' as const }
}

/** The name has every word of the text, in any order. */
function likeEach(text: string) {
  return wordsIn(text).map((word) => ({
    field: 'attribute' as const,
    key: 'name',
    operator: 'ilike' as const,
    value: `%${word}%`,
  }))
}

function wordsIn(text: string): string[] {
  return text.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '')
}

export const searchRoutes = [
  route({
    method: 'GET',
    path: '/search',
    summary:
      'What a text finds: experiments, runs, models, versions, datasets, features, deployments, pipelines, the best first',
    permission: 'view',
    query: z.strictObject({
      q: z.string().max(200),
      limit: z.coerce.number().int().min(1).max(100).default(20),
    }),
    response: listOf(Found),
    handle: async ({ context, actor, projectId, query }) => ({
      items: await searchEverything(context, { actor, projectId, text: query.q, limit: query.limit }),
    }),
  }),
]
