import type { CatalogueEntry, EntryPage, Importance } from './schema.ts'
/** The door of the room: what features there are, who uses them, and how they fare. */
export { retireUnusedViews } from './retire.ts'
import { functionSource, listEntries, searchEntries, type FeatureEntry } from '../features/features.ts'
import { listFreshness } from '../materialization/materialization.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { unknownName } from '../kernel/unknown-name.ts'
import { findImportance } from '../registry/registry.ts'
import { mismatchRate, sumSkew } from '../skew/skew.ts'
import type { SkewCounts } from '../skew/schema.ts'
import { readUsage, usersOf, usersOfService, type Usage, type VersionUse } from './usage.ts'

export interface CatalogueQuery extends Caller {
  text?: string | undefined
  kind?: FeatureEntry['kind'] | undefined
  entity?: string | undefined
  owner?: string | undefined
  tag?: string | undefined
  /** Only what no model version uses, or what has such features. */
  unused?: boolean | undefined
}

const SKEW_DAYS = 7

/** Everything that the project declares of features, with freshness and usage; chosen, and the best first when a text is given. */
export async function listCatalogue(
  context: Pick<Context, 'db' | 'online' | 'clock'>,
  query: CatalogueQuery,
): Promise<CatalogueEntry[]> {
  const { projectId, actor } = query
  requirePermission(actor, 'view', projectId)
  const entries = await listEntries(context, { projectId })
  const usage = await readUsage(context.db.read, projectId)
  const fresh = new Map(
    (await listFreshness(context, { projectId }))
      .filter(({ current }) => current)
      .map((each) => [each.view.view, each]),
  )
  const skew = Map.groupBy(await sumSkew(context, { projectId, days: SKEW_DAYS }), ({ source }) => source)
  const all = entries.map((entry): Omit<CatalogueEntry, 'match'> => {
    const found = entry.kind === 'view' ? fresh.get(entry.name) : undefined
    return {
      ...entry,
      freshness: found
        ? {
            ageMs: found.ageMs,
            ttlMs: found.view.ttlMs,
            stale: found.stale,
            keys: found.keys,
            staleKeys: found.staleKeys,
            storeAnswers: found.storeAnswers,
          }
        : null,
      skew: entry.kind === 'view' || entry.kind === 'on_demand' ? skewOf(skew.get(entry.name)) : null,
      ...usedBy(entry, entries, usage),
    }
  })
  return searchEntries(all, query.text ?? '')
    .filter(({ entry }) => isWanted(entry, query))
    .map(({ entry, match }) => ({ ...entry, match }))
}

/** Versions of which importance is looked up. */
const MEASURED_VERSIONS = 20

/** One entry with the versions that use it. Throws `not_found`, and `invalid` for a name that several kinds have. */
export async function getEntry(
  context: Pick<Context, 'db' | 'artifacts' | 'online' | 'clock'>,
  input: Caller & { name: string; kind?: FeatureEntry['kind'] | undefined },
): Promise<EntryPage> {
  const { name, ...query } = input
  const declared = await listCatalogue(context, query)
  const same = declared.filter((entry) => entry.name === name)
  const entry = same[0]
  if (!entry) {
    const names = declared.map((each) => each.name)
    throw unknownName('feature, view, service or entity', name, names)
  }
  if (same.length > 1) {
    const kinds = same.map(({ kind }) => kind).join(', ')
    throw new AppError('invalid', `${name} is of several kinds: ${kinds}. Say which with kind`)
  }
  const { db } = context
  const entries = await listEntries(context, query)
  const users = entryUsers(entry, entries, await readUsage(db.read, query.projectId))
  const live = users.filter(isLive)
  const ordered = [...live, ...users.filter((user) => !isLive(user))]
  return {
    ...entry,
    source: await functionSource(context, { projectId: query.projectId, entry }),
    users: await Promise.all(
      ordered.map(async (user, index) => ({
        ...user,
        importance: index < MEASURED_VERSIONS ? await importanceFor(context, user) : null,
      })),
    ),
  }
}

