import { Option, type Command } from 'commander'
import { apiOf, print, withServerOptions, type CommandOptions } from '../http/command.ts'
import type { ApiClient } from '../http/api-client.ts'
import { requireWord } from '../http/prompt.ts'
import { AppError } from '../kernel/errors.ts'
import { describeAnonymity, describeBalance, personalTable } from './describe.ts'
import type { AnonymityReport, BalanceReport, PersonalColumn } from './schema.ts'

export function addPrivacyCommands(program: Command): void {
  const privacy = program.command('privacy').description('what datasets tell of people')
  withServerOptions(privacy.command('scan'))
    .description('the personal columns of a dataset: what was found, why, and what the dataset does with it')
    .argument('<dataset>', 'a dataset, or one of its versions as people@2')
    .action(scan)
  withServerOptions(privacy.command('k-anonymity'))
    .description('how well people hide among each other, by columns that others may know of them')
    .argument('<dataset>', 'a dataset, or one of its versions as people@2')
    .argument('<columns...>', 'columns that others may know, such as zip born sex')
    .addOption(new Option('--k <rows>', 'groups of fewer rows are small').default('5'))
    .addOption(new Option('--sensitive <column>', 'count its different values in each group'))
    .action(anonymity)
  withServerOptions(privacy.command('balance'))
    .description('how groups compare: rows, how often a label is positive, what is missing')
    .argument('<dataset>', 'a dataset, or one of its versions as people@2')
    .argument('<column>', 'its values are the groups')
    .addOption(new Option('--label <column>', 'the label, or a decision'))
    .addOption(
      new Option('--positive <value>', 'the value of the label that counts; default: the greater of two'),
    )
    .action(balance)
  withServerOptions(privacy.command('rotate-key'))
    .description(
      'go over to the privacy key that the server has now; hashed columns are read again; asks first',
    )
    .addOption(new Option('--yes', 'do not ask'))
    .action(rotateKey)
}

async function scan(reference: string, options: CommandOptions): Promise<void> {
  const api = apiOf(options)
  const path = await versionPath(api, reference)
  const { personal } = await api.get<{ personal: PersonalColumn[] }>(path)
  print(options, personal, () =>
    personal.length === 0 ? `No column of ${reference} looks personal.` : personalTable(personal),
  )
}

interface AnonymityOptions extends CommandOptions {
  k: string
  sensitive?: string
}

async function anonymity(reference: string, columns: string[], options: AnonymityOptions): Promise<void> {
  const query = new URLSearchParams({ columns: columns.join(','), k: options.k })
  if (options.sensitive !== undefined) query.set('sensitive', options.sensitive)
  const api = apiOf(options)
  const path = await versionPath(api, reference)
  const report = await api.get<AnonymityReport>(`${path}/k-anonymity?${query.toString()}`)
  print(options, report, () => describeAnonymity(report))
}

interface BalanceOptions extends CommandOptions {
  label?: string
  positive?: string
}

async function balance(reference: string, by: string, options: BalanceOptions): Promise<void> {
  const query = new URLSearchParams({ by })
  if (options.label !== undefined) query.set('label', options.label)
  if (options.positive !== undefined) query.set('positive', options.positive)
  const api = apiOf(options)
  const path = await versionPath(api, reference)
  const report = await api.get<BalanceReport>(`${path}/balance?${query.toString()}`)
  print(options, report, () => describeBalance(report))
}

/** The address of a version named as `people@2`; without a number the latest is meant. */
async function versionPath(api: ApiClient, reference: string): Promise<string> {
  const [name = '', number] = reference.split('@')
  const path = `/datasets/${encodeURIComponent(name)}`
  if (number !== undefined) return `${path}/versions/${encodeURIComponent(number)}`
  const { latest } = await api.get<{ latest: { number: number } | null }>(`${path}?limit=1`)
  if (latest === null) throw new AppError('not_found', `The dataset ${name} has no version yet`)
  return `${path}/versions/${latest.number}`
}

async function rotateKey(options: CommandOptions & { yes?: boolean }): Promise<void> {
  if (options.yes !== true)
    await requireWord('rotate', 'What is hashed from now on no longer equals what was hashed before.')
  const rotated = await apiOf(options).post<{ keyId: string; before: string | null }>('/privacy/rotate-key')
  print(options, rotated, () =>
    rotated.before === rotated.keyId
      ? `The project uses the key ${rotated.keyId} already.`
      : `The project uses the key ${rotated.keyId} now. Hashed columns are read again at the next ingest.`,
  )
}
