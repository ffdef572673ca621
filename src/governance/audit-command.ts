import { Option, type Command } from 'commander'
import { apiOf, print, table, withServerOptions, type CommandOptions } from '../http/command.ts'
import { AppError } from '../kernel/errors.ts'
import type { AuditItem, Seal } from './audit-schema.ts'

interface AuditOptions extends CommandOptions {
  verify?: boolean
  noted?: string
  at?: string
  by?: string
  action?: string
  text?: string
  since?: string
  until?: string
  everywhere?: boolean
  limit: string
}

export function addAuditCommand(program: Command): void {
  withServerOptions(program.command('audit'))
    .description('who did what, newest first; or what was served on a day; or whether the log was changed')
    .addOption(new Option('--by <name>', 'what one user did'))
    .addOption(new Option('--action <action>', 'one action, or what some begin with, such as rollout.'))
    .addOption(new Option('--text <text>', 'entries that hold this text'))
    .addOption(new Option('--since <time>', 'from this time, such as 2026-11-25 or 2026-11-25T09:40Z'))
    .addOption(new Option('--until <time>', 'up to this time'))
    .addOption(new Option('--everywhere', 'also sign-ins and other projects'))
    .addOption(new Option('--limit <count>', 'how many').default('50'))
    .addOption(new Option('--at <time>', 'what each deployment and alias was then, and who put it there'))
    .addOption(new Option('--verify', 'follow the chain of seals; ends with 4 when it is broken'))
    .addOption(
      new Option(
        '--noted <seal>',
        'also whether this seal, which was written down before, is still there',
      ).implies({
        verify: true,
      }),
    )
    .action(auditCommand)
}

async function auditCommand(options: AuditOptions): Promise<void> {
  if (options.verify) return await verify(options)
  if (options.at !== undefined) return await stateAt(options, options.at)
  const { by, action, text, limit, since, until, everywhere } = options
  const items = await ask<{ items: AuditItem[] }>(options, '/audit', {
    by,
    action,
    text,
    limit,
    fromMs: since && String(timeOf(since)),
    toMs: until && String(timeOf(until)),
    everywhere: everywhere ? 'true' : undefined,
  })
  print(options, items.items, () =>
    table(
      ['time', 'who', 'did'],
      items.items.map(({ atMs, actor, sentence }) => [iso(atMs), actor, sentence]),
    ),
  )
}

async function verify(options: AuditOptions): Promise<void> {
  const seal = await ask<Seal>(options, '/audit/seal', { noted: options.noted })
  const { sealed, waiting, last, brokenAt, noted } = seal
  const holds = brokenAt === null && noted !== false
  print(options, seal, () => {
    if (brokenAt !== null)
      return `The log was changed: entry ${brokenAt} does not follow from those before it.`
    if (noted === false) return 'The noted seal is gone: entries up to it were removed or written anew.'
    const until = last ? ` until ${iso(last.atMs)}. Note its seal: ${last.hash}` : '.'
    return `The chain holds: ${sealed} entries are sealed${until}\n${waiting} more wait for their seal.`
  })
  if (!holds) process.exitCode = 4
}

interface State {
  deployments: {
    deployment: string
    model: string
    version: number
    sinceMs: number
    by: { actor: string } | null
    decision: { sentence: string } | null
  }[]
  aliases: { model: string; alias: string; version: number; sinceMs: number; actor: string }[]
}

async function stateAt(options: AuditOptions, at: string): Promise<void> {
  const state = await ask<State>(options, '/audit/state', { atMs: String(timeOf(at)) })
  print(options, state, () =>
    table(
      ['what', 'was', 'since', 'by', 'because'],
      [
        ...state.deployments.map(({ deployment, model, version, sinceMs, by, decision }) => [
          deployment,
          `${model}/${version}`,
          iso(sinceMs),
          by?.actor ?? '?',
          decision?.sentence ?? '',
        ]),
        ...state.aliases.map(({ model, alias, version, sinceMs, actor }) => [
          `${model}@${alias}`,
          `version ${version}`,
          iso(sinceMs),
          actor,
          '',
        ]),
      ],
    ),
  )
}

async function ask<Answer>(
  options: AuditOptions,
  path: string,
  query: Record<string, string | undefined>,
): Promise<Answer> {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return await apiOf(options).get<Answer>(`${path}?${new URLSearchParams(given).toString()}`)
}

function timeOf(text: string): number {
  const timeMs = Date.parse(text)
  if (!Number.isNaN(timeMs)) return timeMs
  throw new AppError('invalid', `${text} is no time; write it like 2026-11-25 or 2026-11-25T09:40Z`)
}

function iso(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
}
