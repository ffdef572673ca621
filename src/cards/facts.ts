import { amount } from '../kernel/amount.ts'
import { getVersion, versionSummary } from '../data/data.ts'
import type { ColumnSummary } from '../summaries/schema.ts'
import type { Context } from '../http/context.ts'
import type { Caller } from '../kernel/actor.ts'
import { ignoreMissing } from '../kernel/errors.ts'
import { getRun } from '../tracking/tracking.ts'
import type { RunDetail } from '../tracking/schema.ts'
import { describeData, listPromotionRows, readRequirements } from '../promotions/promotions.ts'
import {
  featuresOf,
  listAliases,
  toVersion,
  type ModelVersionRow,
  type RegisteredModelRow,
} from '../registry/registry.ts'
import type { ImportReport, Signature } from '../model-files/schema.ts'
import type { FactBlock, FactSection } from './schema.ts'
import { evaluationSections } from './evaluation.ts'

type Reads = Pick<Context, 'db' | 'artifacts'>

interface Known {
  model: RegisteredModelRow
  row: ModelVersionRow
}

const MOST_COLUMNS = 60

/** All that is stored of a version, section by section. What is not known has no line, save where its absence is worth a word. */
export async function gatherFacts(context: Reads, caller: Caller, known: Known): Promise<FactSection[]> {
  const { row } = known
  const run =
    row.run_id === null
      ? undefined
      : await getRun(context, { ...caller, runId: row.run_id }).catch(ignoreMissing)
  return [
    await aboutSection(context, known),
    ...(known.model.description || row.description ? [descriptionSection(known)] : []),
    interfaceSection(row),
    await dataSection(context, { row, run }),
    ...(await evaluationSections(context.db.read, row)),
    ...costSections(row),
    await codeSection(context, { row, run }),
    ...(await approvalSections(context, known)),
  ]
}

async function aboutSection({ db }: Reads, { model, row }: Known): Promise<FactSection> {
  const aliases = (await listAliases(db.read, [model.id])).filter(({ version }) => version === row.version)
  const task = row.task ?? model.task
  return {
    title: 'Model details',
    blocks: [
      facts([
        ['Predicts', task ?? 'not said'],
        ['Owner', model.owner ?? 'nobody is named'],
        ['Registered by', row.created_by],
        ['Registered', day(row.created_ms)],
        ['Came from', row.source],
        ...aliases.map(({ alias, set_by, updated_ms }): [string, string] => [
          `Alias ${alias}`,
          set_by === null ? `since ${day(updated_ms)}` : `since ${day(updated_ms)}, set by ${set_by}`,
        ]),
        ...(row.problem === null ? [] : ([['Can’t be served', row.problem]] as [string, string][])),
      ]),
    ],
  }
}

function descriptionSection({ model, row }: Known): FactSection {
  const texts = [model.description, row.description].filter((text) => text.trim() !== '')
  return { title: 'Description', blocks: texts.map((text) => ({ kind: 'markdown', text })) }
}

function interfaceSection(row: ModelVersionRow): FactSection {
  const title = 'What it takes and gives'
  const version = toVersion(row, { model: '', aliases: [], tags: [] })
  const features = featuresOf(version)
  if (!version.signature) return { title, blocks: [text('Its signature is not known.')] }
  const kinds = new Map(version.signature.inputs.map((input) => [input.name, input]))
  const rows = features.map(({ name, kind, from }) => [
    name,
    kind,
    sourceOf(from),
    kinds.get(name)?.datatype ?? '',
    kinds.get(name)?.nullable ? 'yes' : 'no',
  ])
  const service = version.featureService
  return {
    title,
    blocks: [
      ...(service ? [text(`Features of the service ${service.name}, in this order:`)] : []),
      { kind: 'table', columns: ['Input', 'Kind', 'From', 'Type', 'May be missing'], rows },
      { kind: 'table', columns: ['Output', 'Type', 'Shape'], rows: outputsOf(version.signature) },
    ],
  }
}

function outputsOf({ outputs }: Signature): string[][] {
  return outputs.map(({ name, datatype, shape }) => [
    name,
    datatype,
    shape.map((size) => (size < 0 ? 'any' : size)).join(' × ') || 'a single value',
  ])
}

function sourceOf(from: string): string {
  if (from === 'request') return 'the request'
  if (from === 'view') return 'a feature view'
  return from === 'on_demand' ? 'an on-demand feature' : from
}

async function dataSection(
  context: Reads,
  { row, run }: { row: ModelVersionRow; run: RunDetail | undefined },
): Promise<FactSection> {
  const title = 'Training data'
  const data = await describeData(context, { row, run })
  if (!data) return { title, blocks: [text('It is not known what it was trained on.')] }
  const { name, version, rows, fromMs, toMs } = data.side
  const known: [string, string][] = [['Dataset', `${name} ${version}`]]
  if (rows !== undefined) known.push(['Rows', amount(rows)])
  if (fromMs !== undefined && toMs !== undefined) known.push(['Dates', `${day(fromMs)} to ${day(toMs)}`])
  const summary = await summaryOf(context, row)
  return { title, blocks: [facts(known), ...(summary ? [summary] : [])] }
}

