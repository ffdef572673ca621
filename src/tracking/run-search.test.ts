import { expect, it } from 'vitest'
import { localOwner } from '../kernel/actor.ts'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { findRuns } from './run-search.ts'
import { setRunsLifecycle } from './run-bulk.ts'
import { createRun, updateRun } from './runs.ts'
import { deleteRunTag, logBatch } from './log-batch.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }

async function found(context: TestContext, text: string): Promise<string[]> {
  return (await findRuns(context, { ...caller, text, limit: 10 })).map(({ name }) => name)
}

describeDatabases('search of runs', (open) => {
  it('finds a run by beginnings of words in its name, tags, user and description, the newest first', async () => {
    const context = await open()
    const tags = [{ key: 'team', value: 'Délais aériens' }]
    const first = await createRun(context, { ...caller, name: 'swift-otter-12', startMs: 1, tags })
    await createRun(context, { ...caller, name: 'swift-heron-7', startMs: 2, userId: 'ada' })
    expect(await found(context, 'swi')).toEqual(['swift-heron-7', 'swift-otter-12'])
    expect(await found(context, 'OTTER sw')).toEqual(['swift-otter-12'])
    expect(await found(context, 'déla')).toEqual(['swift-otter-12'])
    expect(await found(context, 'tter')).toEqual([])
    expect(await found(context, '%')).toEqual([])
    await logBatch(context, {
      ...caller,
      runId: first.id,
      tags: [{ key: 'mlflow.note.content', value: 'Baseline for the **winter** schedule' }],
    })
    expect(await found(context, 'winter')).toEqual(['swift-otter-12'])
    expect(await found(context, first.id.slice(0, 8))).toEqual(['swift-otter-12'])
  })

  it('puts a run with exactly these words in its name before newer ones', async () => {
    const context = await open()
    for (const [startMs, name] of ['run-1', 'run-10', 'run-11'].entries())
      await createRun(context, { ...caller, name, startMs })
    expect(await found(context, 'run-1')).toEqual(['run-1', 'run-11', 'run-10'])
  })

  it('follows renaming, changed tags, deleting and restoring, and stays inside the project', async () => {
    const context = await open()
    const run = await createRun(context, {
      ...caller,
      name: 'before',
      tags: [{ key: 'stage', value: 'explore' }],
    })
    await updateRun(context, { ...caller, runId: run.id, name: 'after' })
    expect(await found(context, 'before')).toEqual([])
    expect(await found(context, 'after')).toEqual(['after'])
    await logBatch(context, { ...caller, runId: run.id, tags: [{ key: 'stage', value: 'final' }] })
    expect(await found(context, 'explore')).toEqual([])
    expect(await found(context, 'final')).toEqual(['after'])
    await deleteRunTag(context, { ...caller, runId: run.id, key: 'stage' })
    expect(await found(context, 'final')).toEqual([])
    await setRunsLifecycle(context, { ...caller, runIds: [run.id], lifecycle: 'deleted' })
    expect(await found(context, 'after')).toEqual([])
    await setRunsLifecycle(context, { ...caller, runIds: [run.id], lifecycle: 'active' })
    expect(await found(context, 'after')).toEqual(['after'])
    expect(await findRuns(context, { ...caller, projectId: 'other', text: 'after', limit: 10 })).toEqual([])
  })
})
