import { expect, it, test } from 'vitest'
import { localOwner } from '../kernel/actor.ts'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { compareRuns } from './compare.ts'
import { isBetterLower } from './metric-direction.ts'
import { createRun, logBatch, setRunsLifecycle } from '../tracking/tracking.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }

async function threeRuns(context: TestContext): Promise<{ parent: string; ids: string[] }> {
  const parent = await createRun(context, caller)
  const ids: string[] = []
  for (const [index, auc] of [0.6, 0.7, 0.7].entries()) {
    const run = await createRun(context, { ...caller, parentRunId: parent.id, startMs: index })
    await logBatch(context, {
      ...caller,
      runId: run.id,
      params: [{ key: 'seed', value: '7' }, ...(index === 2 ? [] : [{ key: 'depth', value: String(index) }])],
      metrics: [
        { key: 'auc', value: auc, step: 0, timestampMs: 0 },
        { key: 'val/loss', value: index === 1 ? Number.NaN : 1 + index, step: 2 * index, timestampMs: 0 },
      ],
    })
    ids.push(run.id)
  }
  return { parent: parent.id, ids }
}

describeDatabases('comparison of runs', (open) => {
  it('says what differs and where the best value of each metric is', async () => {
    const context = await open()
    const { ids } = await threeRuns(context)
    const answer = await compareRuns(context, { ...caller, runIds: ids })
    expect(answer.runs.map(({ id }) => id)).toEqual(ids)
    expect(answer.params).toEqual([
      { key: 'depth', differs: true, values: ['0', '1', null] },
      { key: 'seed', differs: false, values: ['7', '7', '7'] },
    ])
    expect(answer.metrics).toEqual([
      { key: 'auc', differs: true, values: [0.6, 0.7, 0.7], lowerIsBetter: false, best: [1, 2], lastStep: 0 },
      { key: 'val/loss', differs: true, values: [1, 'NaN', 3], lowerIsBetter: true, best: [0], lastStep: 4 },
    ])
    expect(answer.cut).toBe(false)
  })

  it('takes the beginning of an id, names what is missing, and keeps the order', async () => {
    const context = await open()
    const { ids } = await threeRuns(context)
    const [a, b] = ids as [string, string]
    const answer = await compareRuns(context, {
      ...caller,
      runIds: [b.slice(0, 12), 'ffffffffffffffff', a, b, 'no such'],
    })
    expect(answer.runs.map(({ id }) => id)).toEqual([b, a])
    expect(answer.missing).toEqual(['ffffffffffffffff', 'no such'])
    const many = Array.from({ length: 1001 }, (_, index) => `id-${index}`)
    await expect(compareRuns(context, { ...caller, runIds: many })).rejects.toMatchObject({ code: 'invalid' })
  })

  it('refuses the beginning of several ids', async () => {
    const context = await open()
    for (const end of ['a', 'b']) await createRun(context, { ...caller, id: `${'0'.repeat(31)}${end}` })
    await expect(compareRuns(context, { ...caller, runIds: ['0'.repeat(12)] })).rejects.toMatchObject({
      code: 'invalid',
    })
  })

  it('compares what is nested in a run, without what is deleted', async () => {
    const context = await open()
    const { parent, ids } = await threeRuns(context)
    await setRunsLifecycle(context, { ...caller, runIds: [ids[1]!], lifecycle: 'deleted' })
    const answer = await compareRuns(context, { ...caller, parentRunId: parent })
    expect(answer.runs.map(({ id }) => id)).toEqual([ids[0], ids[2]])
    await expect(compareRuns(context, { ...caller, parentRunId: 'none' })).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  it('holds at most two hundred keys of a kind, those that differ first', async () => {
    const context = await open()
    const ids: string[] = []
    for (let index = 0; index < 2; index++) {
      const { id } = await createRun(context, caller)
      const params = Array.from({ length: 250 }, (_, at) => ({
        key: `p${at}`,
        value: at > 240 ? String(index) : 'same',
      }))
      await logBatch(context, { ...caller, runId: id, params })
      ids.push(id)
    }
    const answer = await compareRuns(context, { ...caller, runIds: ids })
    expect(answer.params).toHaveLength(200)
    expect(answer.params.filter(({ differs }) => differs)).toHaveLength(9)
    expect(answer.cut).toBe(true)
  })
})

test('a metric is better lower when its name says so', () => {
  for (const key of [
    'loss',
    'val/log_loss',
    'trainloss',
    'rmse',
    'mean_absolute_error',
    'latency_ms',
    'test.brier',
  ])
    expect(isBetterLower(key), key).toBe(true)
  for (const key of ['auc', 'accuracy', 'f1', 'timeliness', 'r2', 'glossary', 'closs_recall', 'perfect'])
    expect(isBetterLower(key), key).toBe(false)
})
