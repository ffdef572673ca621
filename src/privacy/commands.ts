import type { Command } from 'commander'
import { apiOf, print, withServerOptions, type CommandOptions } from '../http/command.ts'
import { AppError } from '../kernel/errors.ts'
import { personalTable } from './describe.ts'
import type { PersonalColumn } from './schema.ts'

export function addPrivacyCommands(program: Command): void {
  const privacy = program.command('privacy').description('what datasets tell of people')
  withServerOptions(privacy.command('scan'))
    .description('the personal columns of a dataset: what was found, why, and what the dataset does with it')
    .argument('<dataset>', 'a dataset, or one of its versions as people@2')
    .action(scan)
  withServerOptions(privacy.command('rotate-key'))
    .description('go over to the privacy key that the server has now; hashed columns are read again')
    .action(rotateKey)
}

async function scan(reference: string, options: CommandOptions): Promise<void> {
  const path = await versionPath(options, reference)
  const { personal } = await apiOf(options).get<{ personal: PersonalColumn[] }>(path)
  print(options, personal, () =>
    personal.length === 0 ? `No column of ${reference} looks personal.` : personalTable(personal),
  )
}

/** The address of a version named as `people@2`; without a number the latest is meant. */
async function versionPath(options: CommandOptions, reference: string): Promise<string> {
  const [name = '', number] = reference.split('@')
  const path = `/datasets/${encodeURIComponent(name)}`
  if (number !== undefined) return `${path}/versions/${encodeURIComponent(number)}`
  const { latest } = await apiOf(options).get<{ latest: { number: number } | null }>(`${path}?limit=1`)
  if (latest === null) throw new AppError('not_found', `The dataset ${name} has no version yet`)
  return `${path}/versions/${latest.number}`
}

async function rotateKey(options: CommandOptions): Promise<void> {
  const rotated = await apiOf(options).post<{ keyId: string; before: string | null }>('/privacy/rotate-key')
  print(options, rotated, () =>
    rotated.before === rotated.keyId
      ? `The project uses the key ${rotated.keyId} already.`
      : `The project uses the key ${rotated.keyId} now. Hashed columns are read again at the next ingest.`,
  )
}
