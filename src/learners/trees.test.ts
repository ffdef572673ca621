import { describe, expect, test } from 'vitest'
import { train } from './learners.ts'
import type { TrainRequest } from './learners.ts'
import { seededRandom } from './random.ts'
import { numberFrame, sampleFrame } from './sample-frames.ts'
import type { Frame } from './schema.ts'

const X = [{ name: 'x', kind: 'number' }] as const
const trees = { learner: 'trees', task: 'binary' } as const

function meanLoss(target: Float64Array, predicted: Float64Array): number {
  const losses = target.map((label, row) => -Math.log(label === 1 ? predicted[row]! : 1 - predicted[row]!))
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length
}

describe('boosted trees', () => {
  test('learn XOR, which no single split helps with', () => {
    const random = seededRandom(3)
    const rows = 2000
    const [a, b] = [0, 1].map(() => Float64Array.from({ length: rows }, random))
    const target = Float64Array.from({ length: rows }, (_, row) => Number(a![row]! > 0.5 !== b![row]! > 0.5))
    const features = ['a', 'b'].map((name) => ({ name, kind: 'number' as const }))
    const frame = numberFrame({ a: a!, b: b! })
    const predicted = train({ ...trees, frame, target, features }).predict(frame)
    const wrong = target.filter((label, row) => Number(predicted[row]! > 0.5) !== label).length
    expect(wrong / rows).toBeLessThan(0.01)
  })

  test('lower the training loss with every round', () => {
    for (const task of ['binary', 'regression', 'multiclass'] as const) {
      const sample = sampleFrame(task, 2000, 1)
      const params = { trees: 60, earlyStoppingRounds: 60 }
      const losses = train({ ...trees, task, ...sample, params, validation: sample }).describe()[
        'validationLosses'
      ] as number[]
      expect(losses).toHaveLength(60)
      for (let i = 1; i < losses.length; i++) expect(losses[i]).toBeLessThan(losses[i - 1]!)
    }
  })

  test('stop early and keep the rounds up to the smallest validation loss', () => {
    const request = {
      ...trees,
      ...sampleFrame('binary', 800, 1),
      params: { trees: 1000, earlyStoppingRounds: 20 },
    }
    const validation = sampleFrame('binary', 800, 2)
    const model = train({ ...request, validation })
    const { iterations, validationLosses, validationLoss } = model.describe() as {
      iterations: number
      validationLosses: number[]
      validationLoss: number
    }
    expect(validationLosses).toHaveLength(iterations + 20)
    expect(validationLosses[iterations - 1]).toBe(Math.min(...validationLosses))
    expect(validationLoss).toBeCloseTo(validationLosses[iterations - 1]!, 12)
    expect(meanLoss(validation.target, model.predict(validation.frame))).toBeCloseTo(validationLoss, 12)
  })

  test('give the same bytes for the same seed and others for another', () => {
    const request: TrainRequest = {
      ...trees,
      ...sampleFrame('binary', 1000, 1),
      params: { trees: 10, rowFraction: 0.5, featureFraction: 0.5 },
    }
    const bytes = (seed: number) => Buffer.from(train({ ...request, seed }).toOnnx()).toString('base64')
    expect(bytes(7)).toBe(bytes(7))
    expect(bytes(7)).not.toBe(bytes(8))
  })

  test('do not depend on the order in which a frame lists its categories', () => {
    const { frame, target, features } = sampleFrame('binary', 2000, 1)
    const reorder = (frame: Frame, name: string): Frame => {
      const column = frame.columns[name]!
      if (column.kind !== 'category') return frame
      const last = column.categories.length - 1
      const codes = column.codes.map((code) => (code < 0 ? code : last - code))
      return {
        ...frame,
        columns: {
          ...frame.columns,
          [name]: { kind: 'category', codes, categories: column.categories.toReversed() },
        },
      }
    }
    const other = reorder(reorder(frame, 'city'), 'plan')
    const model = train({ ...trees, frame, target, features })
    expect(train({ ...trees, frame: other, target, features }).toOnnx()).toEqual(model.toOnnx())
    expect(model.predict(other)).toEqual(model.predict(frame))
  })

  test('learn on which side missing values belong, at each split', () => {
    const values = Float64Array.from({ length: 400 }, (_, row) => (row % 4 === 0 ? Number.NaN : row % 7))
    const frame = numberFrame({ x: values })
    for (const missingLabel of [0, 1]) {
      const target = values.map((value) => (Number.isNaN(value) ? missingLabel : Number(value > 3)))
      const predicted = train({ ...trees, frame, target, features: X }).predict(frame)
      predicted.forEach((probability, row) => expect(Math.abs(probability - target[row]!)).toBeLessThan(0.01))
    }
  })

  test('send values that were never missing in training with the larger side when they are', () => {
    const frame = numberFrame({ x: Array.from({ length: 100 }, (_, row) => row) })
    const target = Float64Array.from({ length: 100 }, (_, row) => Number(row >= 30))
    const model = train({ ...trees, frame, target, features: X, params: { leaves: 2 } })
    const [missing, large] = model.predict(numberFrame({ x: [Number.NaN, 99] }))
    expect(missing).toBe(large)
  })

  test('group many categories by what they say about the label', () => {
    const rows = 6000
    const categories = Array.from({ length: 60 }, (_, i) => `c${i}`)
    const codes = Int32Array.from({ length: rows }, (_, row) => row % 60)
    const frame: Frame = { rows, columns: { c: { kind: 'category', codes, categories } } }
    const target = Float64Array.from(codes, (code) => Number((code * 17) % 60 < 25))
    const model = train({
      ...trees,
      frame,
      target,
      features: [{ name: 'c', kind: 'category' }],
      params: { leaves: 2, trees: 60 },
    })
    model
      .predict(frame)
      .forEach((probability, row) => expect(Math.abs(probability - target[row]!)).toBeLessThan(0.1))
  })

  test('keep at least the asked rows in every leaf', () => {
    const sample = sampleFrame('regression', 700, 1)
    const params = { trees: 1, minRowsInLeaf: 90, leaves: 31 }
    const predicted = train({ ...trees, task: 'regression', ...sample, params }).predict(sample.frame)
    const counts = new Map<number, number>()
    for (const value of predicted) counts.set(value, (counts.get(value) ?? 0) + 1)
    expect(counts.size).toBeGreaterThan(2)
    expect(Math.min(...counts.values())).toBeGreaterThanOrEqual(90)
  })

  test('stay within maxDepth', () => {
    const sample = sampleFrame('binary', 2000, 1)
    const depth = (maxDepth: number) =>
      train({ ...trees, ...sample, params: { maxDepth } }).describe()['depth']
    expect(depth(3)).toBe(3)
    expect(depth(0)).toBeGreaterThan(3)
  })

  test('credit the gain to the features that brought it', () => {
    const random = seededRandom(1)
    const [x, noise] = [0, 1].map(() => Float64Array.from({ length: 1000 }, random))
    const features = ['x', 'noise'].map((name) => ({ name, kind: 'number' as const }))
    const target = x!.map((value) => Number(value > 0.3))
    const { importance } = train({ ...trees, frame: numberFrame({ x: x!, noise: noise! }), target, features })
    expect(importance['x']).toBeGreaterThan(100 * importance['noise']!)
  })

  test('fit values far from zero and of any size', () => {
    for (const [offset, unit] of [
      [1e6, 1000],
      [0, 1e-6],
    ] as const) {
      const frame = numberFrame({ x: Array.from({ length: 500 }, (_, row) => row) })
      const target = Float64Array.from({ length: 500 }, (_, row) => offset + unit * Math.sin(row / 40))
      const params = { minRowsInLeaf: 3 }
      const predicted = train({
        learner: 'trees',
        task: 'regression',
        frame,
        target,
        features: X,
        params,
      }).predict(frame)
      predicted.forEach((value, row) => expect(Math.abs(value - target[row]!) / unit).toBeLessThan(0.15))
    }
  })
})
