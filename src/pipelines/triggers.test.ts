import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, TEST_TIME_MS, type TestContext } from '../../test/databases.ts'
import { listDecisions } from '../governance/governance.ts'
import { appendEvent, consume } from '../jobs/events.ts'
import { localOwner } from '../kernel/actor.ts'
import type { AlertEvent } from '../kernel/events.ts'
import { declarePipelines } from './declare.ts'
import { listRuns } from './runs.ts'
import { cron, degraded, drift, newData, type Trigger } from '../steps/definition.ts'
import { runSchedule, triggerConsumer } from './triggers.ts'

const CALLER = { projectId: PROJECT_ID, actor: localOwner }
const HOUR = 3_600_000

async function declare(context: TestContext, on: Trigger[], version = '1'): Promise<void> {
  await declarePipelines(context, {
    ...CALLER,
    projectVersionId: `version-${version}`,
    definition: {
      pipelines: [{ name: 'retrain', params: { type: 'object', properties: {} }, on }],
      steps: [],
    },
    snapshot: 'a'.repeat(64),
    dependencies: undefined,
  })
}

async function data(context: TestContext, number: number, addedRows: number): Promise<void> {
  const payload = {
    datasetId: 'd',
    name: 'flights',
    versionId: `v${number}`,
    number,
    rows: addedRows,
    addedRows,
  }
  await context.db.write((trx) =>
    appendEvent(trx, {
      projectId: PROJECT_ID,
      kind: 'dataset.version_created',
      payload,
      atMs: context.clock.now(),
    }),
  )
  await consume(context, triggerConsumer)
}

async function alert(
  context: TestContext,
  kind: 'alert.raised' | 'alert.cleared',
  about: Partial<AlertEvent> & { alertId: string },
): Promise<void> {
  const payload: AlertEvent = {
    deployment: 'late',
    monitor: 'late',
    kind: 'drift',
    blocksTraining: false,
    sentence: `The alert ${about.alertId} says so.`,
    ...about,
  }
  await context.db.write((trx) =>
    appendEvent(trx, { projectId: PROJECT_ID, kind, payload, atMs: context.clock.now() }),
  )
  await consume(context, triggerConsumer)
}

const causes = async (context: TestContext): Promise<string[]> =>
  (await listRuns(context, CALLER)).items.map(({ cause }) => cause.kind).toReversed()

const sentences = async (context: TestContext): Promise<string[]> =>
  (await listDecisions(context, { projectId: PROJECT_ID, kind: 'trigger', limit: 50 }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ sentence }) => sentence)

describeDatabases('triggers', (open) => {
  it('start a pipeline when enough rows have come together, and count anew', async () => {
    const context = await open()
    await declare(context, [newData('flights', { minRows: 100 })])
    await data(context, 1, 60)
    expect(await causes(context)).toEqual([])
    await data(context, 2, 60)
    await data(context, 3, 60)
    expect(await causes(context)).toEqual(['new_data'])
    expect(await sentences(context)).toEqual([
      'retrain was started. flights gained 120 rows up to version 2; 100 start retrain.',
    ])
  })

  it('keep what they have counted when the project is applied again', async () => {
    const context = await open()
    await declare(context, [newData('flights', { minRows: 100 })])
    await data(context, 1, 60)
    await declare(context, [newData('flights', { minRows: 100 })], '2')
    await data(context, 2, 60)
    expect(await causes(context)).toEqual(['new_data'])
  })

  it('start a pipeline for alerts of their kind and deployment alone', async () => {
    const context = await open()
    await declare(context, [drift('late'), degraded('late')])
    await alert(context, 'alert.raised', { alertId: 'a', kind: 'freshness' })
    await alert(context, 'alert.raised', { alertId: 'b', deployment: 'other' })
    expect(await causes(context)).toEqual([])
    await alert(context, 'alert.raised', { alertId: 'c', kind: 'base_rate' })
    await alert(context, 'alert.raised', { alertId: 'd', kind: 'quality' })
    expect(await causes(context)).toEqual(['drift', 'degraded'])
  })

  it('hold back during a cool-down, say so, and start when it is over if the alert is still open', async () => {
    const context = await open()
    await declare(context, [drift('late', { coolDown: '1d' })])
    await alert(context, 'alert.raised', { alertId: 'a' })
    context.clock.advance(HOUR)
    await alert(context, 'alert.raised', { alertId: 'b' })
    await runSchedule(context)
    expect(await causes(context)).toEqual(['drift'])
    context.clock.advance(24 * HOUR)
    await runSchedule(context)
    await runSchedule(context)
    expect(await causes(context)).toEqual(['drift', 'drift'])
    expect(await sentences(context)).toEqual([
      'retrain was started. The alert a says so.',
      'retrain was not started. The alert b says so. Held back: its cool-down lasts until 2001-01-16T00:00:00.000Z.',
      'retrain was started. The alert b says so.',
    ])
  })

  it('forget a start that was held back when its alert is cleared', async () => {
    const context = await open()
    await declare(context, [drift('late', { coolDown: '1d' })])
    await alert(context, 'alert.raised', { alertId: 'a' })
    await alert(context, 'alert.raised', { alertId: 'b' })
    await alert(context, 'alert.cleared', { alertId: 'b' })
    context.clock.advance(48 * HOUR)
    await runSchedule(context)
    expect(await causes(context)).toEqual(['drift'])
  })

  it('hold back while an open incident forbids training, and start when it is cleared', async () => {
    const context = await open()
    await declare(context, [newData('flights'), drift('late')])
    const incident = {
      alertId: 'feed',
      kind: 'freshness',
      blocksTraining: true,
      sentence: 'The feed of ORD stands still.',
    } as const
    await alert(context, 'alert.raised', incident)
    await data(context, 1, 10)
    expect(await causes(context)).toEqual([])
    await alert(context, 'alert.cleared', incident)
    expect(await causes(context)).toEqual(['new_data'])
    expect((await sentences(context))[0]).toBe(
      'retrain was not started. flights gained 10 rows up to version 1; 1 start retrain. Held back: an open incident forbids training (The feed of ORD stands still).',
    )
  })

  it('start by a schedule in domain time, once for a tick, and once for many missed ticks', async () => {
    const context = await open()
    await declare(context, [cron('0 3 * * *')])
    context.clock.set(TEST_TIME_MS + 2 * HOUR)
    await runSchedule(context)
    expect(await causes(context)).toEqual([])
    context.clock.set(TEST_TIME_MS + 3 * HOUR)
    await Promise.all([runSchedule(context), runSchedule(context)])
    await runSchedule(context)
    expect(await causes(context)).toEqual(['cron'])
    context.clock.set(TEST_TIME_MS + 75 * HOUR)
    await runSchedule(context)
    expect(await causes(context)).toEqual(['cron', 'cron'])
    const { items } = await listRuns(context, CALLER)
    expect(items[0]?.cause.detail['tickMs']).toBe(TEST_TIME_MS + 75 * HOUR)
  })
})
