import { expect, it } from 'vitest'
import { localOwner } from '../kernel/actor.ts'
import { describeDatabases, PROJECT_ID, TEST_TIME_MS, type TestContext } from '../../test/databases.ts'
import { latestOf } from './store-metrics.ts'
import { createExperiment, getExperiment, setExperimentLifecycle, setExperimentTag } from './experiments.ts'
import { setRunsLifecycle } from './run-bulk.ts'
import { createRun, finishRun, getRun, searchRuns } from './runs.ts'
import { deleteArtifacts, getArtifact, listRunArtifacts, putRunArtifact } from './artifacts.ts'
import { getMetricHistory, getThinnedHistory } from './history.ts'
import { logBatch, logInputs } from './log-batch.ts'
import { createLoggedModel, getLoggedModel, searchLoggedModels } from './logged-models.ts'
import { referencedBlobs } from './store-artifacts.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }

async function runChangedEvents(context: TestContext): Promise<number> {
  const rows = await context.db.read
    .selectFrom('event')
    .select('seq')
    .where('kind', '=', 'run.changed')
    .execute()
  return rows.length
}

describeDatabases('tracking', (open) => {
  it('gives out numeric experiment ids, 0 for Default, and refuses a name twice', async () => {
    const context = await open()
    expect(await getExperiment(context, { ...caller, id: '0' })).toMatchObject({ id: '0', name: 'Default' })
    const first = await createExperiment(context, {
      ...caller,
      name: 'late',
      tags: [{ key: 'a', value: 'b' }],
    })
    expect(first).toMatchObject({ id: '1', artifactLocation: 'mlflow-artifacts:/1' })
    await expect(createExperiment(context, { ...caller, name: 'late' })).rejects.toMatchObject({
      code: 'already_exists',
    })
    expect(await createExperiment(context, { ...caller, name: 'early' })).toMatchObject({ id: '2' })
  })

  it('refuses a param twice in a batch before it writes anything, and a metric of a model that is not there', async () => {
    const context = await open()
    const run = await createRun(context, { ...caller })
    await context.db.write((trx) => trx.updateTable('run').set({ announced_ms: 0 }).execute())
    const params = [
      { key: 'lr', value: '0.1' },
      { key: 'lr', value: '0.2' },
    ]
    await expect(logBatch(context, { ...caller, runId: run.id, params })).rejects.toMatchObject({
      code: 'invalid',
    })
    const metric = { key: 'auc', value: 0.7, timestampMs: 1, step: 0, loggedModelId: 'm-none' }
    await expect(logBatch(context, { ...caller, runId: run.id, metrics: [metric] })).rejects.toMatchObject({
      code: 'not_found',
    })
    expect(await getRun(context, { ...caller, runId: run.id })).toMatchObject({ params: [], metrics: [] })
  })

  it('gives each project a Default of its own, which 0 means there', async () => {
    const context = await open()
    await getExperiment(context, { ...caller, id: '0' })
    const other = await getExperiment(context, { ...caller, projectId: 'other', id: '0' })
    expect(other.name).toBe('Default')
    expect(other.id).not.toBe('0')
    await expect(getExperiment(context, { ...caller, id: other.id })).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  it('makes a Default that is first asked for by a tag at the time of that', async () => {
    const context = await open()
    const projectId = 'other'
    await setExperimentTag(context, { ...caller, projectId, id: '0', tag: { key: 'team', value: 'fleet' } })
    const made = await getExperiment(context, { ...caller, projectId, id: '0' })
    expect(made).toMatchObject({ createdMs: TEST_TIME_MS, tags: [{ key: 'team', value: 'fleet' }] })
  })

  it('keeps the whole history, drops repeated points, and takes the greatest (step, timestamp, value) as latest', async () => {
    const context = await open()
    const run = await createRun(context, caller)
    const point = (step: number, value: number, timestampMs = 1000) => ({
      key: 'loss',
      step,
      value,
      timestampMs,
    })
    await logBatch(context, {
      ...caller,
      runId: run.id,
      metrics: [point(2, 0.5), point(3, 0.2), point(3, 0.4)],
    })
    await logBatch(context, {
      ...caller,
      runId: run.id,
      metrics: [point(1, 9), point(3, 0.4), point(2, 0.5)],
    })
    const { metrics } = await getMetricHistory(context, { ...caller, runId: run.id, key: 'loss', limit: 100 })
    expect(metrics.map(({ step, value }) => [step, value])).toEqual([
      [1, 9],
      [2, 0.5],
      [3, 0.2],
      [3, 0.4],
    ])
    expect((await getRun(context, { ...caller, runId: run.id })).metrics).toEqual([point(3, 0.4)])
  })

  it('pages a history by key, NaN and infinities included', async () => {
    const context = await open()
    const run = await createRun(context, caller)
    const values = [Number.NaN, Infinity, -Infinity, 1, 2]
    const metrics = values.map((value, step) => ({ key: 'm', step, value, timestampMs: 5 }))
    await logBatch(context, { ...caller, runId: run.id, metrics })
    const read: number[] = []
    let pageToken: string | undefined
    do {
      const page = await getMetricHistory(context, {
        ...caller,
        runId: run.id,
        key: 'm',
        limit: 2,
        pageToken,
      })
      read.push(...page.metrics.map(({ value }) => value))
      pageToken = page.nextPageToken
    } while (pageToken)
    expect(read).toEqual(values)
  })

  it('writes a batch as a whole or not at all', async () => {
    const context = await open()
    const run = await createRun(context, caller)
    await logBatch(context, { ...caller, runId: run.id, params: [{ key: 'lr', value: '0.1' }] })
    const refused = logBatch(context, {
      ...caller,
      runId: run.id,
      params: [
        { key: 'depth', value: '3' },
        { key: 'lr', value: '0.2' },
      ],
      metrics: [{ key: 'auc', value: 1, step: 0, timestampMs: 1 }],
      tags: [{ key: 't', value: 'v' }],
    })
    await expect(refused).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining("key='lr'") as string,
    })
    const stored = await getRun(context, { ...caller, runId: run.id })
    expect(stored.params).toEqual([{ key: 'lr', value: '0.1' }])
    expect(stored.metrics).toEqual([])
    expect(stored.tags.map(({ key }) => key)).toEqual(['mlflow.runName'])
  })

  it('announces a run that is logged to at most once a second', async () => {
    const context = await open()
    const run = await createRun(context, caller)
    const before = await runChangedEvents(context)
    for (let step = 0; step < 5; step++)
      await logBatch(context, {
        ...caller,
        runId: run.id,
        metrics: [{ key: 'm', value: step, step, timestampMs: 1 }],
      })
    expect((await runChangedEvents(context)) - before).toBeLessThanOrEqual(1)
    await finishRun(context, { ...caller, runId: run.id })
    expect((await runChangedEvents(context)) - before).toBeGreaterThanOrEqual(1)
    expect(await getRun(context, { ...caller, runId: run.id })).toMatchObject({
      status: 'FINISHED',
      endMs: TEST_TIME_MS,
    })
  })

  it('refuses to log to a deleted run and brings runs back with their experiment', async () => {
    const context = await open()
    const { id: experimentId } = await createExperiment(context, { ...caller, name: 'e' })
    const [kept, dropped] = [
      await createRun(context, { ...caller, experimentId }),
      await createRun(context, { ...caller, experimentId }),
    ]
    await setRunsLifecycle(context, { ...caller, runIds: [dropped.id], lifecycle: 'deleted' })
    context.clock.advance(1000)
    await setExperimentLifecycle(context, { ...caller, id: experimentId, lifecycle: 'deleted' })
    await expect(
      logBatch(context, { ...caller, runId: kept.id, tags: [{ key: 'a', value: 'b' }] }),
    ).rejects.toMatchObject({ code: 'invalid' })
    context.clock.advance(1000)
    await setExperimentLifecycle(context, { ...caller, id: experimentId, lifecycle: 'active' })
    const { runs } = await searchRuns(context, { ...caller, experimentIds: [experimentId] })
    expect(runs.map(({ id }) => id)).toEqual([kept.id])
  })

  it('orders by a metric with NaN and missing values last in both directions, page after page', async () => {
    const context = await open()
    const wanted: Record<string, string> = {}
    for (const [name, value] of [
      ['low', 0.1],
      ['high', 0.9],
      ['mid', 0.5],
      ['nan', Number.NaN],
      ['none', undefined],
    ] as const) {
      const run = await createRun(context, { ...caller, name })
      wanted[run.id] = name
      if (value !== undefined)
        await logBatch(context, {
          ...caller,
          runId: run.id,
          metrics: [{ key: 'auc', value, step: 0, timestampMs: 1 }],
        })
    }
    const walk = async (descending: boolean): Promise<string[]> => {
      const names: string[] = []
      let pageToken: string | undefined
      do {
        const page = await searchRuns(context, {
          ...caller,
          orderBy: [{ field: 'metric', key: 'auc', descending }],
          limit: 2,
          pageToken,
        })
        names.push(...page.runs.map((run) => wanted[run.id]!))
        pageToken = page.nextPageToken
      } while (pageToken)
      return names
    }
    expect(await walk(false)).toEqual(['low', 'mid', 'high', 'nan', 'none'])
    expect(await walk(true)).toEqual(['high', 'mid', 'low', 'nan', 'none'])
  })

  it('filters by metrics, params, tags, attributes and datasets, and by trees of them', async () => {
    const context = await open()
    for (const [index, name] of ['Alpha', 'beta', 'gamma'].entries()) {
      const run = await createRun(context, { ...caller, name, startMs: 1000 + index })
      await logBatch(context, {
        ...caller,
        runId: run.id,
        metrics: [{ key: 'auc', value: 0.5 + index / 10, step: 0, timestampMs: 1 }],
        params: [{ key: 'text', value: `${'x'.repeat(100)}${index}` }],
        tags: index === 0 ? [{ key: 'team', value: 'Blue_1%' }] : [],
      })
      const tags = [{ key: 'mlflow.data.context', value: 'train' }]
      const dataset = { name: 'flights', digest: `d${index}`, sourceType: 'local', source: '{}', tags }
      await logInputs(context, { ...caller, runId: run.id, datasets: [dataset] })
    }
    const names = async (filter: NonNullable<Parameters<typeof searchRuns>[1]['filter']>): Promise<string> =>
      (await searchRuns(context, { ...caller, filter })).runs.map((run) => run.name).join(' ')
    expect(await names({ field: 'metric', key: 'auc', operator: '>', value: 0.55 })).toBe('gamma beta')
    expect(await names({ field: 'param', key: 'text', operator: '=', value: `${'x'.repeat(100)}1` })).toBe(
      'beta',
    )
    expect(await names({ field: 'tag', key: 'team', operator: 'like', value: 'Blue%' })).toBe('Alpha')
    expect(await names({ field: 'tag', key: 'team', operator: 'like', value: 'blue%' })).toBe('')
    expect(await names({ field: 'tag', key: 'team', operator: 'ilike', value: 'blue%' })).toBe('Alpha')
    expect(await names({ field: 'tag', key: 'team', operator: 'missing' })).toBe('gamma beta')
    expect(await names({ field: 'tag', key: 'team', operator: '!=', value: 'x' })).toBe('Alpha')
    expect(await names({ field: 'attribute', key: 'startMs', operator: '<=', value: 1000 })).toBe('Alpha')
    expect(await names({ field: 'attribute', key: 'name', operator: 'in', values: ['beta', 'no'] })).toBe(
      'beta',
    )
    expect(await names({ field: 'dataset', key: 'digest', operator: '=', value: 'd2' })).toBe('gamma')
    expect(await names({ field: 'dataset', key: 'context', operator: '=', value: 'train' })).toBe(
      'gamma beta Alpha',
    )
    const either = {
      or: [
        { field: 'attribute', key: 'name', operator: '=', value: 'beta' },
        { not: { field: 'metric', key: 'auc', operator: '<', value: 0.65 } },
      ],
    } as const
    expect(await names({ or: [...either.or] })).toBe('gamma beta')
    await expect(names({ field: 'attribute', key: 'nope', operator: '=', value: 'x' })).rejects.toMatchObject(
      { code: 'invalid' },
    )
  })

  it('thins a long history on the server and keeps its peaks', async () => {
    const context = await open()
    const run = await createRun(context, caller)
    for (let batch = 0; batch < 5; batch++) {
      const metrics = Array.from({ length: 1000 }, (_, i) => {
        const step = batch * 1000 + i
        return { key: 'm', step, value: step === 3217 ? 99 : Math.sin(step), timestampMs: step }
      })
      await logBatch(context, { ...caller, runId: run.id, metrics })
    }
    const thinned = await getThinnedHistory(context, { ...caller, runId: run.id, key: 'm', points: 200 })
    expect(thinned).toMatchObject({ total: 5000, thinned: true })
    expect(thinned.metrics.length).toBeLessThanOrEqual(204)
    expect(thinned.metrics.find(({ step }) => step === 3217)?.value).toBe(99)
    expect(thinned.metrics.map(({ step }) => step)).toEqual(
      thinned.metrics.map(({ step }) => step).sort((a, b) => a - b),
    )
  })

  it('lists, replaces and deletes artifacts by folder, and none outside the root', async () => {
    const context = await open()
    const run = await createRun(context, caller)
    const put = (path: string, text: string) =>
      putRunArtifact(context, { ...caller, runId: run.id, path, content: { bytes: Buffer.from(text) } })
    await put('model/a.txt', 'one')
    await put('model/deep/b.txt', 'two')
    await put('model.md', 'three')
    await put('model/a.txt', 'fourth')
    const list = (folder: string) => listRunArtifacts(context, { ...caller, runId: run.id, folder })
    expect(await list('')).toEqual([
      { path: 'model', isDirectory: true },
      { path: 'model.md', isDirectory: false, sizeBytes: 5 },
    ])
    expect(await list('model')).toEqual([
      { path: 'model/a.txt', isDirectory: false, sizeBytes: 6 },
      { path: 'model/deep', isDirectory: true },
    ])
    const root = run.artifactUri.replace('mlflow-artifacts:/', '')
    const { sha256 } = await getArtifact(context, { ...caller, path: `${root}/model/a.txt` })
    expect(Buffer.from(await context.artifacts.bytes(sha256)).toString()).toBe('fourth')
    expect(await referencedBlobs(context.db.read)).toContain(sha256)
    await deleteArtifacts(context, { ...caller, path: `${root}/model` })
    expect(await referencedBlobs(context.db.read)).not.toContain(sha256)
    expect((await list('')).map(({ path }) => path)).toEqual(['model.md'])
    for (const path of ['../x', 'a/../../x', '/x', 'a//b', 'a\\b', 'a/%2e%2e/b', ''])
      await expect(put(path, 'x')).rejects.toMatchObject({ code: 'invalid' })
    // What is a file is no folder, and the other way round: a client that downloads both would lose one.
    await put('deep/er/file.txt', 'x')
    for (const path of ['deep', 'deep/er', 'deep/er/file.txt/below', 'model.md/x'])
      await expect(put(path, 'x')).rejects.toMatchObject({ code: 'invalid' })
    await deleteArtifacts(context, { ...caller, path: `${root}/nothing` })
    await put('deep/er/file.txt', 'again')
    await put('deep/er/file.txt2', 'beside')
  })

  it('keeps a point of a metric of a logged model for each step and time, and the last value of each', async () => {
    const context = await open()
    const run = await createRun(context, { ...caller })
    const { id } = await createLoggedModel(context, { ...caller, experimentId: '0', sourceRunId: run.id })
    const point = (value: number, step: number, timestampMs: number) => ({
      key: 'auc',
      value,
      step,
      timestampMs,
      loggedModelId: id,
    })
    const log = (...metrics: ReturnType<typeof point>[]) =>
      logBatch(context, { ...caller, runId: run.id, metrics })
    await log(point(0.5, 0, 10), point(0.7, 1, 11), point(0.6, 2, 9), point(0.8, 1, 11))
    await log(point(0.7, 1, 12), point(0.6, 2, 9))
    const { metrics } = await getLoggedModel(context, { ...caller, id })
    expect(metrics.map(({ step, timestampMs, value }) => [step, timestampMs, value])).toEqual([
      [0, 10, 0.5],
      [1, 11, 0.8],
      [1, 12, 0.7],
      [2, 9, 0.6],
    ])
    const search = { ...caller, experimentIds: ['0'], orderBy: [], limit: 5 } as const
    for (const [value, found] of [
      [0.5, 1],
      [0.55, 0],
    ] as const) {
      const filter = { field: 'metric', key: 'auc', operator: '=', value } as const
      expect((await searchLoggedModels(context, { ...search, filter })).models).toHaveLength(found)
    }
  })

  it('refuses an actor whose role is too low and changes nothing', async () => {
    const context = await open()
    const viewer = { projectId: PROJECT_ID, actor: { ...localOwner, grants: { '*': 'viewer' as const } } }
    await expect(createRun(context, viewer)).rejects.toMatchObject({ code: 'denied' })
    expect((await searchRuns(context, viewer)).runs).toEqual([])
  })
})

it('takes the latest of a batch by step, then timestamp, then value', () => {
  const point = (step: number, timestampMs: number, value: number) => ({ key: 'k', step, timestampMs, value })
  expect(
    latestOf([point(1, 9, 9), point(2, 1, 5), point(2, 2, 1), point(2, 2, 3), point(0, 99, 99)]),
  ).toEqual([point(2, 2, 3)])
})
