import { amount } from '../kernel/amount.ts'
import { Option, type Command } from 'commander'
import { absolute, print, printRows } from '../http/command.ts'
import { AppError } from '../kernel/errors.ts'
import { sizeText } from './describe.ts'
import { describeDiff, describeKeyDiff } from './describe-diff.ts'
import { exportFormats, type ExportFormat } from './schema.ts'
import type { Reach } from './reach.ts'
import { parseReference } from '../data/schema.ts'
import { reach, withRowOptions, type RowOptions } from './exploring.ts'

/** Commands that read rows: DuckDB runs in the command, over the data folder, or over what it fetches from the server that `--server` names. */
export function addRowCommands(data: Command): void {
  withRowOptions(data.command('diff'))
    .description(
      'how two versions differ: schema, rows, distributions; with --key which rows came, went or changed',
    )
    .argument('<from>', 'the earlier version, as flights@2')
    .argument('<to>', 'the later version, as flights@3')
    .addOption(new Option('--key <columns>', 'columns that name a row, with commas'))
    .action(diff)
  withRowOptions(data.command('sample'))
    .description('rows of a version, chosen at random; equal seeds give equal rows')
    .argument('<dataset>', 'a dataset, or one of its versions as flights@2')
    .addOption(new Option('--rows <count>', 'so many').default('20'))
    .addOption(new Option('--seed <number>', 'another seed, other rows').default('1'))
    .action(sample)
  withRowOptions(data.command('sql'))
    .description(
      'run one SELECT over datasets: each is a view of its latest version, flights@2 one of that version',
    )
    .argument('<query>', 'SQL, such as "SELECT origin, avg(delay) FROM flights@2 GROUP BY ALL"')
    .addOption(new Option('--limit <rows>', 'print at most so many').default('1000'))
    .action(sql)
  withRowOptions(data.command('export'))
    .description('write the rows of a version as one file')
    .argument('<dataset>', 'a dataset, or one of its versions as flights@2')
    .addOption(new Option('--to <file>', 'where to').makeOptionMandatory())
    .addOption(new Option('--format <format>', 'default: by the ending of the file').choices(exportFormats))
    .addOption(new Option('--force', 'replace a file that is there'))
    .action(exportCommand)
}

interface DiffOptions extends RowOptions {
  key?: string
}

async function diff(from: string, to: string, options: DiffOptions): Promise<void> {
  await using rows = await reach(options)
  const [before, after] = [parseReference(from), parseReference(to)]
  if (before.name !== after.name)
    throw new AppError('invalid', `${from} and ${to} are versions of different datasets`)
  const found = await rows.diff(before.name, await numberOf(rows, from), await numberOf(rows, to))
  if (options.key === undefined) return print(options, found, () => describeDiff(found))
  const { diffKeys } = await import('./diff-keys.ts')
  const key = options.key.split(',').map((name) => name.trim())
  const keys = await diffKeys(rows, await rows.version(from), await rows.version(to), key)
  print(options, { ...found, keys }, () => `${describeDiff(found)}\n\n${describeKeyDiff(keys)}`)
}

async function numberOf(rows: Reach, reference: string): Promise<number> {
  return parseReference(reference).number ?? (await rows.version(reference)).number
}

interface SampleOptions extends RowOptions {
  rows: string
  seed: string
}

async function sample(reference: string, options: SampleOptions): Promise<void> {
  const { sampleRows } = await import('./sample.ts')
  const rows = wholeNumber('--rows', options.rows, 100_000)
  const seed = wholeNumber('--seed', options.seed, 2 ** 31 - 1)
  await using at = await reach(options)
  printRows(options, await sampleRows(at, await at.version(reference), { rows, seed }))
}

interface SqlOptions extends RowOptions {
  limit: string
}

async function sql(query: string, options: SqlOptions): Promise<void> {
  const { queryDatasets } = await import('./query.ts')
  const limit = wholeNumber('--limit', options.limit, 1_000_000)
  await using at = await reach(options)
  const found = await queryDatasets(at, { sql: query, limit })
  printRows(options, found)
  if (found.more) process.stderr.write(`There are more than ${amount(limit)} rows: --limit shows more.\n`)
}

interface ExportOptions extends RowOptions {
  to: string
  format?: ExportFormat
  force?: boolean
}

async function exportCommand(reference: string, options: ExportOptions): Promise<void> {
  const { exportVersion } = await import('./export.ts')
  const path = absolute(options.to)
  const format = options.format ?? exportFormats.find((name) => path.endsWith(`.${name}`))
  if (!format)
    throw new AppError(
      'invalid',
      `${options.to} ends in none of .${exportFormats.join(', .')}: give --format`,
    )
  await using at = await reach(options)
  const version = await at.version(reference)
  const { sizeBytes } = await exportVersion(at, version, { format, path, force: options.force === true })
  const { dataset, number, rows } = version
  const done = { dataset, number, rows, format, path, sizeBytes }
  print(options, done, () => `${dataset}@${number}: ${amount(rows)} rows in ${path}, ${sizeText(sizeBytes)}.`)
}

function wholeNumber(option: string, text: string, max: number): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && number <= max) return number
  throw new AppError('invalid', `${option} ${text}: write a whole number up to ${amount(max)}`)
}
