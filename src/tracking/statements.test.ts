import {
  StatementSync,
  type SQLInputValue,
  type SQLOutputValue,
  type StatementResultingChanges,
} from 'node:sqlite'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openTestContext, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { localOwner } from '../kernel/actor.ts'
import { createRun, getRun, type SearchRuns, searchRuns } from './runs.ts'
import { logBatch } from './log-batch.ts'
import { sampleHistories } from './sampling.ts'
import { createExperiment } from './experiments.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }
let context: TestContext

beforeEach(async () => {
  context = await openTestContext()
})

afterEach(async () => {
  await context[Symbol.asyncDispose]()
})

/** The statements that SQLite executes during some work, as they are: not how long they take. */
async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
  const texts: string[] = []
  const { all, run } = StatementSync.prototype as {
    all: (...values: SQLInputValue[]) => Record<string, SQLOutputValue>[]
    run: (...values: SQLInputValue[]) => StatementResultingChanges
  }
  Object.assign(StatementSync.prototype, {
    all(this: StatementSync, ...values: SQLInputValue[]) {
      texts.push(this.sourceSQL)
      return all.apply(this, values)
    },
    run(this: StatementSync, ...values: SQLInputValue[]) {
      texts.push(this.sourceSQL)
      return run.apply(this, values)
    },
  })
  try {
    await work()
  } finally {
    Object.assign(StatementSync.prototype, { all, run })
  }
  return texts
}

async function planOf(statement: string): Promise<string[]> {
  const { rows } = await sql<{ detail: string }>`${sql.raw(`EXPLAIN QUERY PLAN ${statement}`)}`.execute(
    context.db.read,
  )
  return rows.map(({ detail }) => detail)
}

async function searchPlans(input: Omit<SearchRuns, keyof typeof caller>): Promise<string[][]> {
  const statements = await statementsOf(() => searchRuns(context, { ...caller, ...input }))
  return await Promise.all(statements.filter((text) => text.includes('order_0')).map(planOf))
}

const point = (key: string, step: number) => ({ key, value: step, timestampMs: step, step })

it('a metric is logged with five statements, however many points a batch has a few more', async () => {
  const { id } = await createRun(context, caller)
  const log = (metrics: ReturnType<typeof point>[]) =>
    statementsOf(() => logBatch(context, { ...caller, runId: id, metrics }))
  expect(await log([point('loss', 0)])).toHaveLength(5)
  const batch = Array.from({ length: 1000 }, (_, step) => point('loss', step))
  expect((await log(batch)).length).toBeLessThanOrEqual(14)
})

it('a run is created with eight statements and read with six', async () => {
  await createRun(context, caller)
  expect((await statementsOf(() => createRun(context, caller))).length).toBeLessThanOrEqual(8)
  const { id } = await createRun(context, caller)
  expect((await statementsOf(() => getRun(context, { ...caller, runId: id }))).length).toBeLessThanOrEqual(6)
})

it('a page is read with the same statements whether it has few runs or many', async () => {
  const page = () => statementsOf(() => searchRuns(context, { ...caller, limit: 100 }))
  for (let index = 0; index < 3; index++) await createRun(context, caller)
  const few = await page()
  for (let index = 0; index < 40; index++) await createRun(context, caller)
  expect(await page()).toEqual(few)
  expect(few.length).toBeLessThanOrEqual(7)
})

it('the best runs by a metric with a filter on it are a walk over one index', async () => {
  const [plan = []] = await searchPlans({
    filter: { field: 'metric', key: 'auc', operator: '>', value: 0.9 },
    orderBy: [{ field: 'metric', key: 'auc', descending: true }],
  })
  expect(plan[0]).toBe(
    'SEARCH o0 USING COVERING INDEX run_metric_latest_by_value (experiment_id=? AND key=? AND is_nan=? AND value>?)',
  )
  expect(plan[1]).toMatch(/^SEARCH r USING INDEX sqlite_autoindex_run_1/)
  expect(plan.join('\n')).not.toMatch(/SCAN|TEMP B-TREE FOR ORDER BY\b/)
})

it('the best runs of many experiments are a walk over one index too', async () => {
  const { id } = await createExperiment(context, { ...caller, name: 'another' })
  const [plan = []] = await searchPlans({
    experimentIds: ['0', id],
    orderBy: [{ field: 'metric', key: 'auc', descending: true }],
  })
  expect(plan[0]).toBe(
    'SEARCH o0 USING COVERING INDEX run_metric_latest_by_project (project_id=? AND key=? AND is_nan=?)',
  )
  expect(plan.join('\n')).not.toMatch(/SCAN|TEMP B-TREE FOR ORDER BY\b/)
})

it('runs in the order of a param are a walk over the index of its values', async () => {
  const run = await createRun(context, caller)
  await createRun(context, caller)
  for (const { id } of [run, await createRun(context, caller)])
    await logBatch(context, { ...caller, runId: id, params: [{ key: 'depth', value: '7' }] })
  const plans = await searchPlans({ orderBy: [{ field: 'param', key: 'depth', descending: true }], limit: 1 })
  expect(plans).toHaveLength(1)
  expect(plans[0]![0]).toBe('SEARCH o0 USING INDEX run_param_by_value (experiment_id=? AND key=?)')
  expect(plans[0]!.join('\n')).toMatch(/USE TEMP B-TREE FOR LAST \d TERMS OF ORDER BY/)
})

it('the newest runs are a walk over the index of starts', async () => {
  const [plan = []] = await searchPlans({})
  expect(plan[0]).toMatch(/^SEARCH r USING INDEX run_by_start/)
})

it('a filter on a param is tried on the newest runs, then looked up in the index of its values', async () => {
  const [tried = [], all = []] = await searchPlans({
    filter: { field: 'param', key: 'depth', operator: '=', value: '7' },
  })
  expect(tried[1]).toMatch(/^SEARCH r USING INDEX run_by_start/)
  expect(tried.join('\n')).toContain('sqlite_autoindex_run_param_1 (run_id=? AND key=?)')
  expect(all.join('\n')).toContain('SEARCH run_param USING INDEX run_param_by_value')
})

it('the children of a run are found by their parent', async () => {
  const [plan = [], ...others] = await searchPlans({
    filter: { field: 'attribute', key: 'parentRunId', operator: '=', value: 'some' },
  })
  expect(plan[0]).toBe('SEARCH r USING INDEX run_by_parent (parent_run_id=?)')
  expect(others).toEqual([])
})

it('a sample of a long history reads the index of few steps', async () => {
  const { id } = await createRun(context, caller)
  for (let first = 0; first < 51_000; first += 1000) {
    const metrics = Array.from({ length: 1000 }, (_, index) => point('loss', first + index))
    await logBatch(context, { ...caller, runId: id, metrics })
  }
  const sample = () => sampleHistories(context, { ...caller, runIds: [id], key: 'loss', limit: 100 })
  const statements = await statementsOf(sample)
  const plans = await Promise.all(statements.map(planOf))
  expect(plans.flat().filter((line) => line.includes('run_metric_sparse')).length).toBeGreaterThanOrEqual(3)
  const points = await sample()
  expect(points.length).toBeGreaterThan(90)
  expect(points.length).toBeLessThanOrEqual(100)
  expect(points[0]!.step).toBe(0)
  expect(points.at(-1)!.step).toBe(50_999)
})
