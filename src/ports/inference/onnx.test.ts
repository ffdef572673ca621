import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { Tensor } from './inference.ts'
import { openModel } from './onnx.ts'

/** identity.onnx copies an input [rows, 2] of each datatype; zip-map.onnx is a classifier as skl2onnx exports it. */
function fixture(name: string): string {
  return fileURLToPath(new URL(`fixtures/${name}.onnx`, import.meta.url))
}

function tensor(datatype: Tensor['datatype'], data: Tensor['data']): Tensor {
  return { datatype, shape: [1, 2], data }
}

const PAIRS: Readonly<Record<string, Tensor>> = {
  bool: tensor('BOOL', Uint8Array.of(0, 1)),
  uint8: tensor('UINT8', Uint8Array.of(0, 255)),
  uint16: tensor('UINT16', Uint16Array.of(0, 65_535)),
  uint32: tensor('UINT32', Uint32Array.of(0, 4_294_967_295)),
  uint64: tensor('UINT64', BigUint64Array.of(0n, 18_446_744_073_709_551_615n)),
  int8: tensor('INT8', Int8Array.of(-128, 127)),
  int16: tensor('INT16', Int16Array.of(-32_768, 32_767)),
  int32: tensor('INT32', Int32Array.of(-2_147_483_648, 2_147_483_647)),
  int64: tensor('INT64', BigInt64Array.of(-9_223_372_036_854_775_808n, 1n)),
  fp16: tensor('FP16', Uint16Array.of(0x3c00, 0x7e00)),
  fp32: tensor('FP32', Float32Array.of(Number.NaN, Infinity)),
  fp64: tensor('FP64', Float64Array.of(0.1, -0)),
  bytes: tensor('BYTES', ['', 'Malmö 🛬']),
}

describe('an ONNX model', () => {
  test('says the protocol datatype of each input and -1 for a dimension that may vary', async () => {
    await using session = await openModel(fixture('identity'))
    const expected = Object.entries(PAIRS).map(([name, { datatype }]) => ({ name, datatype, shape: [-1, 2] }))
    expect(session.inputs).toEqual(expected)
    expect(session.outputs).toEqual(expected.map((spec) => ({ ...spec, name: `${spec.name}_out` })))
    expect(session.skippedOutputs).toEqual([])
  })

  test('gives back every datatype as it was sent', async () => {
    await using session = await openModel(await readFile(fixture('identity')))
    const results = await session.run(PAIRS)
    for (const [name, { datatype, shape, data }] of Object.entries(PAIRS)) {
      const result = results[`${name}_out`]!
      expect({ name, ...result, data: [...asBits(result.data)] }).toEqual({
        name,
        datatype,
        shape,
        data: [...asBits(data)],
      })
    }
  })

  test('leaves a ZipMap output out, names it, and still runs', async () => {
    await using session = await openModel(fixture('zip-map'))
    expect(session.outputs.map(({ name }) => name)).toEqual(['label'])
    expect(session.skippedOutputs).toEqual(['probabilities'])
    const x: Tensor = { datatype: 'FP32', shape: [2, 1], data: Float32Array.of(-3, 3) }
    expect(await session.run({ x })).toEqual({
      label: { datatype: 'INT64', shape: [2], data: BigInt64Array.of(0n, 1n) },
    })
  })

  test('without a tensor output is refused with the way out', async () => {
    await expect(openModel(fixture('zip-map-only'))).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('zipmap=False') as string,
    })
  })

  test('that is no ONNX file is refused', async () => {
    await expect(openModel(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: 'invalid' })
    await expect(openModel('/nowhere/model.onnx')).rejects.toMatchObject({ code: 'invalid' })
  })

  test.each([
    ['a missing input', {}, /"x" is missing/],
    [
      'another datatype',
      { x: tensor('FP64', Float64Array.of(1, 2)) },
      /has datatype FP64; the model needs FP32/,
    ],
    [
      'data that does not fill the shape',
      { x: tensor('FP32', Float32Array.of(1, 2, 3)) },
      /"x" is no FP32 tensor/,
    ],
    ['an array of another datatype', { x: tensor('FP32', Float64Array.of(1, 2)) }, /"x" is no FP32 tensor/],
    [
      'a shape that the model does not take',
      { x: { ...tensor('FP32', Float32Array.of(1, 2)), shape: [2, 1, 1] } },
      /refused its input/,
    ],
    [
      'an input that the model does not have',
      {
        x: { datatype: 'FP32', shape: [1, 1], data: Float32Array.of(1) } as const,
        y: tensor('INT8', Int8Array.of(1, 2)),
      },
      /no input "y"/,
    ],
  ])('refuses %s', async (_, feeds: Record<string, Tensor>, message) => {
    await using session = await openModel(fixture('zip-map'))
    await expect(session.run(feeds)).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(message) as string,
    })
  })

  test('answers the calls under way before it is unloaded, and none after', async () => {
    const session = await openModel(fixture('zip-map'))
    const x: Tensor = { datatype: 'FP32', shape: [1, 1], data: Float32Array.of(1) }
    const calls = Array.from({ length: 20 }, () => session.run({ x }))
    await session[Symbol.asyncDispose]()
    const answers = await Promise.all(calls)
    expect(answers.map(({ label }) => label?.data)).toEqual(calls.map(() => BigInt64Array.of(1n)))
    await expect(session.run({ x })).rejects.toMatchObject({ code: 'unavailable' })
    await session[Symbol.asyncDispose]()
  })
})

/** Bytes, so that NaN and -0 compare exactly. */
function asBits(data: Tensor['data']): Iterable<unknown> {
  return Array.isArray(data) ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}
