import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { ByteReader, ByteWriter } from './byte-writer.ts'
import { readRow, writeRow, type PredictionRow, type RouteHeader } from './prediction-rows.ts'

const header: RouteHeader = {
  projectId: 'default',
  deployment: 'late',
  model: 'late',
  version: 3,
  modelVersionId: 'id',
  variant: 'stable',
  rolloutId: null,
  generation: 7,
  stage: null,
  policyVersion: 1,
  schemaHash: 'h',
  codeHash: null,
  layoutSha256: null,
  features: [
    { name: 'hour', kind: 'number', width: 1 },
    { name: 'carrier', kind: 'category', width: 1 },
    { name: 'embedding', kind: 'vector', width: 3 },
  ],
  outputs: [
    { name: 'label', datatype: 'INT64', width: 1 },
    { name: 'probabilities', datatype: 'FP32', width: 2 },
    { name: 'name', datatype: 'BYTES', width: 1 },
  ],
}

const text = fc.string({ unit: 'binary', maxLength: 100 })
const nullable = fc.option(text)
const count = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const row: fc.Arbitrary<PredictionRow> = fc.record({
  predictionId: text,
  requestId: text,
  rowIndex: fc.integer({ min: 0, max: 3 }),
  timeMs: fc.integer({ min: 0, max: 4e12 }),
  unit: nullable,
  bucket: fc.integer({ min: -1, max: 9999 }),
  entityKey: nullable,
  latencyUs: count,
  queueUs: count,
  batchSize: count,
  status: fc.constantFrom('ok' as const, 'error' as const),
  violations: nullable,
  caller: nullable,
  traceId: nullable,
  pairId: nullable,
  featureAges: nullable,
  request: nullable,
  score: fc.double(),
  decision: nullable,
})
const four = <T>(value: fc.Arbitrary<T>, width = 1) =>
  fc.array(value, { minLength: 4 * width, maxLength: 4 * width })

it('a row comes back as it was written, with its features and outputs', () => {
  fc.assert(
    fc.property(
      row,
      four(fc.option(fc.double({ noNaN: true }))),
      four(fc.option(text)),
      four(fc.double({ noNaN: true }), 3),
      four(fc.bigInt(-(2n ** 53n), 2n ** 53n)),
      (row, numbers, texts, vectors, labels) => {
        const writer = new ByteWriter(16)
        const names = ['a', 'ü', '', 'd']
        const probabilities = Float32Array.from({ length: 8 }, (_, i) => i / 8)
        writeRow(writer, 5, header, row, [numbers, texts, vectors], [labels, probabilities, names], 2)
        const read = readRow(new ByteReader(writer.bytes), new Map([[5, header]]))
        const { features, output, route, ...own } = read
        expect(route).toBe(5)
        expect(own).toEqual(row)
        const at = row.rowIndex
        expect(features).toEqual([numbers[at], texts[at], vectors.slice(at * 3, at * 3 + 3)])
        expect(output).toEqual({ label: Number(labels[2]), probabilities: [0.5, 0.625], name: '' })
      },
    ),
  )
})

it('a text longer than 64 KB comes back whole', () => {
  const writer = new ByteWriter(16)
  const long = 'é'.repeat(70_000)
  writer.text(long)
  writer.text(null)
  writer.text('')
  const reader = new ByteReader(writer.bytes)
  expect([reader.text(), reader.text(), reader.text()]).toEqual([long, null, ''])
  expect(reader.left).toBe(0)
})
