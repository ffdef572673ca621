import { Option, type Command } from 'commander'
import { apiOf, listing, print, table, withServerOptions, type CommandOptions } from '../http/command.ts'
import type { CatalogueEntry, EntryPage } from './schema.ts'

const KINDS = ['entity', 'view', 'on_demand', 'service']

/** Gives the command `features`, to which others add what they know of features. */
export function addFeatureCommands(program: Command): Command {
  const features = program
    .command('features')
    .description('entities, feature views, on-demand features and feature services')
  withListOptions(features.command('list').description('what the project declares, and who uses it')).action(
    (options: ListOptions) => listEntries(undefined, options),
  )
  withListOptions(
    features
      .command('search')
      .description('what has all words in its name, features, tags, owner, description, columns or code'),
  )
    .argument('<text...>', 'words')
    .action((words: string[], options: ListOptions) => listEntries(words.join(' '), options))
  withServerOptions(
    features
      .command('show')
      .description('one of them: definition, freshness, and the model versions that use it'),
  )
    .argument('<name>', 'name of a view, an on-demand feature, a service or an entity')
    .addOption(new Option('--kind <kind>', 'where a name is of several kinds').choices(KINDS))
    .action(showEntry)
  withServerOptions(
    features.command('materialize').description('bring the online values of a view up to the present'),
  )
    .argument('<view>', 'name of the view')
    .action((view: string, options: CommandOptions) => askWorker('materialize', view, options))
  withServerOptions(
    features
      .command('rebuild')
      .description('compute all online values of a view anew from its dataset, and replace them at once'),
  )
    .argument('<view>', 'name of the view')
    .action((view: string, options: CommandOptions) => askWorker('rebuild', view, options))
  return features
}

interface ListOptions extends CommandOptions {
  kind?: string
  entity?: string
  owner?: string
  tag?: string
  unused?: boolean
}

function withListOptions(command: Command): Command {
  return withServerOptions(command)
    .addOption(new Option('--kind <kind>', 'of this kind alone').choices(KINDS))
    .addOption(new Option('--entity <name>', 'about this entity'))
    .addOption(new Option('--owner <owner>', 'of this owner'))
    .addOption(new Option('--tag <tag>', 'with this tag'))
    .addOption(new Option('--unused', 'what no model version uses, or what has such features'))
}

async function listEntries(text: string | undefined, options: ListOptions): Promise<void> {
  const { kind, entity, owner, tag, unused } = options
  const query = new URLSearchParams({
    ...(text !== undefined && { q: text }),
    ...(kind !== undefined && { kind }),
    ...(entity !== undefined && { entity }),
    ...(owner !== undefined && { owner }),
    ...(tag !== undefined && { tag }),
    ...(unused === true && { unused: 'true' }),
  })
  const { items } = await apiOf(options).get<{ items: CatalogueEntry[] }>(
    `/features/catalogue?${query.toString()}`,
  )
  const rows = items.map((entry) => [
    entry.name,
    entry.kind,
    entry.entities.join(' '),
    String(entry.features.length),
    freshnessText(entry),
    entry.usedBy.versions === 0 ? 'nobody' : entry.usedBy.models.join(' '),
    entry.unusedFeatures.length === entry.features.length ? '' : entry.unusedFeatures.join(' '),
    entry.owner ?? '',
    entry.tags.join(' '),
    ...(text === undefined ? [] : [entry.match ?? 'name']),
  ])
  const header = ['name', 'kind', 'entities', 'features', 'fresh', 'used by', 'unused', 'owner', 'tags']
  const nothing =
    text === undefined ? 'No features like that are declared.' : `Nothing has the words “${text}”.`
  print(options, items, () => listing(text === undefined ? header : [...header, 'found in'], rows, nothing))
}

function freshnessText({ freshness }: Pick<CatalogueEntry, 'freshness'>): string {
  if (freshness === null) return ''
  if (!freshness.storeAnswers) return 'online store away'
  if (freshness.ageMs === null) return 'no values'
  return `${duration(freshness.ageMs)}${freshness.stale ? ', stale' : ''}`
}

function duration(ms: number): string {
  if (ms < 90_000) return `${Math.round(ms / 1000)} s`
  if (ms < 5_400_000) return `${Math.round(ms / 60_000)} min`
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} days`
}

async function showEntry(name: string, options: CommandOptions & { kind?: string }): Promise<void> {
  const query = options.kind === undefined ? '' : `?kind=${options.kind}`
  const entry = await apiOf(options).get<EntryPage>(`/features/catalogue/${encodeURIComponent(name)}${query}`)
  print(options, entry, () => describe(entry))
}

function describe(entry: EntryPage): string {
  const facts: [string, string | null][] = [
    ['about', entry.description],
    ['owner', entry.owner],
    ['tags', entry.tags.join(' ') || null],
    ['entity', entry.entities.join(' ') || null],
    ['dataset', entry.dataset],
    ['reads', entry.columns.join(' ') || null],
    ['fresh', freshnessText(entry) || null],
    ['services', entry.usedBy.services.join(' ') || null],
  ]
  const features = entry.features.map((feature) => [
    feature.name,
    feature.kind,
    feature.source ?? '',
    entry.unusedFeatures.includes(feature.name) ? 'nobody' : '',
    feature.description ?? '',
  ])
  const users = entry.users.map(
    ({ model, version, aliases, service, deployments, features: taken, importance }) => [
      `${model}/${version}`,
      aliases.join(' '),
      deployments.map(({ deployment, role }) => `${deployment} (${role})`).join(', '),
      service,
      String(taken.length),
      importance?.features.slice(0, 3).map(percentOf).join(', ') ?? '',
    ],
  )
  return [
    `${entry.kind} ${entry.name}`,
    ...facts.flatMap(([label, value]) => (value === null ? [] : [`${label.padEnd(9)}${value}`])),
    ...(entry.code === null ? [] : ['', entry.code]),
    ...(entry.source === null ? [] : ['', entry.source.trimEnd()]),
    ...(features.length === 0 ? [] : ['', table(['feature', 'kind', 'from', 'used by', 'means'], features)]),
    '',
    users.length === 0
      ? 'No model version uses it.'
      : table(['version', 'aliases', 'deployed', 'service', 'features', 'importance'], users),
  ].join('\n')
}

function percentOf({ feature, share }: { feature: string; share: number }): string {
  return `${feature} ${Math.round(share * 100)} %`
}

async function askWorker(
  work: 'materialize' | 'rebuild',
  view: string,
  options: CommandOptions,
): Promise<void> {
  const path = `/features/views/${encodeURIComponent(view)}/${work}`
  const { jobIds } = await apiOf(options).post<{ jobIds: string[] }>(path)
  const definitions = jobIds.length === 1 ? '' : ` ${jobIds.length} definitions of`
  print(options, { jobIds }, () =>
    work === 'materialize'
      ? `A worker brings${definitions} ${view} up to the present.`
      : `A worker computes${definitions} ${view} anew; until it has ended the old values are served.`,
  )
}
