import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkParity, train } from './learners.ts'
import type { TrainRequest } from './learners.ts'
import { numberFrame, sampleFrame } from './sample-frames.ts'
import type { Column, FeatureSpec, Frame, Learner, Task } from './schema.ts'

const LIMIT = 1e-6
const LEARNERS: readonly Learner[] = ['prior', 'logistic', 'trees']
const TASKS: readonly Task[] = ['binary', 'regression', 'multiclass']

async function parityOf(request: TrainRequest, frame: Frame) {
  const model = train(request)
  return checkParity(model, model.toOnnx(), frame)
}

describe('the exported graph', () => {
  const cases = LEARNERS.flatMap((learner) => TASKS.map((task) => ({ learner, task })))

  test.each(cases)(
    'of $learner, $task, answers as the trainer on every row of a holdout with missing and unseen values',
    async ({ learner, task }) => {
      const training = sampleFrame(task, 3000, 1)
      const holdout = sampleFrame(task, 5000, 2, 10)
      const parity = await parityOf({ learner, task, ...training }, holdout.frame)
      expect(parity.rows).toBe(5000)
      expect(parity.maxDifference).toBeLessThan(LIMIT)
      expect(parity.labelMismatches).toBe(0)
    },
  )

  test('of another model does not pass for this one', async () => {
    const training = sampleFrame('binary', 500, 1)
    const model = train({ learner: 'trees', task: 'binary', ...training })
    const other = train({ learner: 'trees', task: 'binary', ...training, params: { trees: 101 } })
    expect((await checkParity(model, other.toOnnx(), training.frame)).maxDifference).toBeGreaterThan(1e-4)
  })

  test.each(['binary', 'regression'] as const)(
    'of %s holds when values lie exactly on a threshold and beside it',
    async (task) => {
      const model = train({
        learner: 'trees',
        task,
        frame: numberFrame({ x: [0.1, 0.2, 0.3, 0.4] }),
        target: Float64Array.of(0, 1, 0, 1),
        features: [{ name: 'x', kind: 'number' }],
        params: { minRowsInLeaf: 1 },
      })
      const edges = [0.15, 0.25, 0.35].flatMap((edge) =>
        [-2, -1, 0, 1, 2].map((step) => Math.fround(edge) + step * 2 ** -26),
      )
      const frame = numberFrame({ x: [...edges, -Infinity, Infinity, Number.NaN, -0, 1e-300, 3e38] })
      expect(new Set(model.predict(frame)).size).toBe(2)
      expect((await checkParity(model, model.toOnnx(), frame)).maxDifference).toBeLessThan(LIMIT)
    },
  )

  test('takes categories alone, a category column without any category, and a tree without a split', async () => {
    const codes = Int32Array.of(-1, -1, -1, -1)
    const frame: Frame = { rows: 4, columns: { empty: { kind: 'category', codes, categories: [] } } }
    const features: readonly FeatureSpec[] = [{ name: 'empty', kind: 'category' }]
    for (const { learner, task } of cases) {
      const target = Float64Array.of(0, 1, 2, 1).map((label) => (task === 'binary' ? label % 2 : label))
      const parity = await parityOf({ learner, task, frame, target, features }, frame)
      expect(parity.maxDifference).toBeLessThan(LIMIT)
    }
  })

  test('holds for small frames of any numbers and texts', async () => {
    await fc.assert(
      fc.asyncProperty(anyRequest, async ({ request, holdout }) => {
        const parity = await parityOf(request, holdout)
        expect(parity.maxDifference).toBeLessThan(LIMIT)
        expect(parity.labelMismatches).toBe(0)
      }),
      { numRuns: 150 },
    )
  }, 60_000)
})

const FEATURES: readonly FeatureSpec[] = [
  { name: 'label_1', kind: 'number' },
  { name: 'Concat_3', kind: 'number' },
  { name: 'text', kind: 'category' },
]

const number = fc.oneof(
  fc.double({ min: -1e6, max: 1e6 }),
  fc.integer({ min: -3, max: 3 }),
  fc.constant(Number.NaN),
)
const categories = fc.uniqueArray(fc.string({ unit: 'binary', maxLength: 3 }), { minLength: 1, maxLength: 6 })

function anyFrame(rows: number): fc.Arbitrary<Frame> {
  const values = fc
    .array(number, { minLength: rows, maxLength: rows })
    .map((values): Column => ({ kind: 'number', values: Float64Array.from(values) }))
  const text = categories.chain((categories) =>
    fc
      .array(fc.integer({ min: -1, max: categories.length - 1 }), { minLength: rows, maxLength: rows })
      .map((codes): Column => ({ kind: 'category', codes: Int32Array.from(codes), categories })),
  )
  return fc.tuple(values, values, text).map((columns) => ({
    rows,
    columns: Object.fromEntries(columns.map((column, i) => [FEATURES[i]!.name, column])),
  }))
}

function anyTarget(task: Task, rows: number): fc.Arbitrary<Float64Array> {
  const label =
    task === 'regression'
      ? fc.double({ min: -1e5, max: 1e5, noNaN: true })
      : fc.integer({ min: 0, max: task === 'binary' ? 1 : 3 })
  return fc
    .array(label, { minLength: rows, maxLength: rows })
    .map((labels) => Float64Array.from(labels))
    .filter((labels) => task === 'regression' || new Set(labels).size > 1)
}

const params: Readonly<Record<Learner, Readonly<Record<string, unknown>>>> = {
  prior: {},
  logistic: { minCategoryRows: 1 },
  trees: {
    trees: 5,
    leaves: 6,
    minRowsInLeaf: 1,
    minRowsPerGroup: 1,
    catSmooth: 1,
    maxCategoriesOneHot: 2,
    learningRate: 0.5,
  },
}

const anyRequest = fc
  .record({
    learner: fc.constantFrom(...LEARNERS),
    task: fc.constantFrom(...TASKS),
    rows: fc.integer({ min: 2, max: 40 }),
    seed: fc.nat(),
  })
  .chain(({ learner, task, rows, seed }) =>
    fc.record({
      request: fc.tuple(anyFrame(rows), anyTarget(task, rows)).map(([frame, target]): TrainRequest => ({
        learner,
        task,
        frame,
        target,
        features: FEATURES,
        params: params[learner],
        seed,
      })),
      holdout: anyFrame(rows),
    }),
  )
