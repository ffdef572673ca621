import { Option, type Command } from 'commander'
import { currentConfig, print, table, type CommandOptions } from '../http/command.ts'
import { localOwner } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { LogQuality, QualityEstimate } from './log-quality.ts'

interface QualityOptions extends Pick<CommandOptions, 'json'> {
  project: string
  dataDir?: string
  version?: string
  variant?: string
  from?: string
  to?: string
}

export function addMonitoringCommands(program: Command): void {
  program
    .command('quality')
    .description(
      'quality of a deployment by its stored predictions and labels, with intervals over days; needs no server',
    )
    .argument('<deployment>', 'name of the deployment')
    .addOption(new Option('--version <number>', 'rows of this model version alone'))
    .addOption(
      new Option('--variant <variant>', 'rows of this variant alone; default: all but shadow').choices([
        'stable',
        'canary',
        'shadow',
        'pinned',
        'external',
        'fallback',
      ]),
    )
    .addOption(new Option('--from <time>', 'predictions from this time on, ISO 8601 (UTC)'))
    .addOption(new Option('--to <time>', 'predictions before this time'))
    .addOption(new Option('--project <name>', 'project to work in').default('default'))
    .addOption(new Option('--data-dir <folder>', 'folder of everything that Tidemill keeps'))
    .addOption(new Option('--json', 'print JSON instead of text'))
    .action(qualityCommand)
}

async function qualityCommand(deployment: string, options: QualityOptions): Promise<void> {
  const { openStored } = await import('../http/open-context.ts')
  const { resolveProject } = await import('../governance/governance.ts')
  const { logQuality } = await import('./log-quality.ts')
  const { dataDir, variant } = options
  const input = {
    deployment,
    variant,
    version: options.version === undefined ? undefined : wholeNumber(options.version),
    fromMs: timeOf('--from', options.from),
    toMs: timeOf('--to', options.to),
  }
  await using context = await openStored(currentConfig(dataDir === undefined ? {} : { dataDir }))
  const projectId = await resolveProject(context, options.project)
  const quality = await logQuality(context, { projectId, actor: localOwner, ...input })
  print(options, quality, () => describeQuality(quality))
}

function describeQuality({ metrics, predictions, rows, days, blocks }: LogQuality): string {
  const over =
    blocks === 'days'
      ? `${days} days; intervals of 95 % over days`
      : `${days} day; intervals of 95 % over stretches of equal length`
  const asked = predictions === 1 ? '1 prediction' : `${predictions} predictions`
  const counts = `${asked}, ${rows} of them labelled, on ${over}`
  const lines = Object.entries(metrics).map(([name, estimate]) => [name, ...cells(estimate)])
  return rows === 0
    ? `${asked}, none labelled yet`
    : `${counts}\n${table(['metric', 'estimate', 'lower', 'upper'], lines)}`
}

function cells({ estimate, lower, upper }: QualityEstimate): string[] {
  return [estimate, lower, upper].map((value) => (value === null ? '' : value.toFixed(4)))
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text)
  throw new AppError('invalid', `--version ${text} is no version number`)
}

/** A time without a zone is UTC. */
function timeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const zoned = /([zZ]|[+-]\d\d:?\d\d)$/.test(text) || text.length === 10 ? text : `${text}Z`
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(zoned) : Number.NaN
  if (Number.isFinite(ms)) return ms
  throw new AppError(
    'invalid',
    `${option} ${text} is no ISO 8601 time, such as 2001-02-01 or 2001-02-01T06:00`,
  )
}
