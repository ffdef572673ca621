import { describe, expect, it } from 'vitest'
import { AppError } from '../kernel/errors.ts'
import { Batcher, type BatchItem, type BatchLimits } from './batcher.ts'
import type { Executor, Tensors } from './executor.ts'
import { planFeeds } from './feeds.ts'

const plan = planFeeds(
  [{ name: 'x', datatype: 'FP32', shape: [-1, 1] }],
  [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
  [{ name: 'x', width: 1 }],
)

/** Doubles its input, takes a turn of the event loop, and refuses a batch with a negative number. */
function doubling(): Executor & { batches: number[] } {
  const batches: number[] = []
  return {
    kind: 'inline',
    slots: 1,
    batches,
    async run(feeds: Tensors) {
      const { data } = feeds['x']!
      const values = data as Float32Array
      batches.push(values.length)
      await new Promise((resolve) => setImmediate(resolve))
      if (values.some((value) => value < 0)) throw new AppError('invalid', 'negative')
      return { y: { datatype: 'FP32', shape: [values.length, 1], data: values.map((value) => 2 * value) } }
    },
    async [Symbol.asyncDispose]() {},
  }
}

interface Item extends BatchItem {
  resolve: (values: number[]) => void
}

function setUp(limits: Partial<BatchLimits> = {}) {
  const executor = doubling()
  const batcher = new Batcher<Item>(executor, plan, { maxBatch: 8, maxQueue: 20, ...limits }, (result) => {
    let start = 0
    for (const item of result.items) {
      item.resolve([...(result.outputs['y']!.data as Float32Array)].slice(start, start + item.rows))
      start += item.rows
    }
  })
  const ask = (values: number[], { shadow = false, deadlineMs = Infinity } = {}): Promise<number[]> =>
    new Promise((resolve, reject) => {
      const item: Item = {
        rows: values.length,
        features: [values],
        queuedMs: performance.now(),
        deadlineMs,
        resolve,
        failed: reject,
      }
      try {
        if (!shadow) batcher.submit(item)
        else if (!batcher.submitShadow(item)) reject(new Error('shed'))
      } catch (error) {
        reject(error)
      }
    })
  return { executor, batcher, ask }
}

describe('a batcher', () => {
  it('runs what arrived in one turn together, and each gets its own rows', async () => {
    const { executor, ask } = setUp()
    expect(await Promise.all([ask([1, 2]), ask([3]), ask([4, 5])])).toEqual([[2, 4], [6], [8, 10]])
    expect(executor.batches).toEqual([5])
  })

  it('forms the next batch while one runs, and never one above its limit', async () => {
    const { executor, ask } = setUp({ maxBatch: 3 })
    await Promise.all([1, 2, 3, 4, 5, 6, 7].map((value) => ask([value])))
    expect(executor.batches).toEqual([3, 3, 1])
  })

  it('cuts a request larger than a batch into several calls', async () => {
    const { executor, ask } = setUp({ maxBatch: 3 })
    expect(await ask([1, 2, 3, 4, 5, 6, 7])).toEqual([2, 4, 6, 8, 10, 12, 14])
    expect(executor.batches).toEqual([3, 3, 1])
  })

  it('refuses as unavailable what exceeds its queue, and takes more once that has run', async () => {
    const { ask } = setUp({ maxQueue: 2 })
    const waiting = [ask([1]), ask([2])]
    await expect(ask([3])).rejects.toMatchObject({ code: 'unavailable' })
    await Promise.all(waiting)
    expect(await ask([4])).toEqual([8])
  })

  it('drops a request whose deadline passed before its turn', async () => {
    const { ask } = setUp()
    const late = ask([1], { deadlineMs: performance.now() - 1 })
    const good = ask([2])
    await expect(late).rejects.toMatchObject({ code: 'unavailable' })
    expect(await good).toEqual([4])
  })

  it('answers the neighbours of a request that the model refuses', async () => {
    const { ask } = setUp()
    const [good, bad, other] = await Promise.allSettled([ask([1]), ask([-1]), ask([3])])
    expect([good, other]).toEqual([
      { status: 'fulfilled', value: [2] },
      { status: 'fulfilled', value: [6] },
    ])
    expect(bad.status).toBe('rejected')
  })

  it('runs shadow work after everything else, and sheds it first', async () => {
    const { executor, ask } = setUp({ maxQueue: 2 })
    const order: string[] = []
    const shadow = ask([1, 2], { shadow: true }).then(() => order.push('shadow'))
    await expect(ask([9], { shadow: true })).rejects.toThrow('shed')
    const answers = [ask([3]), ask([4])].map((answer) => answer.then(() => order.push('answer')))
    await Promise.all([shadow, ...answers])
    expect(order).toEqual(['answer', 'answer', 'shadow'])
    expect(executor.batches).toEqual([2, 2])
  })
})
