import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, TEST_TIME_MS, type TestContext } from '../../test/databases.ts'
import { withDatabase } from '../../test/other-database.ts'
import { ask, HOUR_MS, World } from '../../test/monitored-world.ts'
import { workOff } from '../../test/work-off.ts'
import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import { consumers } from '../monitoring/consumers.ts'
import { jobs as monitoringJobs } from '../monitoring/jobs.ts'
import { parquetScan } from '../ports/analytics/analytics.ts'
import { jobs as rollJobs } from '../prediction-log/jobs.ts'
import { eraseLog } from './run.ts'

const ADA = 'ada@example.org'
const ada = { projectId: PROJECT_ID, entity: 'traveller', column: 'email', values: [ADA] }

/** Three predictions about Ada and three about others, each with a label; only closed by now. */
async function logged(world: World): Promise<string[]> {
  await world.deploy()
  const rows = ask(world.random, TEST_TIME_MS, 6, 1).map((row, i) => ({
    ...row,
    timeMs: TEST_TIME_MS,
    entity: i < 3 ? ADA : `traveller ${i}`,
  }))
  const ids = world.predict(rows)
  await world.label(
    ids,
    rows.map(({ label }) => label),
    TEST_TIME_MS + HOUR_MS,
  )
  await world.closeSegments()
  return ids
}

/** A database that does something once, when the time has been asked for so often: jobs do so between reading and writing. */
function interrupted(context: TestContext, calls: number, act: () => Promise<void>): TestContext {
  let left = calls
  const wallTime: Context['db']['wallTime'] = async (at) => {
    if (at === undefined && --left === 0) await act()
    return context.db.wallTime(at)
  }
  return withDatabase(context, { wallTime })
}

/** Until nothing is left to do; a job that was in somebody's way is taken up again, as by a worker. */
async function workOn(context: TestContext): Promise<void> {
  for (;;) {
    try {
      return await workOff(context, { consumers, jobs: [...rollJobs, ...monitoringJobs] })
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'conflict') throw error
      await context.db.write((trx) =>
        trx.updateTable('job').set({ state: 'ready' }).where('state', '=', 'active').execute(),
      )
    }
  }
}

/** Predictions that anything remembers of what is logged, joined, counted or waits. */
async function remembered({ db, artifacts, analytics }: TestContext): Promise<string> {
  const joins = await db.read.selectFrom('label_join').select('parquet_sha256').execute()
  const joined = []
  for (const { parquet_sha256: sha256 } of joins)
    if (sha256 !== null)
      joined.push(
        ...(await analytics.query(
          `SELECT predictionId FROM ${parquetScan([await artifacts.localPath(sha256)])}`,
        )),
      )
  const waiting = await db.read.selectFrom('label_pending').selectAll().execute()
  const health = await db.read.selectFrom('entity_health').selectAll().execute()
  return JSON.stringify({ joined, waiting, health })
}

describeDatabases('an erasure while labels are joined', (open) => {
  it('leaves nothing of the person, whatever it interrupts, and everything of others', async () => {
    for (let calls = 1; calls <= 4; calls++) {
      const world = new World(await open())
      const ids = await logged(world)
      let interruptions = 0
      const erase = async () => {
        interruptions++
        await eraseLog(world.context, 'erasure', ada)
      }
      await workOn(interrupted(world.context, calls, erase))
      if (interruptions === 0) await erase()
      const left = await remembered(world.context)
      for (const id of ids.slice(0, 3)) expect(left).not.toContain(id)
      for (const id of ids.slice(3)) expect(left).toContain(id)
      expect(left).not.toContain(ADA)
      expect(left).toContain('traveller 3')
    }
  })

  it('takes labels too that wait for a prediction of the person, by its id or its request', async () => {
    const world = new World(await open())
    await world.deploy()
    const labels = ['p-0-0000', 'p-0-0001', 'somebody']
    await world.label(labels, [1, 1, 0], TEST_TIME_MS + HOUR_MS)
    await world.settle()
    await world.context.db.write((trx) =>
      trx
        .updateTable('label_pending')
        .set({ prediction_id: JSON.stringify([null, 'p-0-0001', 0]) })
        .where('prediction_id', 'like', '%p-0-0001%')
        .execute(),
    )
    const rows = ask(world.random, TEST_TIME_MS, 2, 1)
    world.predict(rows.map((row) => ({ ...row, entity: ADA })))
    await world.closeSegments()
    await eraseLog(world.context, 'erasure', ada)
    const waiting = await world.context.db.read.selectFrom('label_pending').select('prediction_id').execute()
    expect(waiting.map(({ prediction_id }) => prediction_id)).toEqual([
      JSON.stringify(['somebody', null, null]),
    ])
  })
})
