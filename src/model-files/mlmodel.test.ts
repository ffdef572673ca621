import { describe, expect, it } from 'vitest'
import { parseMlmodel, toSignature } from './mlmodel.ts'

/** As MLflow writes it: YAML whose long lines are folded, the schemas as JSON in quotes. */
function mlmodel(inputs: string | null, outputs: string | null, flavor = 'python_function'): string {
  const quoted = (text: string | null): string => (text === null ? 'null' : `'${text}'`)
  return `flavors:
  ${flavor}:
    loader_module: mlflow.sklearn
    python_version: 3.11.7
model_uuid: c85f0553ff6b4a49a4b4a95e11a3fd2e
signature:
  inputs: ${quoted(inputs)}
  outputs: ${quoted(outputs)}
  params: null
`
}

const probabilities = '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1,\n    2]}}]'

describe('MLmodel', () => {
  it('tells the columns of a table and the tensor that comes out', async () => {
    const inputs =
      '[{"type": "double", "name": "hour", "required": true}, {"type": "long",\n    "name": "n", "required": true}, ' +
      '{"type": "string", "name": "c"}, {"type": "datetime", "name": "at"}]'
    const { isPyfunc, signature } = await parseMlmodel(mlmodel(inputs, probabilities))
    expect(isPyfunc).toBe(true)
    expect(signature?.table).toBe(true)
    expect(toSignature(signature!, 'binary')).toEqual({
      task: 'binary',
      inputs: [
        { name: 'hour', kind: 'number', datatype: 'FP64', nullable: true },
        { name: 'n', kind: 'number', datatype: 'INT64', nullable: false },
        { name: 'c', kind: 'category', datatype: 'BYTES', nullable: true },
        { name: 'at', kind: 'timestamp', datatype: 'INT64', nullable: false },
      ],
      outputs: [{ name: 'predictions', datatype: 'FP64', shape: [-1, 2] }],
    })
  })

  it('tells a tensor without a name from named ones', async () => {
    const tensor = (name?: string): string =>
      JSON.stringify({
        type: 'tensor',
        'tensor-spec': { dtype: 'float32', shape: [-1, 4] },
        ...(name && { name }),
      })
    const one = (await parseMlmodel(mlmodel(`[${tensor()}]`, probabilities))).signature!
    expect(one).toMatchObject({ table: false, inputs: [{ name: 'input', unnamed: true, shape: [-1, 4] }] })
    const two = (await parseMlmodel(mlmodel(`[${tensor('a')}, ${tensor('b')}]`, probabilities))).signature!
    expect(two.inputs.map(({ name, unnamed }) => [name, unnamed])).toEqual([
      ['a', undefined],
      ['b', undefined],
    ])
  })

  it.each([
    ['an unknown column type', '[{"type": "binary", "name": "image"}]', /"image" has the type binary/],
    ['columns without names', '[{"type": "double"}, {"type": "double"}]', /need names/],
    [
      'free dimensions',
      '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, -1]}}]',
      /only the first dimension/,
    ],
    ['a schema that is none', '{}', /can't be read/],
  ])('with %s is refused', async (_, inputs, message) => {
    await expect(parseMlmodel(mlmodel(inputs, probabilities))).rejects.toThrow(message)
  })

  it('without a signature, or of a model that pyfunc can’t load, has none', async () => {
    expect((await parseMlmodel(mlmodel(null, null))).signature).toBeUndefined()
    expect(await parseMlmodel(mlmodel(probabilities, probabilities, 'spark'))).toEqual({
      isPyfunc: false,
      signature: undefined,
    })
    await expect(parseMlmodel('a: &a [*a, *a]\nflavors: {x: *a}')).rejects.toThrow(/can't be read/)
    await expect(parseMlmodel('flavors: [')).rejects.toThrow(/can't be read/)
  })
})