function isLive({ deployments, aliases }: VersionUse): boolean {
  return deployments.length > 0 || aliases.length > 0
}

async function importanceFor(
  context: Pick<Context, 'db'>,
  { modelVersionId, features }: VersionUse,
): Promise<Importance | null> {
  const found = await findImportance(context, { modelVersionId })
  if (!found) return null
  return { of: found.of, features: found.features.filter(({ feature }) => features.includes(feature)) }
}

function isWanted(entry: Omit<CatalogueEntry, 'match'>, query: CatalogueQuery): boolean {
  const { kind, entity, owner, tag, unused } = query
  return (
    (kind === undefined || entry.kind === kind) &&
    (entity === undefined || entry.entities.includes(entity)) &&
    (owner === undefined || entry.owner === owner) &&
    (tag === undefined || entry.tags.includes(tag)) &&
    (unused !== true || entry.usedBy.versions === 0 || entry.unusedFeatures.length > 0)
  )
}

function skewOf(counts: readonly SkewCounts[] = []): CatalogueEntry['skew'] {
  const byFeature = [...Map.groupBy(counts, ({ feature }) => feature)].flatMap(([feature, own]) => {
    const sum = {
      checked: own.reduce((all, { checked }) => all + checked, 0),
      mismatched: own.reduce((all, { mismatched }) => all + mismatched, 0),
      late: own.reduce((all, { late }) => all + late, 0),
    }
    const rate = mismatchRate(sum)
    return rate ? [{ feature, ...sum, ...rate }] : []
  })
  const [worst] = byFeature.toSorted((a, b) => b.lower - a.lower || b.rate - a.rate)
  if (!worst) return null
  const { feature, rate, lower, upper } = worst
  const total = (key: 'checked' | 'mismatched' | 'late'): number =>
    byFeature.reduce((all, each) => all + each[key], 0)
  return {
    checked: total('checked'),
    mismatched: total('mismatched'),
    late: total('late'),
    worst: { feature, rate, lower, upper },
  }
}

/** The versions that use an entry. Of an entity: those that use a view of it. */
function entryUsers(entry: FeatureEntry, entries: readonly FeatureEntry[], usage: Usage): VersionUse[] {
  if (entry.kind === 'service') return usersOfService(usage, entry.name)
  if (entry.kind !== 'entity') return usersOf(usage, entry.name)
  const views = entries.filter(({ kind, entities }) => kind === 'view' && entities.includes(entry.name))
  const users = views.flatMap((view) => usersOf(usage, view.name))
  return [...new Map(users.map((user) => [user.modelVersionId, user])).values()]
}

function usedBy(
  entry: FeatureEntry,
  entries: readonly FeatureEntry[],
  usage: Usage,
): Pick<CatalogueEntry, 'usedBy' | 'unusedFeatures'> {
  const users = entryUsers(entry, entries, usage)
  const taken = new Set(users.flatMap(({ features }) => features))
  const live = users.flatMap(({ deployments }) =>
    deployments.filter(({ role }) => role !== 'previous').map(({ deployment }) => deployment),
  )
  return {
    usedBy: {
      services: servicesOf(entry, entries),
      models: [...new Set(users.map(({ model }) => model))].sort(),
      versions: users.length,
      deployments: [...new Set(live)].sort(),
    },
    unusedFeatures: entry.features.map(({ name }) => name).filter((name) => !taken.has(name)),
  }
}

/** The declared services that take something of it. */
function servicesOf(entry: FeatureEntry, entries: readonly FeatureEntry[]): string[] {
  const services = entries.filter(({ kind }) => kind === 'service')
  const takes = (service: FeatureEntry): boolean =>
    entry.kind === 'entity'
      ? service.entities.includes(entry.name)
      : service.features.some(({ source }) => source === entry.name)
  return entry.kind === 'service' ? [] : services.filter(takes).map(({ name }) => name)
}
