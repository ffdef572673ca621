import { Option, type Command } from 'commander'
import { apiOf, listing, print, withServerOptions, type CommandOptions } from '../http/command.ts'
import type { ImportReport } from '../model-files/schema.ts'
import { importFile, withImportOptions, type ImportedFile, type ImportFileOptions } from './import-file.ts'

/** Gives the command `models`, to which others add what they know of models. */
export function addRegistryCommands(program: Command): Command {
  const models = withServerOptions(
    program.command('models').description('registered models, or the versions of one'),
  )
    .argument('[model]', 'name of a model')
    .action(listModels)
  withImportOptions(withServerOptions(models.command('import')))
    .description('register an ONNX file that was trained elsewhere: read, checked and measured')
    .argument('<file>', 'path of the ONNX file')
    .addOption(new Option('--name <model>', 'name of the model; it is made when there is none'))
    .action(importCommand)
  return models
}

interface ModelRow {
  name: string
  task?: string
  aliases: { alias: string; version: number }[]
}

interface VersionRow {
  version: number
  aliases: string[]
  task?: string
  createdMs: number
  runId?: string
  importReport?: ImportReport
}

async function listModels(model: string | undefined, options: CommandOptions): Promise<void> {
  const api = apiOf(options)
  if (model === undefined) {
    const { items } = await api.get<{ items: ModelRow[] }>('/models')
    const rows = items.map(({ name, task, aliases }) => [
      name,
      task ?? '',
      aliases.map(({ alias, version }) => `${alias}=${version}`).join(' '),
    ])
    return print(options, items, () =>
      listing(
        ['model', 'task', 'aliases'],
        rows,
        'No models yet: a pipeline registers them, or `tidemill models import <file>`.',
      ),
    )
  }
  const found = await api.get<{ versions: VersionRow[] }>(`/models/${encodeURIComponent(model)}`)
  const rows = found.versions.map(({ version, aliases, task, createdMs, runId, importReport }) => [
    `${model}/${version}`,
    aliases.join(' '),
    task ?? '',
    new Date(createdMs).toISOString().slice(0, 19),
    runId ?? '',
    importReport ? `${importReport.loadMs} ms` : '',
    importReport ? megabytes(importReport.residentBytes) : '',
    importReport?.latency.map(({ rows, p50Us, p99Us }) => `${rows}: ${p50Us}/${p99Us}`).join(', ') ?? '',
  ])
  const header = ['version', 'aliases', 'task', 'created', 'run', 'load', 'memory', 'rows: p50/p99 µs']
  print(options, found, () => listing(header, rows, `The model ${model} has no versions yet.`))
}

async function importCommand(file: string, options: ImportFileOptions): Promise<void> {
  const imported = await importFile(file, options)
  print(options, imported, () => describeImport(imported))
}

function describeImport({ model, version, created, signature, report }: ImportedFile): string {
  const { inputs, outputs, task, classes, score } = signature
  const lines = [
    created
      ? `Registered ${model}/${version} (${task}).`
      : `${model}/${version} is this very file: nothing registered.`,
    `takes   ${inputs.map(({ name, datatype }) => `${name} ${datatype}`).join(', ')}`,
    `gives   ${outputs.map(({ name, datatype, shape }) => `${name} ${datatype} [${shape.join(', ')}]`).join(', ')}`,
  ]
  if (classes) lines.push(`classes ${classes.join(', ')}`)
  if (score) {
    const of = score.column === undefined || !classes ? '' : `: the probability of ${classes[score.column]}`
    lines.push(`score   ${score.output}${score.column === undefined ? '' : `[${score.column}]`}${of}`)
  }
  for (const change of report?.changes ?? []) lines.push(`edited  ${change}`)
  if (report?.golden) {
    const { rows, largestDifference, absolute, relative } = report.golden
    lines.push(
      `golden  ${rows} rows agree: largest difference ${largestDifference.toPrecision(2)}, allowed ${absolute} + ${relative} × |expected|`,
    )
  }
  if (report) {
    lines.push(`cost    loads in ${report.loadMs} ms, takes ${megabytes(report.residentBytes)}`)
    for (const { rows, p50Us, p99Us } of report.latency)
      lines.push(`        ${rows} ${rows === 1 ? 'row' : 'rows'}: p50 ${p50Us} µs, p99 ${p99Us} µs`)
  }
  return lines.join('\n')
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MB`
}
