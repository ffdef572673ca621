import { Option, type Command } from 'commander'
import { apiOf, currentConfig, print, withServerOptions, type CommandOptions } from '../http/command.ts'
import { localOwner } from '../kernel/actor.ts'
import type { OutdatedVersion } from '../data/data.ts'
import { durationMs } from '../kernel/duration.ts'
import { AppError } from '../kernel/errors.ts'
import type { Collected } from '../ports/artifacts/blobs.ts'
import { lineageKinds } from '../ports/db/lineage-kinds.ts'
import type { LineageGraph } from './schema.ts'
import type { Trash } from './trash.ts'

export function addServerCommands(program: Command): void {
  program
    .command('gc')
    .description(
      'what was deleted long ago, dataset versions that are no longer kept, orphaned artifacts, and stored bytes that nothing refers to: says what would go, and with --delete deletes it',
    )
    .addOption(
      new Option('--delete', 'really delete; what becomes unused waits for a day before its bytes go'),
    )
    .addOption(
      new Option('--older-than <duration>', 'deleted at least so long ago, such as 7d or 12h').default('30d'),
    )
    .addOption(new Option('--experiment <id>', 'purge only what is in this experiment, and it'))
    .addOption(new Option('--project <name>', 'project of the trash; default: all'))
    .addOption(new Option('--data-dir <folder>', 'folder of everything that Tidemill keeps'))
    .addOption(new Option('--json', 'print JSON instead of text'))
    .action(gc)
  withServerOptions(
    program.command('lineage').description('where something came from, or with --down what came of it'),
  )
    .argument('<what>', 'a model version as late/3, a dataset version as flights@2, or an id with --kind')
    .addOption(new Option('--kind <kind>', 'what the id names').choices(lineageKinds))
    .addOption(new Option('--down', 'what came of it'))
    .addOption(new Option('--depth <steps>', 'steps of the way, at most').default('20'))
    .action(showLineage)
}

interface LineageOptions extends CommandOptions {
  kind?: string
  down?: boolean
  depth: string
}

async function showLineage(what: string, options: LineageOptions): Promise<void> {
  const { lineageTree } = await import('./lineage-tree.ts')
  const direction = options.down ? 'down' : 'up'
  const kind = options.kind ?? (what.includes('@') ? 'dataset_version' : 'model_version')
  const query = new URLSearchParams({ kind, id: what, direction, depth: options.depth })
  const graph = await apiOf(options).get<LineageGraph>(`/lineage?${query.toString()}`)
  print(options, graph, () => lineageTree(graph, direction))
}

interface GcOptions extends CommandOptions {
  delete?: boolean
  olderThan: string
  experiment?: string
  dataDir?: string
}

/** Works on the database and the artifacts themselves, whether Tidemill runs or not. */
async function gc(options: GcOptions): Promise<void> {
  const { openStored } = await import('../http/open-context.ts')
  const { collectGarbage, retireVersions } = await import('./gc.ts')
  const { purgeTrash, showTrash } = await import('./trash.ts')
  const { listProjectIds, resolveProject } = await import('../governance/governance.ts')
  const { dataDir, olderThan, experiment: experimentId, project } = options
  const age = durationMs.safeParse(olderThan)
  if (!age.success)
    throw new AppError('invalid', `--older-than ${olderThan}: ${age.error.issues[0]!.message}`)
  await using context = await openStored(currentConfig(dataDir === undefined ? {} : { dataDir }))
  const dryRun = options.delete !== true
  const projectIds =
    project === undefined ? await listProjectIds(context) : [await resolveProject(context, project)]
  const work = dryRun ? showTrash : purgeTrash
  const trash: Trash = { items: [], orphans: [] }
  const versions: OutdatedVersion[] = []
  for (const projectId of projectIds) {
    const found = await work(context, { projectId, actor: localOwner, olderThanMs: age.data, experimentId })
    trash.items.push(...found.items)
    trash.orphans.push(...found.orphans)
    if (experimentId === undefined)
      versions.push(...(await retireVersions(context, { projectId, actor: localOwner, dryRun })))
  }
  const nowMs = await context.db.wallTime()
  const blobs = await collectGarbage(context, { actor: localOwner, nowMs, dryRun })
  const done = { trash, versions, blobs }
  print(options, { deleted: !dryRun, ...done }, () => gcText({ dryRun, ...done }))
}

interface Garbage {
  dryRun: boolean
  trash: Trash
  versions: readonly OutdatedVersion[]
  blobs: Collected
}

function gcText({ dryRun, trash, versions, blobs }: Garbage): string {
  const going = trash.items.filter(({ keptBy }) => keptBy === undefined)
  const staying = trash.items.filter(({ keptBy }) => keptBy !== undefined)
  const outdated = versions.filter(({ keptBy }) => keptBy === undefined)
  const count = (kind: string): number => going.filter((item) => item.kind === kind).length
  const sized = [...going, ...trash.orphans]
  const files = sized.reduce((sum, item) => sum + item.files, 0)
  const bytes = sized.reduce((sum, item) => sum + item.bytes, 0)
  const lines = [
    `${dryRun ? 'Would purge' : 'Purged'} ${count('experiment')} experiments, ${count('run')} runs and ${count('logged-model')} logged models from the trash, and ${trash.orphans.length} orphaned artifact folders: ${files} files (${mebibytes(bytes)}).`,
    `${dryRun ? 'Would delete' : 'Deleted'} ${outdated.length} dataset versions${outdated.length === 0 ? '' : `: ${versionList(outdated)}`}.`,
    dryRun
      ? `Would delete ${blobs.deleted.length} blobs (${mebibytes(blobs.freedBytes)}) and condemn ${blobs.condemned.length} more.`
      : `Deleted ${blobs.deleted.length} blobs (${mebibytes(blobs.freedBytes)}); ${blobs.condemned.length} more are unused and go in a day.`,
    ...versions
      .filter(({ keptBy }) => keptBy !== undefined)
      .slice(0, 20)
      .map(({ dataset, number, keptBy }) => `Stays: ${dataset}@${number}, for ${keptBy}.`),
    ...staying.slice(0, 20).map(({ kind, id, keptBy }) => `Stays: ${kind} ${id}, for ${keptBy}.`),
  ]
  if (dryRun) lines.push('Nothing was changed. --delete does it.')
  return lines.join('\n')
}

/** `flights@1 to 4 (keep the newest 3 versions)`, the first few datasets. */
function versionList(versions: readonly OutdatedVersion[]): string {
  const datasets = [...Map.groupBy(versions, ({ dataset }) => dataset)].map(([dataset, of]) => {
    const first = of[0]!.number
    const last = of.at(-1)!.number
    return `${dataset}@${first === last ? first : `${first} to ${last}`} (${of[0]!.why})`
  })
  return [...datasets.slice(0, 10), ...(datasets.length > 10 ? ['…'] : [])].join(', ')
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`
}
