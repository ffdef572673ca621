import { expect, test } from 'vitest'
import { listDecisions } from '../src/governance/governance.ts'
import { findBlockingAlert, getMonitoring, listOpenAlerts } from '../src/monitoring/monitoring.ts'
import { routes } from '../src/monitoring/routes.ts'
import { describeDatabases, PROJECT_ID, TEST_TIME_MS } from './databases.ts'
import { HOUR_MS, owner, World } from './monitored-world.ts'

describeDatabases('monitoring', (open) => {
  test('a base rate that leaves its spread is an alert that says the ranking holds; it clears after calm days', async () => {
    const world = new World(await open())
    await world.deploy()
    const { context } = world
    await world.days(0, [1, 1, 1])
    expect(await listOpenAlerts(context, owner)).toEqual([])
    await world.days(3, [2.4])
    const [alert, ...others] = await listOpenAlerts(context, owner)
    expect(others).toEqual([])
    expect(alert).toMatchObject({ kind: 'base_rate', monitor: 'late', blocksTraining: false })
    expect(alert!.sentence).toMatch(
      /^Base rate of late left its daily spread on 18 Jan \(1 day \.\d+ \[limits \.\d+–\.\d+\]\)\. Ranking holds: AUC \.\d{3}, reference \.\d{3} ± \.\d+\.$/,
    )
    await world.days(4, [1, 1, 1, 1, 1])
    expect(await listOpenAlerts(context, owner)).toEqual([])
    const decisions = await listDecisions(context, { projectId: PROJECT_ID, kind: 'alert', limit: 10 })
    expect(decisions.map(({ verdict }) => verdict)).toEqual(['cleared', 'raised'])
    const events = await context.db.read
      .selectFrom('event')
      .select('kind')
      .where('kind', 'like', 'alert.%')
      .orderBy('seq')
      .execute()
    expect(events.map(({ kind }) => kind)).toEqual(['alert.raised', 'alert.cleared'])
  })

  test('a frozen feed of one entity is told, blocks training, and clears itself when it heals', async () => {
    const world = new World(await open())
    await world.deploy()
    const { context } = world
    const hours = async (from: number, to: number, frozen: boolean): Promise<void> => {
      for (let hour = from; hour < to; hour++) {
        const timeMs = TEST_TIME_MS + hour * HOUR_MS
        const rows = ['ORD', 'ORD', 'ORD', 'ATL', 'ATL', 'ATL'].map((entity) => ({
          hour: hour % 24,
          score: 0.2,
          label: 0 as const,
          timeMs,
          entity,
          ...(frozen && entity === 'ORD' && { violations: 'stale:airport_delays' }),
        }))
        world.predict(rows)
      }
      context.clock.set(TEST_TIME_MS + to * HOUR_MS + 15 * 60_000)
      await world.settle()
    }
    await hours(0, 30, false)
    await hours(30, 32, true)
    expect(await findBlockingAlert(context, { ...owner, deployment: 'late' })).toBeUndefined()
    await hours(32, 33, true)
    const blocking = await findBlockingAlert(context, { ...owner, deployment: 'late' })
    expect(blocking).toMatchObject({ kind: 'freshness', subject: 'stale:airport_delays' })
    expect(blocking!.sentence).toBe(
      'airport_delays is stale for ORD since 16 Jan 06:00: 9 of 9 requests to late in 3 hours; before, at most 0 such hours in a row. Training is blocked until it heals.',
    )
    await hours(33, 35, false)
    expect(await findBlockingAlert(context, { ...owner, deployment: 'late' })).toBeUndefined()
    const [decision] = await listDecisions(context, { projectId: PROJECT_ID, kind: 'alert', limit: 1 })
    expect(decision!.sentence).toBe(
      'airport_delays is no longer stale for ORD, after 4 hours. Training may go on.',
    )
  })

  test('the page gets every watch day by day, and its answer fits the declared schema', async () => {
    const world = new World(await open())
    await world.deploy()
    await world.days(0, [1, 1, 2.4])
    const found = await getMonitoring(world.context, { ...owner, deployment: 'late' })
    const route = routes.find(({ path }) => path === '/monitoring/:deployment')!
    const page = route.response.parse(found) as typeof found
    expect(page.baseRate).toHaveLength(3)
    expect(page.baseRate.map(({ verdict }) => verdict)).toEqual([expect.anything(), expect.anything(), 'out'])
    expect(page.quality).toHaveLength(3)
    expect(page.drift.features.map(({ name }) => name).sort()).toEqual(['hour', 'score'])
    expect(page.drift.features[0]!.cells).toHaveLength(3)
    expect(page.labels[0]).toMatchObject({ rows: 480, labelled: 480, coverage: 1 })
    expect(page.reference!.days).toHaveLength(28)
    expect(page.causes[0]!.sentence).toContain('Base rate of late')
  })
})