async function summaryOf(
  context: Reads,
  { project_id: projectId, dataset_version_id: id }: ModelVersionRow,
): Promise<FactBlock | undefined> {
  const version = id === null ? undefined : await getVersion(context, { projectId, id }).catch(ignoreMissing)
  const summary = version && (await versionSummary(context, version).catch(ignoreMissing))
  if (!summary) return undefined
  const rows = summary.columns
    .slice(0, MOST_COLUMNS)
    .map((column) => [
      column.name,
      column.type.toLowerCase(),
      percent(column.nulls / Math.max(1, column.rows)),
      `${column.distinctExact ? '' : 'about '}${amount(column.distinct)}`,
      valuesOf(column),
    ])
  return { kind: 'table', columns: ['Column', 'Type', 'Missing', 'Distinct', 'Values'], rows }
}

function valuesOf({ kind, min, max, mean, top }: ColumnSummary): string {
  if (kind === 'category')
    return top
      .slice(0, 3)
      .map(({ value }) => value)
      .join(', ')
  const range = min === null || max === null ? '' : `${written(min, kind)} to ${written(max, kind)}`
  return mean === null || kind === 'timestamp' ? range : `${range}, mean ${short(mean)}`
}

function written(value: number | string, kind: ColumnSummary['kind']): string {
  if (typeof value === 'string') return value
  return kind === 'timestamp' ? day(value) : short(value)
}

/** Measured when its file was imported. */
function costSections({ import_json }: ModelVersionRow): FactSection[] {
  if (import_json === null) return []
  const { latency, loadMs, residentBytes, processor, sizeBytes, changes, golden } = JSON.parse(
    import_json,
  ) as ImportReport
  const known: [string, string][] = [
    ['Size of the file', `${amount(sizeBytes)} bytes`],
    ['Loading', `${short(loadMs)} ms`],
    ['Memory', `${short(residentBytes / 1e6)} MB`],
    ['Measured on', processor],
  ]
  if (golden)
    known.push([
      'Golden batch',
      `${golden.rows} rows, largest difference ${golden.largestDifference.toPrecision(2)}`,
    ])
  const rows = latency.map((one) => [String(one.rows), short(one.p50Us), short(one.p99Us), String(one.calls)])
  return [
    {
      title: 'What it costs',
      blocks: [
        facts(known),
        { kind: 'table', columns: ['Rows in a call', 'Median µs', '99 % below µs', 'Calls'], rows },
        ...(changes.length > 0
          ? [{ kind: 'list', items: changes.map((each) => `Edited: ${each}`) } as const]
          : []),
      ],
    },
  ]
}

async function codeSection(
  context: Reads,
  { row, run }: { row: ModelVersionRow; run: RunDetail | undefined },
): Promise<FactSection> {
  const tag = (key: string): string | undefined => run?.tags.find((each) => each.key === key)?.value
  const known: [string, string | null | undefined][] = [
    ['Run', row.run_id],
    ['Pipeline run', row.pipeline_run_id],
    ['Code snapshot', row.code_snapshot],
    ['Commit', tag('mlflow.source.git.commit')],
    ['Source file', tag('mlflow.source.name')],
    ['ONNX graph', row.onnx_sha256],
  ]
  const requirements = [...(await readRequirements(context, row))]
  return {
    title: 'Code and environment',
    blocks: [
      facts(known.flatMap(([name, value]) => (value ? [[name, value] as [string, string]] : []))),
      ...paramsOf(run),
      ...requirements.map(([path, lines]): FactBlock => ({
        kind: 'list',
        items: [...lines].map((line) => `${path}: ${line}`),
      })),
    ],
  }
}

function paramsOf(run: RunDetail | undefined): FactBlock[] {
  if (!run || run.params.length === 0) return []
  return [
    { kind: 'table', columns: ['Param', 'Value'], rows: run.params.map(({ key, value }) => [key, value]) },
  ]
}

/** What came of the promotions of the version, in the sentence that says who approved or declined. */
async function approvalSections({ db }: Reads, { model, row }: Known): Promise<FactSection[]> {
  const promotions = await listPromotionRows(db.read, {
    projectId: row.project_id,
    modelId: model.id,
    version: row.version,
    limit: 50,
  })
  const items = promotions.flatMap(({ sentence, finished_ms }) =>
    sentence === null || finished_ms === null ? [] : [`${day(finished_ms)}: ${sentence}`],
  )
  return items.length === 0 ? [] : [{ title: 'Reviews', blocks: [{ kind: 'list', items }] }]
}

function facts(of: [string, string][]): FactBlock {
  return { kind: 'facts', facts: of }
}

function text(of: string): FactBlock {
  return { kind: 'text', text: of }
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`
}

function short(value: number): string {
  return Number.isInteger(value) ? amount(value) : String(Number(value.toPrecision(4)))
}
