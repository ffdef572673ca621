import { Option, type Command } from 'commander'
import { apiOf, listing, print, withServerOptions, type CommandOptions } from '../http/command.ts'
import { AppError } from '../kernel/errors.ts'
import { parseVersion } from '../registry/version-reference.ts'
import type { Promotion, PromotionDetail } from './schema.ts'

interface PromoteOptions extends CommandOptions {
  alias: string
  reason: string
}

interface PromotionOptions extends CommandOptions {
  approve?: boolean
  decline?: boolean
  merge?: boolean
  refresh?: boolean
  withdraw?: boolean
  rollBack?: boolean
  force?: boolean
  reason?: string
  state?: string
}

/** What is done to one promotion. */
const ACTIONS = ['approve', 'decline', 'merge', 'refresh', 'withdraw', 'rollBack'] as const

export function addPromotionCommands(program: Command): void {
  withServerOptions(program.command('promote'))
    .description('propose to point an alias at a version (late/3), for others to review')
    .argument('<version>', 'model/version')
    .addOption(new Option('--alias <alias>', 'the alias that should point at it').default('champion'))
    .requiredOption('--reason <text>', 'what makes it better, in Markdown')
    .action(promote)
  withServerOptions(program.command('promotions'))
    .description(
      'proposals to point an alias at a version: those that are open, or one, which is reviewed and merged',
    )
    .argument('[id]', 'id of a promotion')
    .addOption(
      new Option('--state <state>', 'which are listed')
        .choices(['open', 'merged', 'declined', 'withdrawn', 'rolled_back'])
        .default('open'),
    )
    .addOption(
      new Option('--approve', 'approve what there is now').conflicts(['decline', 'withdraw', 'rollBack']),
    )
    .addOption(
      new Option('--decline', 'decline it, which ends it').conflicts(['merge', 'withdraw', 'rollBack']),
    )
    .addOption(new Option('--merge', 'point the alias at the version'))
    .addOption(new Option('--refresh', 'gather the evidence anew, after something has changed'))
    .addOption(new Option('--withdraw', 'take it back').conflicts(['merge', 'rollBack']))
    .addOption(new Option('--roll-back', 'point the alias back at what held it before'))
    .addOption(
      new Option('--force', 'merge although something is missing; needs --reason').implies({ merge: true }),
    )
    .addOption(new Option('--reason <text>', 'why, for the record'))
    .action(promotions)
}

async function promote(named: string, { alias, reason, ...options }: PromoteOptions): Promise<void> {
  const { model, version } = parseVersion(named)
  const path = `/models/${encodeURIComponent(model)}/promotions`
  const body = { version, alias, reason }
  const opened = await apiOf(options).post<PromotionDetail>(path, body)
  print(options, opened, () => describe(opened))
}

async function promotions(id: string | undefined, options: PromotionOptions): Promise<void> {
  const api = apiOf(options)
  if (id === undefined) {
    const asked = ACTIONS.find((action) => options[action])
    if (asked)
      throw new AppError('invalid', `Which promotion? Give its id, as \`tidemill promotions\` lists them`)
    const { items } = await api.get<{ items: Promotion[] }>(`/promotions?state=${options.state}`)
    const rows = items.map((item) => [
      item.id,
      `${item.model}/${item.version}`,
      item.alias,
      item.state,
      item.author,
      item.waitsFor ?? '',
    ])
    return print(options, items, () =>
      listing(
        ['promotion', 'version', 'alias', 'state', 'by', 'waits for'],
        rows,
        `No promotion is ${options.state}: \`tidemill promote <version> --reason <text>\` proposes one.`,
      ),
    )
  }
  const at = `/promotions/${encodeURIComponent(id)}`
  const { reason } = options
  const body = reason === undefined ? {} : { reason }
  const verdict = options.approve ? 'approved' : options.decline ? 'declined' : undefined
  if (options.refresh) await api.post(`${at}/refresh`)
  if (verdict) {
    const { digest } = await api.get<PromotionDetail>(at)
    await api.post(`${at}/reviews`, { verdict, digest, ...(reason !== undefined && { body: reason }) })
  }
  if (options.merge) await api.post(`${at}/merge`, { ...body, ...(options.force && { force: true }) })
  if (options.withdraw) await api.post(`${at}/withdraw`, body)
  if (options.rollBack) await api.post(`${at}/rollback`, body)
  const found = await api.get<PromotionDetail>(at)
  print(options, found, () => describe(found))
}

function describe({
  id,
  model,
  version,
  alias,
  holderVersion,
  state,
  sentence,
  checks,
  evidence,
}: PromotionDetail): string {
  const { gates, params, metrics, data, signature, features, code, environment } = evidence
  const holder = holderVersion === null ? 'nothing' : `${model}/${holderVersion}`
  const differences = [
    ...metrics.map(
      ({ key, candidate, holder: was }) => `metric ${key}: ${candidate ?? 'none'}, was ${was ?? 'none'}`,
    ),
    ...params.map(
      ({ key, candidate, holder: was }) => `param ${key}: ${candidate ?? 'none'}, was ${was ?? 'none'}`,
    ),
    ...data,
    ...signature,
    ...features,
    ...(code ?? []).map(({ path, change }) => `code ${path} ${change}`),
    ...environment.map(
      ({ path, added, removed }) =>
        `${path}: ${[...added.map((line) => `+${line}`), ...removed.map((line) => `-${line}`)].join(' ')}`,
    ),
  ]
  return [
    `promotion ${id}`,
    `${model}/${version} to ${alias}, in the place of ${holder}: ${state.replace('_', ' ')}`,
    ...(sentence === null ? [] : [sentence]),
    ...(gates ? [gates.sentence] : []),
    ...checks.map(({ met, sentence: text }) => `[${met ? 'x' : ' '}] ${text}`),
    ...(differences.length > 0 ? ['differences:', ...differences.map((text) => `  ${text}`)] : []),
  ].join('\n')
}
