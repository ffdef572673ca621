import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { arrange, hoursAreOver, playHour } from '../../test/skew-hours.ts'
import { tickSkew } from './skew.ts'
import { listHours, sumCounts } from './store.ts'

const WORKER = fileURLToPath(new URL('../../test/skew-worker.ts', import.meta.url))
const HOURS = 6
const EVER = { projectId: PROJECT_ID, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }

describeDatabases('checks of served features, while their workers are killed', (open) => {
  const checkedHours = async ({ db }: TestContext): Promise<number> =>
    (await db.read.selectFrom('skew_window').select('start_ms').execute()).length
  const askTwice = async (context: TestContext): Promise<void> => {
    await Promise.all([tickSkew(context), tickSkew(context)])
    const asked = await context.db.read
      .selectFrom('job')
      .select('id')
      .where('kind', '=', 'skew.check')
      .where('state', '!=', 'done')
      .execute()
    expect(asked).toHaveLength(1)
  }
  const forget = async ({ db }: TestContext): Promise<void> =>
    await db.write(async (trx) => {
      for (const table of ['skew_window', 'skew_count'] as const) await trx.deleteFrom(table).execute()
      await trx.deleteFrom('job').where('kind', '=', 'skew.check').execute()
    })

  it('check each hour once, whether killed between two hours or taken over by another worker', async () => {
    const context = await open()
    const { dataDir, databaseUrl } = context.config
    await using played = await arrange(context)
    for (let hour = 0; hour < HOURS; hour++) await playHour(played, hour)
    await hoursAreOver(played, HOURS)
    await played.worker[Symbol.asyncDispose]()
    const errors: string[] = []
    const start = async (): Promise<ChildProcess> => {
      const child = fork(WORKER, [dataDir, databaseUrl], { silent: true })
      child.stderr!.setEncoding('utf8').on('data', (text: string) => errors.push(text))
      await once(child, 'message')
      return child
    }
    const kill = async (child: ChildProcess): Promise<void> => {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    }
    const progress = async (beyond: number): Promise<number> => {
      for (let tries = 0; tries < 3000; tries++) {
        const hours = await checkedHours(context)
        if (hours > beyond || hours === HOURS) return hours
        await wait(10)
      }
      throw new Error(`No hour is checked after ${beyond}`)
    }

    await askTwice(context)
    const whole = await start()
    await progress(HOURS - 1)
    await kill(whole)
    const expected = { counts: await sumCounts(context.db.read, EVER), hours: await everyHour(context) }
    expect(expected.counts.find(({ feature }) => feature === 'delay_1h')!.checked).toBe(HOURS * 60)
    await forget(context)

    await askTwice(context)
    const stops: number[] = []
    let running = await start()
    while (stops.length === 0 || stops.at(-1)! < HOURS) {
      stops.push(await progress(stops.at(-1) ?? 0))
      // Of the same name: it takes over what the other still works on, whose next hour is refused.
      const next = stops.length % 2 === 0 ? await start() : undefined
      await kill(running)
      running = next ?? (await start())
    }
    await kill(running)
    expect(stops.length).toBeGreaterThan(2)
    expect({ counts: await sumCounts(context.db.read, EVER), hours: await everyHour(context) }).toEqual(
      expected,
    )
    expect(errors.filter((text) => !/ExperimentalWarning|--trace-warnings/.test(text))).toEqual([])
  }, 240_000)
})

async function everyHour({ db }: TestContext): Promise<unknown[]> {
  const windows = await db.read
    .selectFrom('skew_window')
    .select(['start_ms', 'rows', 'sampled', 'problem'])
    .orderBy('start_ms')
    .execute()
  return [...windows, ...(await listHours(db.read, { ...EVER, limit: 1000 }))]
}
