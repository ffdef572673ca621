import type { Context } from '../http/context.ts'
import type { About } from './about.ts'
import type { Aggregate } from './aggregate.ts'
import type { EntityDefinition, FeatureViewDefinition } from './view-definition.ts'
import type { OnDemandDefinition } from './definition.ts'
import type { Feature } from './feature.ts'
import type { FeatureServiceSpec, ServedFeature } from './schema.ts'
import { listAllDefinitions } from './store.ts'
import type { FeatureDefinitionRow } from './tables.ts'

export const entryKinds = ['entity', 'view', 'on_demand', 'service'] as const
type EntryKind = (typeof entryKinds)[number]

/** One thing that the project declares of features, as lists, searches and pages show it. */
export interface FeatureEntry {
  kind: EntryKind
  name: string
  owner: string | null
  description: string | null
  tags: string[]
  /** Of a view the one it is about, of a service all of its views. */
  entities: string[]
  dataset: string | null
  features: DescribedFeature[]
  /** What it reads: keys of entities, inputs of functions. */
  columns: string[]
  /** SQL of a view, module and export of a function. */
  code: string | null
}

interface DescribedFeature extends Feature {
  description: string | null
  /** Of a service: the view or the on-demand feature it comes from, `request` for a field of the request. */
  source: string | null
  /** Of a service: what the source is. */
  from: ServedFeature['from'] | null
}

/** Everything that the project declares of features now: entities, views, on-demand features, services. */
export async function listEntries(
  { db }: Pick<Context, 'db'>,
  { projectId }: { projectId: string },
): Promise<FeatureEntry[]> {
  const rows = await listAllDefinitions(db.read, projectId)
  const said = new Map(rows.map((row) => [`${row.kind}:${row.name}`, aboutOf(row)]))
  const entries = rows.map((row) => toEntry(row, aboutOf(row)))
  for (const entry of entries.filter(({ kind }) => kind === 'service')) {
    for (const feature of entry.features) {
      const from = said.get(`view:${feature.source}`) ?? said.get(`on_demand:${feature.source}`)
      feature.description ??= from?.descriptions?.[feature.name] ?? null
    }
  }
  return entries
}

function aboutOf({ about_json }: FeatureDefinitionRow): About {
  return about_json === null ? {} : (JSON.parse(about_json) as About)
}

function toEntry(row: FeatureDefinitionRow, about: About): FeatureEntry {
  const { owner = null, description = null, tags = [], descriptions = {} } = about
  const described = (features: readonly Feature[]): DescribedFeature[] =>
    features.map(({ name, kind }) => ({
      name,
      kind,
      description: descriptions[name] ?? null,
      source: null,
      from: null,
    }))
  const shared = { name: row.name, owner, description, tags }
  switch (row.kind) {
    case 'entity': {
      const { key } = JSON.parse(row.definition_json) as EntityDefinition
      return {
        ...shared,
        kind: row.kind,
        entities: [row.name],
        dataset: null,
        features: [],
        columns: [key],
        code: null,
      }
    }
    case 'view': {
      const view = JSON.parse(row.definition_json) as FeatureViewDefinition
      return {
        ...shared,
        kind: row.kind,
        entities: [view.entity],
        dataset: view.dataset,
        features: described(view.features),
        ...readBy(view),
      }
    }
    case 'on_demand': {
      const demanded = JSON.parse(row.definition_json) as OnDemandDefinition
      return {
        ...shared,
        kind: row.kind,
        entities: [],
        dataset: null,
        features: described(demanded.outputs),
        columns: demanded.inputs.map(({ name }) => name),
        code: `${demanded.module}#${demanded.export}`,
      }
    }
    case 'service': {
      const service = JSON.parse(row.definition_json) as FeatureServiceSpec
      return {
        ...shared,
        kind: row.kind,
        entities: service.entities.map(({ name }) => name),
        dataset: null,
        features: service.features.map(({ name, kind, source, from }) => ({
          name,
          kind,
          source,
          from,
          description: descriptions[name] ?? null,
        })),
        columns: service.entities.map(({ key }) => key),
        code: null,
      }
    }
  }
}

/** What a view reads by name, and how it computes its features. SQL may read anything: its text stands for itself. */
function readBy({
  sql,
  keys = [],
  aggregates,
  row,
}: FeatureViewDefinition): Pick<FeatureEntry, 'columns' | 'code'> {
  if (row)
    return { columns: [...keys, ...row.inputs.map(({ name }) => name)], code: `${row.module}#${row.export}` }
  if (!aggregates) return { columns: [], code: sql ?? null }
  const read = aggregates.flatMap(({ column, share, where }) => [
    ...(column === null ? [] : [column]),
    ...[...share, ...where].map((condition) => condition.column),
  ])
  return { columns: [...new Set([...keys, ...read])], code: aggregates.map(aggregateText).join('\n') }
}

function aggregateText({ name, function: how, column, share, where, windows }: Aggregate): string {
  const conditions = (of: Aggregate['where']): string =>
    of.map((each) => `${each.column} ${each.is} ${JSON.stringify(each.value)}`).join(' and ')
  const what = column ?? (share.length > 0 ? conditions(share) : '*')
  const only = where.length === 0 ? '' : ` where ${conditions(where)}`
  return `${name} = ${how}(${what})${only} over ${windows.map((window) => window.name).join(', ')}`
}
