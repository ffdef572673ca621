import { describe, expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { cron, drift, newData } from './trigger-definition.ts'
import { pipeline, py, sh, step, stepSource } from './authoring.ts'
import { Json, Model, Table, type JsonRef, type ModelRef, type TableRef } from './kinds.ts'

const Scores = z.object({ auc: z.number() })
const split = step('split', {
  in: { data: Table },
  params: z.object({ holdoutDays: z.int().default(14) }),
  out: { train: Table, test: Table },
  run: async ({ data, params, sql }) => {
    expectTypeOf(params.holdoutDays).toEqualTypeOf<number>()
    const train = await sql.table(`SELECT * FROM ${data.scan}`)
    return { train, test: train }
  },
})
const train = py('steps/train.py', {
  in: { train: Table },
  params: z.object({ lr: z.number(), depth: z.int() }),
  out: { model: Model, scores: Json(Scores) },
  retries: 2,
})

/** Never run: the compiler is the test. A wrong wiring that compiled would leave an unused directive behind. */
export const wiring = pipeline(
  'wiring',
  {
    params: z.object({ lr: z.number().default(0.1) }),
    on: [cron('0 3 * * *'), newData('flights'), drift('late')],
  },
  async ({ params, latest, champion, register }) => {
    const parts = split({ data: latest('flights') })
    expectTypeOf(parts.train).toEqualTypeOf<TableRef>()
    const fitted = train({ train: parts.train, lr: params.lr, depth: 3 })
    expectTypeOf(fitted.model).toEqualTypeOf<ModelRef>()
    expectTypeOf(fitted.scores).toEqualTypeOf<JsonRef<{ auc: number }>>()
    expectTypeOf(await fitted.scores).toEqualTypeOf<{ auc: number }>()
    // @ts-expect-error a model is no table
    train({ train: fitted.model, lr: 1, depth: 1 })
    // @ts-expect-error a table is no model
    register('late', parts.train)
    // @ts-expect-error a number is no table
    split({ data: 1 })
    // @ts-expect-error the param depth is missing
    train({ train: parts.train, lr: 1 })
    // @ts-expect-error the input is missing
    split({})
    // @ts-expect-error depth is a number
    train({ train: parts.train, lr: 1, depth: 'three' })
    // @ts-expect-error a table ref is not thenable: awaiting it would lose nothing, and reading it is not possible
    expectTypeOf(parts.train).toExtend<PromiseLike<unknown>>()
    register('late', fitted.model, { challenger: true })
    const best = await champion('late')
    if (best) register('again', best.model)
  },
)

describe('a step', () => {
  it('refuses a result of the wrong kind at compile time', () => {
    const wrong = step('wrong', {
      out: { scores: Json(Scores) },
      // @ts-expect-error auc is a number
      run: () => ({ scores: { auc: 'high' } }),
    })
    expect(stepSource(wrong)?.name).toBe('wrong')
  })

  it('refuses an input whose name a param or a tool already has', () => {
    expect(() => sh('a', { in: { sql: Table }, out: {}, command: 'true' })).toThrow('which is taken')
    expect(() =>
      sh('a', { in: { x: Table }, params: z.object({ x: z.number() }), out: {}, command: 'true' }),
    ).toThrow('which is taken')
  })

  it('refuses a call outside a pipeline', () => {
    expect(() => split({ data: undefined as never })).toThrow('outside a pipeline')
  })

  it('takes its name from the script when it is Python', () => {
    expect(stepSource(train)).toMatchObject({
      kind: 'py',
      name: 'train',
      script: 'steps/train.py',
      retries: 2,
    })
  })
})
