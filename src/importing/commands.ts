import { amount } from '../kernel/amount.ts'
import { Argument, Option, type Command } from 'commander'
import { currentConfig, print, table, type CommandOptions } from '../http/command.ts'
import { localOwner } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { ImportLimits } from './limits.ts'
import type { ImportReport, MlflowSource } from './schema.ts'

export function addImportingCommands(program: Command): void {
  program
    .command('import')
    .description(
      'bring experiments, runs, artifacts and models over from another system; may be stopped and run again',
    )
    .addArgument(new Argument('<system>', 'what to import from').choices(['mlflow']))
    .argument('<source>', 'address of a running server (http://…), or the path of its SQLite file')
    .addOption(new Option('--project <name>', 'project to import into').default('default'))
    .addOption(new Option('--include-deleted', 'bring what is deleted in the source too, as deleted'))
    .addOption(
      new Option(
        '--artifacts <folder>',
        'where the server of a SQLite file keeps its artifacts; default: mlartifacts beside it',
      ),
    )
    .addOption(new Option('--max-runs <n>', 'runs that are brought over at most').default('1000000'))
    .addOption(
      new Option('--max-points <n>', 'metric points that are brought over at most').default('1000000000'),
    )
    .addOption(new Option('--max-gib <n>', 'GiB of artifacts that are brought over at most').default('100'))
    .addOption(new Option('--workspace <name>', 'workspace of the source').default('default'))
    .addOption(new Option('--data-dir <folder>', 'folder of everything that Tidemill keeps'))
    .addOption(new Option('--json', 'print JSON instead of text'))
    .action(importFrom)
}

interface ImportOptions extends CommandOptions {
  includeDeleted?: boolean
  artifacts?: string
  workspace: string
  maxRuns: string
  maxPoints: string
  maxGib: string
  dataDir?: string
}

function limitsOf({ maxRuns, maxPoints, maxGib }: ImportOptions): ImportLimits {
  const positive = (option: string, text: string): number => {
    const value = Number(text)
    if (text.trim() !== '' && value > 0 && Number.isFinite(value)) return value
    throw new AppError('invalid', `${option} ${text}: give a number above 0`)
  }
  return {
    runs: positive('--max-runs', maxRuns),
    metricPoints: positive('--max-points', maxPoints),
    artifactBytes: positive('--max-gib', maxGib) * 2 ** 30,
  }
}

/** Works on the database and the artifacts themselves, whether Tidemill runs or not. */
async function importFrom(_system: string, uri: string, options: ImportOptions): Promise<void> {
  const { openStored } = await import('../http/open-context.ts')
  const { resolveProject } = await import('../governance/governance.ts')
  const { importMlflow } = await import('./importing.ts')
  const { Progress } = await import('./progress.ts')
  const { dataDir } = options
  const limits = limitsOf(options)
  await using source = await openSource(uri, options)
  await using context = await openStored(currentConfig(dataDir === undefined ? {} : { dataDir }))
  const projectId = await resolveProject(context, options.project)
  const progress = new Progress(options.json ? undefined : process.stderr)
  const report = await importMlflow(context, {
    projectId,
    actor: localOwner,
    source,
    progress,
    limits,
  })
  print(options, report, () => reportText(report))
  if (report.verification.differences.length > 0)
    throw new AppError('conflict', `${report.verification.differences.length} runs differ from the source`, {
      details: { differences: report.verification.differences },
    })
}

async function openSource(uri: string, options: ImportOptions): Promise<MlflowSource> {
  const { includeDeleted = false, workspace, artifacts } = options
  if (/^https?:\/\//.test(uri)) {
    const { MlflowClient } = await import('./mlflow-client.ts')
    const { openServerSource } = await import('./source-server.ts')
    const named = workspace === 'default' ? undefined : workspace
    return openServerSource(new MlflowClient(uri, { env: process.env, workspace: named }), { includeDeleted })
  }
  const path = uri.replace(/^sqlite:\/\/\//, '')
  if (/^[a-z+]+:\/\//i.test(path))
    throw new AppError(
      'invalid',
      `${uri} can't be imported from: give the address of its running MLflow server, or a SQLite file`,
    )
  const { openSqliteSource } = await import('./source-sqlite.ts')
  return openSqliteSource(path, { includeDeleted, workspace, artifacts })
}

function reportText(report: ImportReport): string {
  const { counts, metricPoints, artifactBytes, seconds, mapping, skipped, verification } = report
  const rows = Object.entries(counts).map(([kind, { imported, unchanged, skipped: left }]) => [
    kind,
    ...[imported, unchanged, left].map((value) => amount(value)),
  ])
  const rate = seconds > 0 ? Math.round(metricPoints / seconds) : 0
  const nothing = Object.values(counts).every(({ imported }) => imported === 0)
  const lines = [
    table(['', 'imported', 'unchanged', 'skipped'], rows),
    '',
    nothing
      ? `Nothing has changed in ${report.source} since the last import.`
      : `${amount(metricPoints)} metric points and ${(artifactBytes / 2 ** 20).toFixed(1)} MiB of artifacts in ${seconds} s (${amount(rate)} points/s).`,
  ]
  for (const { experiment, id, how } of mapping)
    lines.push(
      `Experiment ${experiment} of the source is ${id} here${how === 'merged' ? ': there was one of its name' : ': its id was taken'}.`,
    )
  for (const { what, reason, count } of skipped) lines.push(`Skipped ${count} ${what}: ${reason}.`)
  if (verification.runs > 0)
    lines.push(
      `Verified: params and metric points of ${amount(verification.runs)} runs equal the source by count and checksum.`,
    )
  for (const difference of verification.differences.slice(0, 20)) lines.push(`Differs: ${difference}`)
  return lines.join('\n')
}
