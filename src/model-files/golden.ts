import { z } from 'zod'
import { AppError } from '../kernel/errors.ts'
import type { InferenceSession, Tensor, TensorSpec } from '../ports/inference/inference.ts'
import { allocate, sizeOf } from '../ports/inference/tensors.ts'

const MAX_ROWS = 10_000

const Values = z.array(z.unknown()).min(1)

/** Inputs and the outputs that they must give: values by the names of the graph's inputs (or features) and outputs. */
export const GoldenBatch = z.strictObject({
  inputs: z.record(z.string(), Values),
  outputs: z.record(z.string(), Values),
  absolute: z.number().min(0).default(1e-5),
  relative: z.number().min(0).default(1e-4),
})
export type GoldenBatch = z.infer<typeof GoldenBatch>

export interface GoldenResult {
  rows: number
  absolute: number
  relative: number
  /** Of any number of any output. */
  largestDifference: number
}

/** A golden batch out of a table: its columns are inputs (or features) and outputs. Throws `invalid` for a column that is neither. */
export function goldenOfTable(
  columns: Readonly<Record<string, readonly unknown[]>>,
  session: Pick<InferenceSession, 'inputs' | 'outputs'>,
  features: readonly string[] | undefined,
): GoldenBatch {
  const outputs = new Set(session.outputs.map(({ name }) => name))
  const inputs = new Set([...session.inputs.map(({ name }) => name), ...(features ?? [])])
  const unknown = Object.keys(columns).find((name) => !outputs.has(name) && !inputs.has(name))
  if (unknown !== undefined) {
    throw new AppError(
      'invalid',
      `The golden batch has a column "${unknown}", which is neither an input (${[...inputs].join(', ')}) nor an output (${[...outputs].join(', ')})`,
    )
  }
  const pick = (names: ReadonlySet<string>) =>
    Object.fromEntries(Object.entries(columns).filter(([name]) => names.has(name)))
  return parseGolden({ inputs: pick(inputs), outputs: pick(outputs) })
}

export function parseGolden(value: unknown): GoldenBatch {
  const parsed = GoldenBatch.safeParse(value)
  if (parsed.success) return parsed.data
  throw new AppError(
    'invalid',
    `The golden batch is not of the form {"inputs": {"x": [[…]]}, "outputs": {"probabilities": [[…]]}}: ${z.prettifyError(parsed.error)}`,
  )
}

/** Runs the inputs and compares every value. Throws `invalid` with the first place where they differ by more than the tolerance. */
export async function checkGolden(
  session: InferenceSession,
  golden: GoldenBatch,
  features: readonly string[] | undefined,
): Promise<GoldenResult & { outputs: Record<string, Tensor> }> {
  const { absolute, relative } = golden
  const rows = Object.values(golden.inputs)[0]?.length ?? 0
  if (rows === 0 || rows > MAX_ROWS)
    throw new AppError('invalid', `The golden batch has ${rows} rows; it may have 1 to ${MAX_ROWS}`)
  const feeds = feedsOf(session.inputs, golden.inputs, features, rows)
  const outputs = await runRows(session, feeds, rows)
  if (Object.keys(golden.outputs).length === 0)
    throw new AppError('invalid', 'The golden batch has no outputs to compare with')
  let largestDifference = 0
  for (const [name, expected] of Object.entries(golden.outputs)) {
    const actual = outputs[name]
    if (actual === undefined) {
      const known = session.outputs.map((output) => output.name).join(', ')
      throw new AppError('invalid', `The golden batch has an output "${name}"; the model gives ${known}`)
    }
    largestDifference = Math.max(
      largestDifference,
      compare({ name, rows, expected, actual }, { absolute, relative }),
    )
  }
  return { rows, absolute, relative, largestDifference, outputs }
}

/** A graph that takes one row at a time is asked row by row. */
async function runRows(
  session: InferenceSession,
  feeds: Record<string, Tensor>,
  rows: number,
): Promise<Record<string, Tensor>> {
  const fixed = session.inputs.some(({ shape }) => shape[0] === 1)
  if (!fixed || rows === 1) return await session.run(feeds)
  const parts: Record<string, Tensor>[] = []
  for (let row = 0; row < rows; row++) {
    const one = Object.entries(feeds).map(([name, { datatype, shape, data }]) => {
      const width = sizeOf(shape.slice(1))
      const slice = data.slice(row * width, (row + 1) * width) as Tensor['data']
      return [name, { datatype, shape: [1, ...shape.slice(1)], data: slice }] as const
    })
    parts.push(await session.run(Object.fromEntries(one)))
  }
  return Object.fromEntries(
    session.outputs.map(({ name, datatype }) => {
      const values = parts.flatMap((part): unknown[] => [...part[name]!.data])
      const shape = [rows, ...parts[0]![name]!.shape.slice(1)]
      return [name, { datatype, shape, data: fill(datatype, values, name) }]
    }),
  )
}

