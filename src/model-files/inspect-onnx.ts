import { readFile, stat, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { AppError, messageOf } from '../kernel/errors.ts'
import { sha256 } from '../kernel/json.ts'
import { decodeModel, encodeModel, type OnnxModel } from '../ports/inference/onnx-file.ts'
import type { InferenceSession, Tensor } from '../ports/inference/inference.ts'
import { freeBatch } from './free-batch.ts'
import { checkGolden, goldenOfTable, parseGolden, type GoldenBatch } from './golden.ts'
import { signatureOf } from './graph-signature.ts'
import { measureLatency } from './measure-model.ts'
import {
  classifierLabels,
  fedInputs,
  removeZipMaps,
  setDimension,
  setRowShape,
  type ClassLabel,
} from './onnx-edits.ts'
import { refuseUnservable, requireServable } from './onnx-refusals.ts'
import { openGraph } from './open-graph.ts'
import { sampleFeeds } from './sample-feeds.ts'
import { importedTasks, type ImportedTask, type ImportReport, type Signature } from './schema.ts'
import { findScore, requireProbabilities } from './score-column.ts'

/** What protobuf can hold. */
const MAX_BYTES = 2 ** 31 - 1

export interface InspectionJob {
  path: string
  /** Where an edited graph is written. */
  editedPath: string
  task?: ImportedTask | undefined
  /** Names of the columns of a single matrix input. */
  features?: readonly string[] | undefined
  /** The same, where they fit: from a signature that another program wrote. */
  columns?: readonly string[] | undefined
  positive?: string | undefined
  golden?: { path: string; format: 'json' | 'parquet' } | undefined
}

export interface Inspection {
  signature: Signature
  report: ImportReport
}

/**
 * Makes an ONNX file servable and tries it: rewrites what the gateway can't carry, reads the signature, holds it against the golden
 * batch, measures it. Runs in a process of its own. Throws `invalid` with what would be right.
 */
export async function inspectOnnx(job: InspectionJob): Promise<Inspection> {
  const { size } = await stat(job.path)
  if (size > MAX_BYTES)
    throw new AppError('invalid', `The ONNX file has ${size} bytes; a file may have ${MAX_BYTES}`)
  const original = await readFile(job.path)
  const { bytes, changes, classes } = await rewrite(original, job.features)
  if (changes.length > 0) await writeFile(job.editedPath, bytes)
  const residentBefore = process.memoryUsage.rss()
  const started = performance.now()
  await using session = await open(changes.length > 0 ? job.editedPath : job.path)
  const loadMs = Math.round((performance.now() - started) * 10) / 10
  requireServable(session)
  const features = featuresOf(session, job.features) ?? fittingColumns(session, job.columns)
  const golden = job.golden && (await readGolden(job.golden, session, features))
  const checked = golden && (await checkGolden(session, golden, features))
  const tried = await tryRows(session)
  const known = job.task ?? taskOf(session, classes)
  const score = findScore(known, session.outputs, { classes, positive: job.positive })
  const signature: Signature = {
    ...signatureOf(session, { task: known }),
    ...(classes && known !== 'regression' && { classes }),
    ...(score && { score }),
    ...(features && { features: [...features] }),
  }
  for (const outputs of [tried, checked?.outputs]) if (outputs) requireProbabilities(signature, outputs)
  const latency = await measureLatency(session)
  const model = decodeModel(original)
  return {
    signature,
    report: {
      sha256: sha256(original),
      sizeBytes: size,
      producer: [model.producerName, model.producerVersion].filter(Boolean).join(' '),
      opsets: Object.fromEntries(
        model.opsetImport.map(({ domain, version }) => [domain || 'ai.onnx', Number(version)]),
      ),
      changes,
      loadMs,
      residentBytes: Math.max(0, process.memoryUsage.rss() - residentBefore),
      latency,
      processor: cpus()[0]?.model ?? 'unknown',
      ...(checked && {
        golden: {
          rows: checked.rows,
          absolute: checked.absolute,
          relative: checked.relative,
          largestDifference: checked.largestDifference,
        },
      }),
    },
  }
}

interface Rewritten {
  bytes: Uint8Array
  changes: string[]
  classes: ClassLabel[] | undefined
}

async function rewrite(original: Uint8Array, features: readonly string[] | undefined): Promise<Rewritten> {
  let model = decodeModel(original)
  refuseUnservable(model)
  const changes: string[] = []
  const zipMaps = removeZipMaps(model)
  for (const [name, labels] of zipMaps)
    changes.push(`ZipMap removed: ${name} is a tensor [rows, ${labels.length}]`)
  if (features && nameWidth(model, features)) changes.push(`The width of the input is ${features.length}`)
  const freed = await freeBatch(changes.length > 0 ? encodeModel(model) : original)
  if (freed) {
    model = freed
    changes.push('The number of rows was fixed and is free')
  }
  changes.push(...(await settleOutputs(model)))
  const classes = [...zipMaps.values()][0] ?? classifierLabels(model)
  return { bytes: changes.length > 0 ? encodeModel(model) : original, changes, classes }
}

/** A matrix of any width takes the one that its feature names say. */
function nameWidth({ graph }: OnnxModel, features: readonly string[]): boolean {
  const inputs = graph ? fedInputs(graph) : []
  const type = inputs[0]?.type?.value
  const dims = type?.case === 'tensorType' ? (type.value.shape?.dim ?? []) : []
  if (inputs.length !== 1 || dims.length !== 2 || dims[1]!.value.case === 'dimValue') return false
  setDimension(inputs[0]!, 1, features.length)
  return true
}

/** Says of each output the shape that it has. What has no row for each row of the input can't be answered, and is left out. */
async function settleOutputs(model: OnnxModel): Promise<string[]> {
  const { graph } = model
  await using session = await open(encodeModel(model))
  const changes: string[] = []
  const free = session.inputs.length > 0 && session.inputs.every(({ shape }) => shape[0] === -1)
  if (!graph || !free || session.inputs.some(({ shape }) => shape.slice(1).some((size) => size < 1)))
    return changes
  const one = await tryRows(session, 1)
  const three = await tryRows(session, 3)
  for (const { name, shape } of session.outputs) {
    const seen = three[name]!.shape
    const inner = seen.slice(1)
    const output = graph.output.find((value) => value.name === name)!
    if (seen[0] !== 3 || one[name]!.shape[0] !== 1 || one[name]!.shape.slice(1).join() !== inner.join()) {
      if (graph.output.length === 1) break
      graph.output = graph.output.filter((value) => value !== output)
      changes.push(`Output ${name} left out: it has no row for each row of the input`)
    } else if (shape[0] !== -1 || shape.slice(1).join() !== inner.join()) {
      setRowShape(output, inner)
      changes.push(`Output ${name} has the shape [${['rows', ...inner].join(', ')}]`)
    }
  }
  return changes
}

/** Made-up rows; zeros where a graph refuses them, since made-up integers may be no valid ids. */
async function tryRows(session: InferenceSession, rows = 32): Promise<Record<string, Tensor>> {
  const most = session.inputs.some(({ shape }) => shape[0] === 1) ? 1 : rows
  try {
    return await session.run(sampleFeeds(session.inputs, most))
  } catch {
    return await session.run(sampleFeeds(session.inputs, most, { integers: 'zero' }))
  }
}

/** As the runtime opens it; its own words for a file that is too new or too old are few, so they get what would be right. */
async function open(model: string | Uint8Array): Promise<InferenceSession> {
  try {
    return await openGraph(model)
  } catch (error) {
    const message = messageOf(error)
    const hint = HINTS.find(([pattern]) => pattern.test(message))?.[1]
    if (hint === undefined) throw error
    throw new AppError('invalid', `${message.replace(/\.?$/, '.')} ${hint}`, { cause: error })
  }
}

const HINTS: readonly [RegExp, string][] = [
  [
    /unsupported model IR version|opset \d+ is under development/i,
    'Export it for an older opset, such as 21',
  ],
  [
    /could not find an implementation for \w+\(\d+\)/i,
    'The runtime does not have this operator of this opset for these types: export it for opset 13 or later, in float32',
  ],
]

function featuresOf(
  { inputs }: Pick<InferenceSession, 'inputs'>,
  features: readonly string[] | undefined,
): readonly string[] | undefined {
  if (features === undefined) return undefined
  const [only, ...others] = inputs
  if (!only || others.length > 0 || only.shape.length !== 2)
    throw new AppError('invalid', 'Names of features belong to a model with one input [rows, features]')
  if (only.shape[1] !== features.length) {
    throw new AppError(
      'invalid',
      `Input "${only.name}" takes ${only.shape[1]} features, but ${features.length} are named`,
    )
  }
  if (new Set(features).size < features.length)
    throw new AppError('invalid', 'Two features have the same name')
  return features
}

function fittingColumns(
  { inputs }: Pick<InferenceSession, 'inputs'>,
  columns: readonly string[] | undefined,
): readonly string[] | undefined {
  const [only, ...others] = inputs
  if (!only || others.length > 0 || only.shape.length !== 2 || columns === undefined) return undefined
  return only.shape[1] === columns.length && new Set(columns).size === columns.length ? columns : undefined
}

async function readGolden(
  { path, format }: NonNullable<InspectionJob['golden']>,
  session: InferenceSession,
  features: readonly string[] | undefined,
): Promise<GoldenBatch> {
  if (format === 'parquet') return goldenOfTable(await readParquet(path), session, features)
  try {
    return parseGolden(JSON.parse(await readFile(path, 'utf8')))
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    throw new AppError('invalid', `The golden batch is no JSON: ${messageOf(cause)}`, { cause })
  }
}

async function readParquet(path: string): Promise<Record<string, unknown[]>> {
  const { openDuckDb } = await import('../ports/analytics/duckdb.ts')
  const { parquetScan } = await import('../ports/analytics/analytics.ts')
  await using analytics = openDuckDb({ memoryLimit: '512MB' })
  try {
    return await analytics.columns(`SELECT * FROM ${parquetScan([path])} LIMIT 10001`)
  } catch (cause) {
    throw new AppError('invalid', `The golden batch is no Parquet file: ${messageOf(cause)}`, { cause })
  }
}

/** Class labels and probabilities are a classification, by their number; a single float is a regression. */
function taskOf({ outputs }: InferenceSession, classes: readonly ClassLabel[] | undefined): ImportedTask {
  if (classes) return classes.length <= 2 ? 'binary' : 'multiclass'
  const floats = outputs.filter(({ datatype }) => datatype.startsWith('FP'))
  const width = ({ shape }: { shape: readonly number[] }): number =>
    shape.slice(1).reduce((product, size) => product * size, 1)
  const probabilities = floats.find(({ name }) => /prob/i.test(name))
  if (probabilities) return width(probabilities) <= 2 ? 'binary' : 'multiclass'
  const [only] = floats
  if (only && outputs.length === 1 && width(only) === 1) return 'regression'
  const described = outputs.map(({ name, datatype, shape }) => `${name} ${datatype} [${shape.join(', ')}]`)
  throw new AppError(
    'invalid',
    `The outputs do not tell what the model predicts: ${described.join('; ')}. Name its task: ${importedTasks.join(', ')}`,
  )
}
