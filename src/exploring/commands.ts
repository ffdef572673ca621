import { amount } from '../kernel/amount.ts'
import { Option, type Command } from 'commander'
import { apiOf, print, table, withServerOptions, type CommandOptions } from '../http/command.ts'
import { AppError } from '../kernel/errors.ts'
import { noVersionYet, parseReference } from '../data/schema.ts'
import { describeReport, describeVersion, momentText, rangeText } from './describe.ts'
import { addCheckCommands } from './check-commands.ts'
import { addRowCommands } from './row-commands.ts'
import { datasetPath } from './reference.ts'
import type { DatasetDetail, DatasetItem, DatasetVersionDetail } from './schema.ts'
import type { ReportDetail } from '../reports/schema.ts'

/** Gives the command `data`, to which others add what they do with datasets. */
export function addDataCommands(program: Command): Command {
  const data = program.command('data').description('datasets, their versions and what is in them')
  withServerOptions(data.command('list'))
    .description('the datasets of the project, each with its latest version and report')
    .addOption(
      new Option(
        '--search <words>',
        'only those with these words in name, description, owner, tags or columns',
      ),
    )
    .action(list)
  withServerOptions(data.command('show'))
    .description(
      'one version of a dataset: schema, rows, times, where it came from, a summary of each column',
    )
    .argument('<dataset>', 'a dataset, or one of its versions as flights@2')
    .action(show)
  withServerOptions(data.command('versions'))
    .description('the versions of a dataset, newest first')
    .argument('<dataset>', 'name of a dataset')
    .addOption(new Option('--limit <count>', 'at most so many').default('20'))
    .action(versions)
  withServerOptions(data.command('ingest'))
    .description('ask a worker to look for new data now')
    .argument('<dataset>', 'name of a dataset')
    .action(ingest)
  withServerOptions(data.command('report'))
    .description('what the expectations said about the newest delivery, or about the files of one version')
    .argument('<dataset>', 'a dataset, or one of its versions as flights@2')
    .action(report)
  addRowCommands(data)
  addCheckCommands(data)
  return data
}

interface ListOptions extends CommandOptions {
  search?: string
}

async function list(options: ListOptions): Promise<void> {
  const query = new URLSearchParams(options.search === undefined ? {} : { search: options.search })
  const { items } = await apiOf(options).get<{ items: DatasetItem[] }>(`/datasets?${query.toString()}`)
  print(options, items, () =>
    items.length === 0
      ? noDatasets(options.search)
      : table(
          ['dataset', 'version', 'rows', 'times', 'created', 'report', 'owner', 'about'],
          items.map(({ name, declared, definition, latest, report: said }) => [
            declared ? name : `${name} (no longer declared)`,
            latest ? String(latest.number) : '',
            latest ? amount(latest.rows) : '',
            latest ? rangeText(latest.minTimeMs, latest.maxTimeMs) : '',
            latest ? momentText(latest.createdMs) : '',
            said?.verdict ?? '',
            definition.owner ?? '',
            definition.description?.split('\n')[0] ?? '',
          ]),
        ),
  )
}

function noDatasets(search: string | undefined): string {
  return search === undefined
    ? `No datasets. Declare one in the project: dataset('flights', { source: files('feed/*.csv') })`
    : 'No dataset has these words.'
}

async function findVersion(options: CommandOptions, reference: string): Promise<DatasetVersionDetail> {
  const api = apiOf(options)
  const { name, number } = parseReference(reference)
  const wanted = number ?? (await api.get<DatasetDetail>(`${datasetPath(name)}?limit=1`)).latest?.number
  if (wanted === undefined) throw noVersionYet(name)
  return await api.get<DatasetVersionDetail>(`${datasetPath(name)}/versions/${wanted}`)
}

async function show(reference: string, options: CommandOptions): Promise<void> {
  const found = await findVersion(options, reference)
  print(options, found, () => describeVersion(found))
}

interface VersionsOptions extends CommandOptions {
  limit: string
}

async function versions(name: string, options: VersionsOptions): Promise<void> {
  const query = new URLSearchParams({ limit: options.limit })
  const found = await apiOf(options).get<DatasetDetail>(`${datasetPath(name)}?${query.toString()}`)
  print(options, found.versions, () =>
    table(
      ['version', 'rows', 'added', 'parts', 'times', 'created', 'by', 'schema'],
      found.versions.map((version) => [
        `${name}@${version.number}`,
        amount(version.rows),
        amount(version.addedRows),
        String(version.parts),
        rangeText(version.minTimeMs, version.maxTimeMs),
        momentText(version.createdMs),
        version.by === null ? '' : `${version.by.name} (${version.cause?.kind ?? ''})`,
        version.deleted
          ? `deleted: ${version.deleted.why}`
          : (version.schemaChange?.changes.join('; ') ?? ''),
      ]),
    ),
  )
}

async function ingest(name: string, options: CommandOptions): Promise<void> {
  const job = await apiOf(options).post<{ jobId: string }>(`${datasetPath(name)}/ingest`)
  print(options, job, () => `A worker looks for new data of ${name}: job ${job.jobId}.`)
}

async function report(reference: string, options: CommandOptions): Promise<void> {
  const api = apiOf(options)
  const { name, number } = parseReference(reference)
  const id =
    number === undefined
      ? (await api.get<DatasetDetail>(`${datasetPath(name)}?limit=1`)).report?.id
      : (await findVersion(options, reference)).reportId
  if (id === undefined || id === null) {
    throw new AppError('not_found', `There is no report on ${reference} yet`)
  }
  const found = await api.get<ReportDetail>(`/validation-reports/${id}`)
  print(options, found, () => describeReport(found))
}