function feedsOf(
  inputs: readonly TensorSpec[],
  given: GoldenBatch['inputs'],
  features: readonly string[] | undefined,
  rows: number,
): Record<string, Tensor> {
  const [only] = inputs
  const packed =
    only && features && given[only.name] === undefined ? packFeatures(only, given, features, rows) : given
  const feeds: Record<string, Tensor> = {}
  for (const { name, datatype, shape } of inputs) {
    const values = packed[name]
    if (values === undefined) throw new AppError('invalid', `The golden batch has no input "${name}"`)
    const flat = values.flat(Infinity)
    const dimensions = [rows, ...shape.slice(1)]
    if (flat.length !== sizeOf(dimensions)) {
      throw new AppError(
        'invalid',
        `Input "${name}" of the golden batch has ${flat.length} values; ${rows} rows of [${shape.slice(1).join(', ')}] are ${sizeOf(dimensions)}`,
      )
    }
    feeds[name] = { datatype, shape: dimensions, data: fill(datatype, flat, name) }
  }
  return feeds
}

function packFeatures(
  { name }: TensorSpec,
  given: GoldenBatch['inputs'],
  features: readonly string[],
  rows: number,
): Record<string, unknown[]> {
  const missing = features.find((feature) => given[feature]?.length !== rows)
  if (missing !== undefined)
    throw new AppError('invalid', `The golden batch has no feature "${missing}" with ${rows} values`)
  const matrix = Array.from({ length: rows }, (_, row) => features.map((feature) => given[feature]![row]))
  return { [name]: matrix }
}

/** `null` is a missing value: NaN, or an empty text. */
function fill(datatype: TensorSpec['datatype'], values: readonly unknown[], name: string): Tensor['data'] {
  const data = allocate(datatype, values.length)
  const wrong = (value: unknown): AppError =>
    new AppError(
      'invalid',
      `"${name}" of the golden batch: ${JSON.stringify(value)?.slice(0, 40)} is no ${datatype}`,
    )
  values.forEach((value, i) => {
    if (datatype === 'BYTES') {
      if (value !== null && typeof value !== 'string') throw wrong(value)
      ;(data as string[])[i] = value ?? ''
    } else if (datatype === 'INT64' || datatype === 'UINT64') {
      if (typeof value !== 'bigint' && !Number.isInteger(value)) throw wrong(value)
      ;(data as BigInt64Array)[i] = BigInt(value as number)
    } else {
      const number = value === null ? NaN : Number(value)
      if (value !== null && typeof value !== 'number' && typeof value !== 'boolean') throw wrong(value)
      ;(data as Float64Array)[i] = number
    }
  })
  return data
}

function compare(
  { name, rows, expected, actual }: { name: string; rows: number; expected: unknown[]; actual: Tensor },
  { absolute, relative }: { absolute: number; relative: number },
): number {
  const flat = expected.flat(Infinity)
  const { data } = actual
  if (expected.length !== rows || flat.length !== data.length) {
    throw new AppError(
      'invalid',
      `Output "${name}" of the golden batch has ${flat.length} values in ${expected.length} rows; the model gives ${data.length} in ${rows}`,
    )
  }
  let largest = 0
  let wrong = 0
  let first: string | undefined
  for (let i = 0; i < flat.length; i++) {
    const want = flat[i]
    const got = data[i]!
    const difference = differenceOf(want, got)
    if (difference <= absolute + relative * Math.abs(Number(want)) || difference === 0) {
      largest = Math.max(largest, difference)
      continue
    }
    wrong += 1
    const width = data.length / rows
    first ??= `row ${Math.floor(i / width)}${width > 1 ? `, value ${i % width}` : ''}: expected ${String(want)}, the model gives ${String(got)}`
  }
  if (first === undefined) return largest
  throw new AppError(
    'invalid',
    `The model does not give the golden batch: output "${name}", ${first}. ${wrong} of ${flat.length} values differ by more than ` +
      `${absolute} + ${relative} × |expected|`,
    { details: { output: name, differing: wrong, values: flat.length } },
  )
}

/** 0 for equal labels, Infinity for different ones. */
function differenceOf(want: unknown, got: number | bigint | string): number {
  if (typeof got === 'string') return String(want) === got ? 0 : Infinity
  if (typeof got === 'bigint') return String(want) === String(got) ? 0 : Infinity
  if (want === null) return Number.isNaN(got) ? 0 : Infinity
  const difference = Math.abs(Number(want) - got)
  if (Object.is(Number(want), got)) return 0
  return Number.isNaN(difference) ? Infinity : difference
}
