import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { encodeModel, tensorValue } from '../ports/inference/onnx-file.ts'
import { openModel } from '../ports/inference/onnx.ts'
import { inspectOnnx, type InspectionJob } from './inspect-onnx.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidemill-import-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', name)
const FLOAT = 1
const FLOAT16 = 10

interface Node {
  opType: string
  input: string[]
  output: string[]
  domain?: string
  attribute?: object[]
}

/** A graph of one input `x` and one output `y` of these shapes. */
function graph(
  nodes: Node[],
  more: {
    input?: (number | 'rows')[]
    output?: (number | 'rows')[]
    type?: number
    opset?: bigint
    initializer?: object[]
  } = {},
): Uint8Array {
  const { input = ['rows', 2], output = ['rows', 2], type = FLOAT, opset = 17n, initializer = [] } = more
  return encodeModel({
    irVersion: 8n,
    producerName: 'test',
    opsetImport: [{ domain: '', version: opset }],
    graph: {
      name: 'test',
      node: nodes,
      initializer,
      input: [tensorValue('x', type, input)],
      output: [tensorValue('y', type, output)],
    },
  })
}

const unary = (opType: string, more: Partial<Node> = {}): Node => ({
  opType,
  input: ['x'],
  output: ['y'],
  ...more,
})

function inspect(onnx: Uint8Array | string, options: Partial<InspectionJob> = {}) {
  const path = typeof onnx === 'string' ? fixture(onnx) : join(folder, 'given.onnx')
  if (typeof onnx !== 'string') writeFileSync(path, onnx)
  return inspectOnnx({ path, editedPath: join(folder, 'edited.onnx'), ...options })
}

const golden = (name: string) => ({ path: fixture(`${name}.json`), format: 'json' as const })

function goldenFile(change: (batch: { outputs: Record<string, unknown[]> }) => void) {
  const batch = JSON.parse(readFileSync(fixture('lightgbm.json'), 'utf8')) as {
    outputs: Record<string, unknown[]>
  }
  change(batch)
  const path = join(folder, 'golden.json')
  writeFileSync(path, JSON.stringify(batch))
  return { path, format: 'json' as const }
}

describe('an ONNX file of another library', () => {
  it('gets its ZipMap rewritten into a tensor that gives the library’s own probabilities', async () => {
    const { signature, report } = await inspect('lightgbm.onnx', { golden: golden('lightgbm') })
    expect(signature).toMatchObject({
      task: 'binary',
      classes: [0, 1],
      score: { output: 'probabilities', column: 1 },
      outputs: [
        { name: 'label', datatype: 'INT64', shape: [-1] },
        { name: 'probabilities', datatype: 'FP32', shape: [-1, 2] },
      ],
    })
    expect(report.changes).toEqual([
      'ZipMap removed: probabilities is a tensor [rows, 2]',
      'Output label has the shape [rows]',
    ])
    expect(report.golden?.rows).toBe(6)
    expect(report.golden!.largestDifference).toBeLessThan(1e-6)
    expect(report.latency.map(({ rows }) => rows)).toEqual([1, 32])
    await using session = await openModel(join(folder, 'edited.onnx'))
    expect(session.skippedOutputs).toEqual([])
  })

  it('keeps class labels that are texts, and scores the class that is named', async () => {
    const { signature } = await inspect('sklearn-words.onnx', { golden: golden('sklearn-words') })
    expect(signature).toMatchObject({
      classes: ['late', 'on time'],
      score: { output: 'output_probability', column: 1 },
    })
    const late = await inspect('sklearn-words.onnx', { positive: 'late' })
    expect(late.signature.score).toEqual({ output: 'output_probability', column: 0 })
    await expect(inspect('sklearn-words.onnx', { positive: 'early' })).rejects.toThrow(
      'no class "early"; it has late, on time',
    )
  })

  it('is refused with the place where it does not give its golden batch', async () => {
    const wrong = goldenFile(({ outputs }) => {
      outputs['probabilities']![3] = [0.25, 0.75]
    })
    await expect(inspect('lightgbm.onnx', { golden: wrong })).rejects.toThrow(
      /output "probabilities", row 3, value 0: expected 0.25, the model gives 0\.\d+. 2 of 12 values differ/,
    )
    const label = goldenFile(({ outputs }) => {
      outputs['label'] = [1, 0, 1, 0, 1, 0].map((value, i) => (i === 5 ? 7 : value))
    })
    await expect(inspect('lightgbm.onnx', { golden: label })).rejects.toThrow(/output "label", row \d/)
    const unknown = goldenFile(({ outputs }) => {
      outputs['other'] = [1]
    })
    await expect(inspect('lightgbm.onnx', { golden: unknown })).rejects.toThrow(
      'the model gives label, probabilities',
    )
  })

  it('names the columns of its matrix, as many as it has', async () => {
    const features = ['a', 'b', 'c', 'd', 'e', 'f']
    expect((await inspect('lightgbm.onnx', { features })).signature.features).toEqual(features)
    await expect(inspect('lightgbm.onnx', { features: ['a'] })).rejects.toThrow(
      'takes 6 features, but 1 are named',
    )
  })

  it('is refused when its scores are no probabilities', async () => {
    await expect(inspect('sklearn-svc.onnx')).rejects.toThrow(
      /"probabilities" gave -?\d.*CalibratedClassifierCV/,
    )
  })
})

