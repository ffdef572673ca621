import { describe, expect, test } from 'vitest'
import { train } from './learners.ts'
import type { TrainRequest } from './learners.ts'
import { sampleFrame } from './sample-frames.ts'
import type { CategoryColumn, Frame } from './schema.ts'

type Weights = Record<string, Record<string, number[] | number>>

const ROWS = 60
const place = Array.from({ length: ROWS }, (_, i) => i)
const frame: Frame = {
  rows: ROWS,
  columns: {
    a: { kind: 'number', values: Float64Array.from(place, (i) => Math.sin(i * 1.3) * 3 + 5) },
    b: { kind: 'number', values: Float64Array.from(place, (i) => Math.cos(i * 0.7) * i) },
    c: { kind: 'category', codes: Int32Array.from(place, (i) => i % 3), categories: ['0', '1', '2'] },
  },
}
const request = {
  learner: 'logistic',
  frame,
  features: [
    { name: 'a', kind: 'number' },
    { name: 'b', kind: 'number' },
    { name: 'c', kind: 'category' },
  ],
  params: { l2: 1.5, minCategoryRows: 1, tolerance: 1e-12 },
} as const satisfies Partial<TrainRequest>

/** Intercept, then a, b and the categories of c, for one output. */
function coefficients(request: TrainRequest, output = 0): number[] {
  const description = train(request).describe()
  const weights = description['weights'] as Weights
  const at = (value: number[] | number | undefined) => (value as number[])[output]!
  const { a, b, c } = weights
  return [
    at(description['intercept'] as number[]),
    at(a!['weight']),
    at(b!['weight']),
    ...['0', '1', '2'].map((text) => at(c![text])),
  ]
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expected.forEach((value, i) => expect(actual[i]).toBeCloseTo(value, 6))
}

// The expected numbers are scikit-learn 1.9.1's, on standardised float32 numbers and one-hot categories.
describe('logistic regression', () => {
  test('has the coefficients of LogisticRegression(C=1/1.5)', () => {
    const target = Float64Array.from(place, (i) =>
      Number(Math.sin(i * 1.3) + 0.5 * Math.cos(i * 2.1) + (i % 3 === 1 ? 0.6 : 0) > 0.2),
    )
    expectClose(
      coefficients({ ...request, task: 'binary', target }),
      [-0.015448929, 2.4775215226, -0.1209241673, 0.4416521515, 0.1901992804, -0.6318514443],
    )
  })

  test('rates a feature by the spread of what it adds to the score', () => {
    const target = Float64Array.from(place, (i) => Number(Math.sin(i * 1.3) > 0))
    const { importance } = train({ ...request, task: 'binary', target })
    const [, a, b, ...c] = coefficients({ ...request, task: 'binary', target })
    const mean = c.reduce((sum, weight) => sum + weight, 0) / 3
    const spread = Math.sqrt(c.reduce((sum, weight) => sum + (weight - mean) ** 2, 0) / 3)
    expectClose([importance['a']!, importance['b']!, importance['c']!], [Math.abs(a!), Math.abs(b!), spread])
  })

  test('has the coefficients of Ridge(alpha=1.5) for values', () => {
    const target = Float64Array.from(place, (i) => {
      const [a, b] = [Math.sin(i * 1.3) * 3 + 5, Math.cos(i * 0.7) * i]
      return 2 * a - b + (i % 3 === 2 ? 4 : 0) + Math.sin(i * 5)
    })
    expectClose(
      coefficients({ ...request, task: 'regression', target }),
      [12.5317846942, 3.5593001436, -24.0614906623, -1.2659676401, -1.2253196113, 2.4912872514],
    )
  })

  test('has the coefficients of softmax regression for three classes', () => {
    const target = Float64Array.from(place, (i) => ((i * 7) % 11) % 3)
    const softmax = { ...request, task: 'multiclass', target } as const
    // Only differences of intercepts matter to a softmax.
    const [first, second, third] = [0, 1, 2].map((output) => coefficients(softmax, output))
    expect(first![0]! - second![0]!).toBeCloseTo(0.1574040154 - 0.1113138829, 6)
    expectClose(first!.slice(1), [0.0804441129, -0.011378318, 0.0418835884, -0.0758287206, 0.0339450768])
    expectClose(second!.slice(1), [-0.0625286363, 0.0800180109, -0.0421831587, 0.0754571881, -0.0332739574])
    expectClose(third!.slice(1), [-0.0179154766, -0.0686396929, 0.0002995703, 0.0003715325, -0.0006711193])
  })

  test('without a penalty gives each category its own share of positives', () => {
    const codes = Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1)
    const frame: Frame = { rows: 8, columns: { c: { kind: 'category', codes, categories: ['x', 'y'] } } }
    const model = train({
      learner: 'logistic',
      task: 'binary',
      frame,
      target: Float64Array.of(1, 0, 0, 0, 1, 1, 1, 0),
      features: [{ name: 'c', kind: 'category' }],
      params: { l2: 0, minCategoryRows: 1 },
    })
    const [x, , , , y] = model.predict(frame)
    expect(x).toBeCloseTo(0.25, 8)
    expect(y).toBeCloseTo(0.75, 8)
  })

  test('treats rare, unseen and missing categories alike', () => {
    const training = sampleFrame('binary', 2000, 5)
    const model = train({ learner: 'logistic', task: 'binary', ...training, params: { minCategoryRows: 60 } })
    const kept = Object.keys((model.describe()['weights'] as Weights)['city']!)
    const rare = (training.frame.columns['city'] as CategoryColumn).categories.find(
      (city) => !kept.includes(city),
    )!
    const one = (city: string, code: number): Frame => ({
      rows: 1,
      columns: {
        income: { kind: 'number', values: Float64Array.of(5) },
        age: { kind: 'number', values: Float64Array.of(30) },
        city: { kind: 'category', codes: Int32Array.of(code), categories: [city] },
        plan: { kind: 'category', codes: Int32Array.of(0), categories: ['gold'] },
      },
    })
    const [missing] = model.predict(one('', -1))
    expect(model.predict(one(rare, 0))[0]).toBe(missing)
    expect(model.predict(one('never seen', 0))[0]).toBe(missing)
    expect(model.predict(one(kept[0]!, 0))[0]).not.toBe(missing)
  })

  test('says whether it converged', () => {
    const training = sampleFrame('binary', 500, 5)
    const iterated = (maxIterations: number) =>
      train({ learner: 'logistic', task: 'binary', ...training, params: { maxIterations } }).describe()[
        'converged'
      ]
    expect(iterated(100)).toBe(true)
    expect(iterated(1)).toBe(false)
  })
})
