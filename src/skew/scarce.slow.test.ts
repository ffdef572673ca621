import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { arrange, HOUR_MS, hoursAreOver, playHour, START_MS } from '../../test/skew-hours.ts'
import type { Job } from '../jobs/jobs.ts'
import { JobRunner } from '../jobs/runner.ts'
import { until } from '../worker/sample-project.ts'
import { checkHours, type CheckHours } from './check.ts'
import { RECOMPUTE_LIMITS, type RecomputeLimits } from './recompute.ts'
import { tickSkew } from './skew.ts'
import { listProblems, sumCounts } from './store.ts'

const HOURS = 3
const EVER = { projectId: PROJECT_ID, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }

describeDatabases('checks of served features with too little time or memory', (open) => {
  /** Works off what the tick asks for, each attempt within its limits, and tells which attempts there were. */
  const workOff = async (
    context: TestContext,
    limitsOf: (job: Job) => RecomputeLimits,
  ): Promise<number[]> => {
    const attempts: number[] = []
    const run = async (_: unknown, job: Job): Promise<void> => {
      attempts.push(job.attempt)
      await checkHours(context, job, job.payload as unknown as CheckHours, limitsOf(job))
    }
    const slots = { work: 1, pipeline: 1, delivery: 1 }
    await using runner = new JobRunner(context, [{ kind: 'skew.check', run }], { worker: 'checks', slots })
    await runner.start()
    await tickSkew(context)
    await until('the end of the check', async () => {
      const states = await context.db.read
        .selectFrom('job')
        .select('state')
        .where('kind', '=', 'skew.check')
        .execute()
      return states.length === 1 && ['done', 'failed'].includes(states[0]!.state) ? states : undefined
    })
    return attempts
  }

  it('are tried again, hour by hour, and an hour keeps its problem only after the last attempt', async () => {
    await using played = await arrange(await open())
    const { context } = played
    for (let hour = 0; hour < HOURS; hour++) await playHour(played, hour)
    await hoursAreOver(played, HOURS)
    await played.worker[Symbol.asyncDispose]()

    // Too little at first: nothing is kept, and all is checked later.
    const attempts = await workOff(context, ({ attempt }) =>
      attempt === 1 ? { ...RECOMPUTE_LIMITS, timeoutMs: 1 } : RECOMPUTE_LIMITS,
    )
    expect(attempts).toEqual([1, 2])
    expect(await listProblems(context.db.read, EVER)).toEqual([])
    const counts = await sumCounts(context.db.read, EVER)
    expect(counts.find(({ feature }) => feature === 'delay_1h')!.checked).toBe(HOURS * 60)

    // Too little every time, of memory: three attempts, and each hour says why.
    await context.db.write(async (trx) => {
      for (const table of ['skew_window', 'skew_count'] as const) await trx.deleteFrom(table).execute()
      await trx.deleteFrom('job').where('kind', '=', 'skew.check').execute()
    })
    expect(await workOff(context, () => ({ ...RECOMPUTE_LIMITS, heapMb: 4 }))).toEqual([1, 2, 3])
    const problems = await listProblems(context.db.read, EVER)
    expect(problems.map(({ startMs }) => startMs)).toEqual([2, 1, 0].map((hour) => START_MS + hour * HOUR_MS))
    for (const { problem } of problems) expect(problem).toMatch(/memory limit.*tried several times/)
    expect(await sumCounts(context.db.read, EVER)).toEqual([])
  }, 240_000)
})
