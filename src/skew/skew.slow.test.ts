import { afterEach, expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { arrange, HOUR_MS, hoursAreOver, playHour, START_MS, type Played } from '../../test/skew-hours.ts'
import { getEntry } from '../catalogue/catalogue.ts'
import { onlineView } from '../features/schema.ts'
import { createApp } from '../http/app.ts'
import { localOwner } from '../kernel/actor.ts'
import { listAlerts } from '../monitoring/monitoring.ts'
import { currentKey, insertErasedKey, keyedHash } from '../privacy/privacy.ts'
import { overviewRoutes } from '../server/overview.ts'
import { findPredictions } from '../prediction-log/prediction-log.ts'
import { until } from '../worker/sample-project.ts'
import { listSkew } from './report.ts'
import { eraseExamples, tickSkew } from './skew.ts'
import { listHours, sumCounts } from './store.ts'

const caller = { projectId: PROJECT_ID, actor: localOwner }
const EVER = { projectId: PROJECT_ID, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }

/** What the gateway's process has and a training has not. */
const surroundings = globalThis as { hoursShifted?: number }

afterEach(() => void delete surroundings.hoursShifted)

async function checked(played: Played, hours: number): Promise<void> {
  const { context } = played
  await hoursAreOver(played, hours)
  await tickSkew(context)
  await until('the check of served features', async () => {
    const done = await context.db.read.selectFrom('skew_window').select('start_ms').execute()
    return done.length === hours ? done : undefined
  })
}

async function forget(context: TestContext, startMs: number): Promise<void> {
  await context.db.write(async (trx) => {
    await trx.deleteFrom('skew_window').where('start_ms', '=', startMs).execute()
    await trx.deleteFrom('skew_count').where('start_ms', '=', startMs).execute()
    // The tick asks for the same hours only once.
    await trx.deleteFrom('job').where('kind', '=', 'skew.check').execute()
  })
}

const rates = (counts: Awaited<ReturnType<typeof sumCounts>>) =>
  Object.fromEntries(
    counts.map(({ feature, checked, mismatched, unchecked }) => [feature, [checked, mismatched, unchecked]]),
  )

describeDatabases('served features, computed again', (open) => {
  it('finds none of them skewed where training and serving share one definition, and tells late data apart', async () => {
    await using played = await arrange(await open())
    const { context } = played
    for (const hour of [0, 1, 2]) await playHour(played, hour)
    // The flights that land until then come late: they would have been known to a training set.
    await checked(played, 3)
    const counts = await sumCounts(context.db.read, EVER)
    expect(rates(counts)).toEqual({
      delay_1h: [180, 0, 0],
      delay_3h: [180, 0, 0],
      distance: [180, 0, 0],
      hour: [180, 0, 0],
      load_2h: [180, 0, 0],
    })
    const late = Object.fromEntries(counts.map((each) => [each.feature, each.late]))
    expect(late['delay_1h']).toBeGreaterThan(20)
    expect(late['hour']).toBe(0)
    expect(await listAlerts(context.db.read, { projectId: PROJECT_ID, limit: 10 })).toEqual([])
    const [last] = await listHours(context.db.read, { ...EVER, limit: 1 })
    expect(last!.startMs).toBe(START_MS + 2 * HOUR_MS)
    // As a process leaves it that is killed between two hours: the others are checked again, alike.
    await forget(context, START_MS)
    await checked(played, 3)
    expect(await sumCounts(context.db.read, EVER)).toEqual(counts)
    // What was online then is no longer known: that is said, and nobody is accused.
    await forget(context, START_MS)
    await context.db.write((trx) => trx.deleteFrom('feature_materialization_history').execute())
    await checked(played, 3)
    const unknown = (await sumCounts(context.db.read, EVER)).find(({ feature }) => feature === 'delay_1h')!
    expect(unknown.mismatched).toBe(0)
    expect(unknown.unchecked).toBe(late['delay_1h']! - unknown.late)
    expect(unknown.unchecked).toBeGreaterThan(0)
  }, 240_000)

  it('names the one feature whose online values were changed, with examples, and raises an alert', async () => {
    await using played = await arrange(await open())
    const { context, spec } = played
    const name = onlineView(PROJECT_ID, spec.views[0]!)
    await playHour(played, 0)
    await playHour(played, 1, async () => {
      const [rows] = await context.online.read([{ view: name, entityKeys: ['ATL', 'ORD', 'DFW', 'LAX'] }])
      const keys = ['ATL', 'ORD', 'DFW', 'LAX']
      const written = rows!.flatMap((row, index) =>
        row ? [{ ...row, entityKey: keys[index]!, values: [row.values[0]!, Number(row.values[1]) + 5] }] : [],
      )
      await context.online.write(name, written)
    })
    await checked(played, 2)
    const counts = await sumCounts(context.db.read, EVER)
    const mismatched = Object.fromEntries(counts.map((each) => [each.feature, each.mismatched]))
    expect(mismatched['delay_3h']).toBeGreaterThan(5)
    expect({ ...mismatched, delay_3h: 0 }).toEqual({
      delay_1h: 0,
      delay_3h: 0,
      distance: 0,
      hour: 0,
      load_2h: 0,
    })
    const hours = await listHours(context.db.read, { ...EVER, limit: 10 })
    const { examples } = hours.find(({ feature }) => feature === 'delay_3h')!
    const example = examples.find(({ kind }) => kind === 'mismatch')!
    expect(['ATL', 'ORD', 'DFW', 'LAX']).toContain(example.inputs['origin'])
    expect(example.ageMs).toBeGreaterThan(0)
    const [alert] = await listAlerts(context.db.read, { projectId: PROJECT_ID, limit: 10 })
    expect(alert).toMatchObject({ kind: 'skew', subject: 'skew:airport_delays', blocksTraining: false })
    expect(alert!.causes.map((cause) => cause.name)).toEqual(['delay_3h'])
    const app = createApp({
      context,
      routes: overviewRoutes,
      authenticate: async () => localOwner,
      resolveProject: async () => PROJECT_ID,
    })
    const overview = (await (await app.request('/api/v1/overview')).json()) as {
      stations: { features: { word: string } }
    }
    expect(overview.stations.features.word).toBe('skewed')
    const { skew, source } = await getEntry(context, { ...caller, name: 'airport_delays' })
    expect(source).toBeNull()
    expect(skew).toMatchObject({
      checked: 240,
      mismatched: mismatched['delay_3h'],
      worst: { feature: 'delay_3h' },
    })
    const report = await listSkew(context, { ...caller, source: 'airport_delays', days: 7 })
    expect(report.features.map(({ feature, rate }) => [feature, rate!.lower > 0.01])).toEqual([
      ['delay_1h', false],
      ['delay_3h', true],
    ])
    const events = await context.db.read
      .selectFrom('event')
      .selectAll()
      .where('kind', '=', 'features.skewed')
      .execute()
    expect(JSON.parse(events[0]!.payload_json)).toMatchObject({
      deployment: 'late',
      source: 'airport_delays',
      features: ['delay_3h'],
    })
    // Requests name ATL where the deployment is about nobody in particular, or about somebody else.
    const person = { projectId: PROJECT_ID, column: 'origin', values: ['ATL'], others: ['late'] }
    expect((await findPredictions(context, person)).length).toBeGreaterThan(0)
    await eraseExamples(context, { ...person, erasureId: 'e', predictionIds: [] })
    const left = await listHours(context.db.read, { ...EVER, limit: 10 })
    expect(left.flatMap((each) => each.examples).map(({ inputs }) => inputs['origin'])).not.toContain('ATL')
    expect(await sumCounts(context.db.read, EVER)).toEqual(counts)
    // A check that read the rows before somebody was erased keeps no example of them.
    const key = await currentKey(context, PROJECT_ID)
    await context.db.write(async (trx) => {
      for (const airport of ['ATL', 'ORD', 'DFW', 'LAX'])
        await insertErasedKey(trx, {
          project_id: PROJECT_ID,
          key_column: 'origin',
          key_hash: keyedHash(key, airport),
          key_id: key.id,
          erasure_id: airport,
          came_again_rows: 0,
          created_ms: 0,
        })
    })
    await forget(context, START_MS + HOUR_MS)
    await checked(played, 2)
    const again = await listHours(context.db.read, { ...EVER, fromMs: START_MS + HOUR_MS, limit: 10 })
    expect(again.flatMap((each) => each.examples).filter((each) => each.kind === 'mismatch')).toEqual([])
    expect(await sumCounts(context.db.read, EVER)).toEqual(counts)
    expect(alert!.sentence).toMatch(
      /^airport_delays is not served as it is computed offline: \d+ of 120 values of delay_3h differ/,
    )
  }, 240_000)

  it('names the function that gives another value in the gateway, and clears the alert when it does no longer', async () => {
    await using played = await arrange(await open())
    const { context } = played
    surroundings.hoursShifted = 1
    await playHour(played, 0)
    await checked(played, 1)
    const raised = await listAlerts(context.db.read, { projectId: PROJECT_ID, state: 'open', limit: 10 })
    expect(raised.map(({ subject, causes }) => [subject, causes.map(({ name }) => name)])).toEqual([
      ['skew:flight_time', ['hour']],
    ])
    delete surroundings.hoursShifted
    for (const hour of [1, 2, 3]) await playHour(played, hour)
    await checked(played, 4)
    const [alert] = await listAlerts(context.db.read, { projectId: PROJECT_ID, limit: 10 })
    expect(alert).toMatchObject({ state: 'cleared', subject: 'skew:flight_time' })
    expect(alert!.clearedSentence).toContain('flight_time are what the offline data give again')
  }, 240_000)
})