describe('a fixed number of rows', () => {
  const task = 'regression' as const

  it.each([1, 4])('is made free where each row is answered by itself (%i)', async (rows) => {
    const bytes = graph([unary('Sigmoid')], { input: [rows, 2], output: [rows, 2] })
    const { signature, report } = await inspect(bytes, { task })
    expect(report.changes).toEqual(['The number of rows was fixed and is free'])
    expect(signature.outputs).toEqual([{ name: 'y', datatype: 'FP32', shape: [-1, 2] }])
    await using session = await openModel(join(folder, 'edited.onnx'))
    const data = Float32Array.of(0, 1, 2, 3, 4, 5)
    const { y } = await session.run({ x: { datatype: 'FP32', shape: [3, 2], data } })
    expect(y!.shape).toEqual([3, 2])
  })

  const centred = [
    {
      opType: 'ReduceMean',
      input: ['x'],
      output: ['m'],
      attribute: [{ name: 'axes', type: 7, ints: [0n] }],
    },
    { opType: 'Sub', input: ['x', 'm'], output: ['y'] },
  ]

  it('stays where rows depend on each other: refused with how to export it', async () => {
    const bytes = graph(centred, { input: [4, 2], output: [4, 2] })
    await expect(inspect(bytes, { task })).rejects.toThrow(/"x" takes 4 rows at a time.*dynamic_axes/)
  })

  it('of one stays where it can’t be freed: the gateway asks row by row', async () => {
    const bytes = graph(centred, { input: [1, 2], output: [1, 2] })
    const { signature, report } = await inspect(bytes, { task })
    expect(report.changes).toEqual([])
    expect(report.latency.map(({ rows }) => rows)).toEqual([1])
    expect(signature.outputs[0]!.shape).toEqual([1, 2])
  })
})

describe('what can’t be served is refused with what would be right', () => {
  const outside = {
    name: 'w',
    dims: [1n],
    dataType: FLOAT,
    dataLocation: 1,
    externalData: [{ key: 'location', value: 'weights.bin' }],
  }
  it.each<[string, Uint8Array, RegExp]>([
    ['no model', Buffer.from('no graph'), /no ONNX model/],
    ['an empty model', Buffer.alloc(0), /no graph/],
    [
      'a custom operator',
      graph([unary('Wave', { domain: 'com.sea' })]),
      /custom operators \(com\.sea:Wave\)/,
    ],
    [
      'weights in another file',
      graph([{ opType: 'Add', input: ['x', 'w'], output: ['y'] }], { initializer: [outside] }),
      /another file \("w" in weights\.bin\).*save_as_external_data=False/,
    ],
    ['float16', graph([unary('Relu')], { type: FLOAT16 }), /"x" is float16.*keep_io_types=True/],
    ['an opset that is too new', graph([unary('Relu')], { opset: 99n }), /Export it for an older opset/],
    ['an opset that is too old', graph([unary('Relu')], { opset: 1n }), /export it for opset 13 or later/],
    ['outputs of unknown meaning', graph([unary('Relu')]), /Name its task/],
  ])('%s', async (_, bytes, message) => {
    await expect(inspect(bytes)).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(message) as string,
    })
  })
})
