import { describe, expect, test } from 'vitest'
import { AppError } from '../kernel/errors.ts'
import { openModel } from '../ports/inference/onnx.ts'
import { train } from './learners.ts'
import type { TrainRequest } from './learners.ts'
import { numberFrame, sampleFrame } from './sample-frames.ts'

const good: TrainRequest = {
  learner: 'logistic',
  task: 'binary',
  frame: numberFrame({ x: [1, 2, 3, 4] }),
  target: Float64Array.of(0, 1, 0, 1),
  features: [{ name: 'x', kind: 'number' }],
}

const wrong: readonly [string, Partial<Record<keyof TrainRequest, unknown>>, RegExp][] = [
  ['an unknown learner', { learner: 'forest' }, /no learner "forest"; there are prior, logistic, trees/],
  ['an unknown task', { task: 'ranking' }, /no task "ranking"; there are binary, regression, multiclass/],
  ['an unknown param', { params: { depth: 3 } }, /"depth"[^]*Its params are: l2, maxIterations/],
  ['a param out of range', { learner: 'trees', params: { learningRate: 0 } }, /learningRate/],
  [
    'early stopping without a validation frame',
    { learner: 'trees', params: { earlyStoppingRounds: 5 } },
    /needs a validation frame/,
  ],
  [
    'a NaN label',
    { target: Float64Array.of(0, Number.NaN, 0, 1) },
    /target is NaN in row 1; a binary task needs labels 0 and 1/,
  ],
  ['a binary label of 2', { target: Float64Array.of(0, 1, 2, 1) }, /target is 2 in row 2/],
  ['an infinite value', { task: 'regression', target: Float64Array.of(0, 1, Infinity, 1) }, /finite/],
  [
    'a class that is no whole number',
    { task: 'multiclass', target: Float64Array.of(0, 1, 1.5, 2) },
    /whole labels from 0 to 999/,
  ],
  [
    'one class only',
    { target: new Float64Array(4) },
    /Every label is 0; a binary task needs rows of at least two classes/,
  ],
  ['zero rows', { frame: numberFrame({ x: [] }), target: new Float64Array(0) }, /no rows/],
  [
    'an unknown feature',
    { features: [{ name: 'y', kind: 'number' }] },
    /"y" is no column of the frame; the frame has x/,
  ],
  [
    'a feature of another kind',
    { features: [{ name: 'x', kind: 'category' }] },
    /declared a category, but its column is a number/,
  ],
  ['no feature', { features: [] }, /At least one/],
  ['a feature declared twice', { features: [good.features[0], good.features[0]] }, /declared twice/],
  [
    'a feature named as an output',
    { frame: numberFrame({ label: [1, 2, 3, 4] }), features: [{ name: 'label', kind: 'number' }] },
    /output of the exported model/,
  ],
  [
    'a target of another length',
    { target: Float64Array.of(0, 1) },
    /target has 2 labels, but the frame has 4 rows/,
  ],
  [
    'a column of another length',
    { frame: { rows: 4, columns: numberFrame({ x: [1] }).columns } },
    /"x" has 1 values, but the frame has 4 rows/,
  ],
  ['an infinite number', { frame: numberFrame({ x: [1, 2, Infinity, 4] }) }, /infinite in row 2; [^]*NaN/],
  ['a number beyond float32', { frame: numberFrame({ x: [1, 2, 3, 1e39] }) }, /infinite in row 3/],
  [
    'a code without a category',
    {
      frame: {
        rows: 4,
        columns: { x: { kind: 'category', codes: Int32Array.of(0, 1, 2, 0), categories: ['a', 'b'] } },
      },
      features: [{ name: 'x', kind: 'category' }],
    },
    /code 2 in row 2; codes are -1 \(missing\) to 1/,
  ],
  [
    'a category that is no Unicode',
    {
      frame: {
        rows: 4,
        columns: { x: { kind: 'category', codes: Int32Array.of(0, 0, 0, 0), categories: ['\uD800'] } },
      },
      features: [{ name: 'x', kind: 'category' }],
    },
    /lone surrogate/,
  ],
  [
    'a validation label of a class never trained',
    { task: 'multiclass', validation: { frame: good.frame, target: Float64Array.of(0, 1, 2, 1) } },
    /whole labels from 0 to 1/,
  ],
  [
    'a validation frame without rows',
    { validation: { frame: numberFrame({ x: [] }), target: new Float64Array(0) } },
    /validation frame has no rows/,
  ],
  ['a seed that is no whole number', { seed: 0.5 }, /Seed 0.5/],
]

describe('train', () => {
  test.each(wrong)('refuses %s and says what would be right', (_, change, message) => {
    const attempt = () => train({ ...good, ...change } as TrainRequest)
    expect(attempt).toThrow(AppError)
    expect(attempt).toThrow(
      expect.objectContaining({ code: 'invalid', message: expect.stringMatching(message) as string }),
    )
  })

  test('predicts only for frames that have the features', () => {
    const model = train(good)
    expect(() => model.predict(numberFrame({ z: [1] }))).toThrow(/"x" is no column/)
    expect(model.predict(numberFrame({ x: [], z: [] }))).toHaveLength(0)
  })

  test('describes the model as JSON, with the params that were used', () => {
    const sample = sampleFrame('binary', 500, 1)
    const description = train({
      learner: 'trees',
      task: 'binary',
      ...sample,
      params: { trees: 3 },
      seed: 9,
    }).describe()
    expect(description).toMatchObject({
      learner: 'trees',
      task: 'binary',
      classes: 2,
      seed: 9,
      rows: 500,
      iterations: 3,
      trees: 3,
    })
    expect(description['params']).toMatchObject({ trees: 3, leaves: 31, learningRate: 0.1 })
    expect(description['features']).toEqual(sample.features)
    expect(JSON.parse(JSON.stringify(description))).toEqual(description)
  })

  test('prior predicts the base rate, the class shares, or the mean', () => {
    const request = { ...good, learner: 'prior' } as const
    const target = Float64Array.of(0, 1, 2, 1)
    expect(train({ ...request, target: Float64Array.of(0, 1, 1, 1) }).predict(good.frame)[0]).toBeCloseTo(
      0.75,
      12,
    )
    expect(train({ ...request, task: 'regression', target }).predict(good.frame)).toEqual(
      new Float64Array(4).fill(1),
    )
    const shares = train({ ...request, task: 'multiclass', target }).predict(good.frame)
    expect(shares).toHaveLength(12)
    ;[0.25, 0.5, 0.25].forEach((share, i) => expect(shares[i]).toBeCloseTo(share, 12))
  })

  test('exports raw features in, label and probabilities or value out', async () => {
    const sample = sampleFrame('multiclass', 300, 1)
    await using session = await openModel(train({ learner: 'trees', task: 'multiclass', ...sample }).toOnnx())
    expect(session.inputs).toEqual(
      sample.features.map(({ name, kind }) => ({
        name,
        datatype: kind === 'number' ? 'FP32' : 'BYTES',
        shape: [-1, 1],
      })),
    )
    expect(session.outputs).toEqual([
      { name: 'label', datatype: 'INT64', shape: [-1] },
      { name: 'probabilities', datatype: 'FP32', shape: [-1, 3] },
    ])
    const regression = sampleFrame('regression', 300, 1)
    await using value = await openModel(
      train({ learner: 'logistic', task: 'regression', ...regression }).toOnnx(),
    )
    expect(value.outputs).toEqual([{ name: 'value', datatype: 'FP32', shape: [-1, 1] }])
  })
})
