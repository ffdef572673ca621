import { Option, type Command } from 'commander'
import { setTimeout as pause } from 'node:timers/promises'
import { apiOf, print, table, withServerOptions, type CommandOptions } from '../http/command.ts'
import { askSecret, requireWord } from '../http/prompt.ts'
import { AppError } from '../kernel/errors.ts'
import type { Erasure } from './schema.ts'

const LOOK_EVERY_MS = 250

interface EraseOptions extends CommandOptions {
  yes?: boolean
  dryRun?: boolean
}

export function addErasureCommands(program: Command): void {
  withServerOptions(program.command('erase'))
    .description(
      'erase a person from dataset versions, online store, logs and reports; counts first, and asks before anything is removed',
    )
    .argument('<entity>', 'the entity that the person is, such as customer')
    .argument(
      '[key]',
      'the key of the person; asked for when it is not given, so that it stands in no history',
    )
    .addOption(new Option('--dry-run', 'only count where the key occurs'))
    .addOption(new Option('--yes', 'do not ask'))
    .action(erase)
  withServerOptions(program.command('erasures'))
    .description('who was erased by whom and when, by the hash of the key, and what was removed where')
    .action(list)
}

async function erase(entity: string, given: string | undefined, options: EraseOptions): Promise<void> {
  const key = given ?? (await askSecret(`Key of the ${entity}: `))
  if (key === '') throw new AppError('invalid', 'There is no key')
  if (options.yes !== true || options.dryRun === true) {
    const counted = await request(options, { entity, key, dryRun: true })
    if (options.dryRun === true) return print(options, counted, () => describe(counted))
    process.stderr.write(`${describe(counted)}\n`)
    await requireWord('erase', 'They are removed for good.')
  }
  const done = await request(options, { entity, key, dryRun: false })
  print(options, done, () => describe(done))
}

/** Asks, and waits for the end. */
async function request(
  options: CommandOptions,
  body: { entity: string; key: string; dryRun: boolean },
): Promise<Erasure> {
  const api = apiOf(options)
  const { id } = await api.post<{ id: string }>('/erasures', body)
  for (;;) {
    const erasure = await api.get<Erasure>(`/erasures/${id}`)
    if (erasure.state === 'counted' || erasure.state === 'done') return erasure
    await pause(LOOK_EVERY_MS)
  }
}

async function list(options: CommandOptions): Promise<void> {
  const { items } = await apiOf(options).get<{ items: Erasure[] }>('/erasures')
  const rows = items
    .filter(({ dryRun }) => !dryRun)
    .map((each) => [
      new Date(each.createdMs).toISOString(),
      each.entity,
      each.keyHash.slice(0, 16),
      each.state,
      String(
        each.places
          .filter(({ place }) => place !== 'dataset versions')
          .reduce((sum, { rows: n }) => sum + n, 0),
      ),
      String(each.cameAgainRows),
      each.actor.name,
    ])
  print(options, items, () =>
    rows.length === 0
      ? 'Nobody was erased.'
      : table(['at', 'entity', 'hash of the key', 'state', 'rows', 'came again', 'by'], rows),
  )
}

function describe({ dryRun, places, derived, sources }: Erasure): string {
  if (places.length === 0)
    return dryRun ? 'The key occurs nowhere.' : 'The key occurred nowhere; it will be left out when it comes.'
  const lines = table(
    ['place', 'name', 'rows'],
    places.map(({ place, name, rows }) => [place, name, String(rows)]),
  )
  const told =
    sources.length === 0 ? '' : `\n\nTell the sources, which still have the rows: ${sources.join(', ')}.`
  const made = derived.length === 0 ? '' : `\n\nMade of the rows, and not changed: ${derived.join('; ')}.`
  return `${lines}${told}${made}`
}
