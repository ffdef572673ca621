import { expect, test } from 'vitest'
import { localOwner } from '../src/kernel/actor.ts'
import { listDecisions } from '../src/governance/governance.ts'
import { parquetScan } from '../src/ports/analytics/analytics.ts'
import { consumers } from '../src/monitoring/consumers.ts'
import { jobs as monitoringJobs } from '../src/monitoring/jobs.ts'
import { monitor } from '../src/monitoring/definition.ts'
import {
  declareMonitors,
  findBlockingAlert,
  getMonitoring,
  listOpenAlerts,
  tickMonitors,
} from '../src/monitoring/monitoring.ts'
import { routes } from '../src/monitoring/routes.ts'
import { registerVersion, storeReferenceProfile, type ReferenceProfile } from '../src/registry/registry.ts'
import { declareDeployments, deploy, explainRollout } from '../src/rollout/rollout.ts'
import {
  FeedbackLog,
  FRAME,
  PredictionLog,
  type RouteHeader,
  Spool,
  toStoredFeedback,
  writeCounts,
  writeRow,
} from '../src/prediction-log/prediction-log.ts'
import { deployment } from '../src/serving/definition.ts'
import { jobs as servingJobs } from '../src/prediction-log/jobs.ts'
import { equalWidthBins } from '../src/statistics/bins.ts'
import {
  addInto,
  emptyProfile,
  encodeProfile,
  observe,
  observeLabel,
  prepareLayout,
  type Profile,
} from '../src/statistics/profile.ts'
import { createRandom, type Random } from '../src/statistics/random.ts'
import { describeDatabases, PROJECT_ID, TEST_TIME_MS, type TestContext } from './databases.ts'
import { workOff } from './work-off.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const HORIZON_MS = 8 * HOUR_MS
const owner = { projectId: PROJECT_ID, actor: localOwner }
const definition = {
  features: [{ name: 'hour', bins: equalWidthBins(0, 24, 24) }],
  score: equalWidthBins(0, 1, 100),
  label: { kind: 'category', categories: ['0', '1'] },
} as const
const layout = prepareLayout(definition)

/** A request of the day: the model scores the hour; the world's rate is the score times the day's factor. */
interface Asked {
  hour: number
  score: number
  label: 0 | 1
  timeMs: number
}

function ask(random: Random, dayMs: number, rows: number, factor: number): Asked[] {
  return Array.from({ length: rows }, (_, row) => {
    const hour = (row * 24) / rows
    const score = 0.08 + 0.25 * (hour / 24)
    return {
      hour,
      score,
      label: random.next() < score * factor ? 1 : 0,
      timeMs: dayMs + Math.floor(hour * HOUR_MS),
    }
  })
}

/** How much lateness a day has, when nothing is wrong: days differ. */
function usualFactor(random: Random): number {
  return 0.7 + 0.6 * random.next()
}

function referenceProfile(random: Random): ReferenceProfile {
  const total = emptyProfile(layout)
  const days = Array.from({ length: 28 }, (_, index) => {
    const profile: Profile = emptyProfile(layout)
    const rows = ask(random, 0, 480, usualFactor(random))
    for (const { hour, score, label } of rows)
      observeLabel(layout, profile, observe(layout, profile, [hour], score), label)
    addInto(total, profile)
    return {
      day: new Date(TEST_TIME_MS - (40 - index) * DAY_MS).toISOString().slice(0, 10),
      rows: rows.length,
      labelSum: rows.reduce((sum, { label }) => sum + label, 0),
      profile: base64(profile),
    }
  })
  return { layout: definition, days, total: base64(total) }
}

function base64(profile: Profile): string {
  return Buffer.from(encodeProfile(profile)).toString('base64')
}

const handlers = { consumers, jobs: [...servingJobs, ...monitoringJobs] }

class World {
  readonly context: TestContext
  readonly random = createRandom(5)
  readonly #spool: Spool
  readonly #log: PredictionLog
  readonly #feedback: FeedbackLog
  #layoutSha256 = ''
  #batch = 0

  constructor(context: TestContext) {
    this.context = context
    this.#spool = new Spool(context)
    this.#log = new PredictionLog(this.#spool, context.ids)
    this.#feedback = new FeedbackLog(this.#spool, context.ids)
  }

  async deploy(versions = 1): Promise<void> {
    const { context } = this
    const stored = await storeReferenceProfile(context, referenceProfile(createRandom(3)))
    this.#layoutSha256 = stored.sha256
    for (let version = 1; version <= versions; version++) {
      await registerVersion(context, {
        ...owner,
        model: 'late',
        source: 'test',
        createModel: true,
        task: 'binary',
        onnx: await context.artifacts.put(Buffer.from(`graph ${version}`)),
        layout: stored,
        signature: {
          inputs: [{ name: 'hour', kind: 'number', datatype: 'FP64', nullable: true }],
          outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1] }],
          task: 'binary',
        },
      })
    }
    const late = deployment('late', { model: 'late', label: { horizonMs: HORIZON_MS } })
    await declareDeployments(context, { ...owner, deployments: [late] })
    await deploy(context, { ...owner, deployment: 'late', model: 'late', version: 1 })
    await declareMonitors(context, {
      ...owner,
      monitors: [monitor('late', { deployment: 'late', minRows: 100 })],
    })
  }

  route(more: Partial<RouteHeader> = {}): RouteHeader {
    return {
      projectId: PROJECT_ID,
      deployment: 'late',
      model: 'late',
      version: 1,
      modelVersionId: 'late-1',
      variant: 'stable',
      rolloutId: null,
      generation: 1,
      stage: null,
      policyVersion: 1,
      schemaHash: 'h',
      codeHash: null,
      layoutSha256: this.#layoutSha256,
      features: [{ name: 'hour', kind: 'number', width: 1 }],
      outputs: [{ name: 'probability', datatype: 'FP32', width: 1 }],
      ...more,
    }
  }

  /** Logs rows as a gateway does; returns their prediction ids. */
  predict(
    rows: readonly (Asked & { violations?: string; entity?: string; pairId?: string })[],
    header = this.route(),
  ): string[] {
    const batch = this.#batch++
    const ids = rows.map((_, i) => `p-${batch}-${String(i).padStart(4, '0')}`)
    const times = { fromMs: rows[0]!.timeMs, toMs: rows.at(-1)!.timeMs }
    this.#log.append(PROJECT_ID, { rows: rows.length, ...times }, (group, routeOf) => {
      const number = routeOf(header)
      writeCounts(group.begin(FRAME.counts), profilesByHour(rows, number), [])
      group.end()
      const writer = group.begin(FRAME.predictions)
      writer.u32(rows.length)
      rows.forEach((row, i) => {
        const logged = {
          predictionId: ids[i]!,
          requestId: ids[i]!,
          rowIndex: 0,
          timeMs: row.timeMs,
          unit: null,
          bucket: header.rolloutId === null ? -1 : 1,
          entityKey: row.entity ?? null,
          latencyUs: 100,
          queueUs: 10,
          batchSize: rows.length,
          status: 'ok' as const,
          violations: row.violations ?? null,
          caller: null,
          traceId: null,
          pairId: row.pairId ?? null,
          featureAges: null,
          request: null,
          score: row.score,
          decision: null,
        }
        writeRow(writer, number, header, logged, [[row.hour]], [[row.score]], 0)
      })
      group.end()
    })
    return ids
  }

  async label(
    ids: readonly string[],
    labels: readonly (number | null)[],
    timeMs: number,
    revision = 0,
  ): Promise<void> {
    const items = ids.map((id, i) =>
      toStoredFeedback(this.context, {
        prediction_id: id,
        label: labels[i]!,
        label_time_ms: timeMs,
        revision,
      }),
    )
    await this.#feedback.append(PROJECT_ID, items)
  }

  /** Closes segments, rolls them and works off all that follows. */
  async settle(): Promise<void> {
    await this.#feedback.closeAll()
    this.#log.closeAll()
    await this.#spool.drained()
    await workOff(this.context, handlers)
    await tickMonitors(this.context)
    await tickMonitors(this.context)
    await workOff(this.context, handlers)
  }

  /** Whole days: asked, labelled, and judged when their labels are due. Returns what was asked. */
  async days(first: number, factors: readonly number[]): Promise<{ ids: string[]; asked: Asked[] }> {
    const [ids, asked]: [string[], Asked[]] = [[], []]
    for (const [index, factor] of factors.entries()) {
      const dayMs = TEST_TIME_MS + (first + index) * DAY_MS
      const rows = ask(this.random, dayMs, 480, factor)
      const logged = this.predict(rows)
      await this.label(
        logged,
        rows.map(({ label }) => label),
        dayMs + DAY_MS,
      )
      ids.push(...logged)
      asked.push(...rows)
    }
    this.context.clock.set(TEST_TIME_MS + (first + factors.length) * DAY_MS + HORIZON_MS + HOUR_MS)
    await this.settle()
    return { ids, asked }
  }
}

function profilesByHour(rows: readonly Asked[], route: number) {
  const hours = new Map<number, Profile>()
  for (const { timeMs, hour, score } of rows) {
    const hourMs = timeMs - (timeMs % HOUR_MS)
    const profile = hours.get(hourMs) ?? emptyProfile(layout)
    hours.set(hourMs, profile)
    observe(layout, profile, [hour], score)
  }
  return [...hours].map(([hourMs, profile]) => ({ route, hourMs, profile: encodeProfile(profile) }))
}

async function dayTotals({ db }: TestContext) {
  return db.read
    .selectFrom('profile_window')
    .select(['start_ms', 'variant', 'rows', 'labelled', 'label_sum', 'loss_sum'])
    .where('grain', '=', 'day')
    .orderBy('start_ms')
    .orderBy('variant')
    .execute()
}

describeDatabases('monitoring', (open) => {
  test('rows and labels are counted once by day, whatever is run again', async () => {
    const world = new World(await open())
    await world.deploy()
    const { asked } = await world.days(0, [1])
    const late = asked.reduce((sum, { label }) => sum + label, 0)
    const before = await dayTotals(world.context)
    expect(before).toMatchObject([{ start_ms: TEST_TIME_MS, rows: 480, labelled: 480, label_sum: late }])
    await world.settle()
    expect(await dayTotals(world.context)).toEqual(before)
  })

  test('a corrected label subtracts the old cell and adds the new one; the same label again changes nothing', async () => {
    const world = new World(await open())
    await world.deploy()
    const { ids, asked } = await world.days(0, [1])
    const [before] = await dayTotals(world.context)
    const first = asked.findIndex(({ label }) => label === 0)
    await world.label([ids[first]!], [1], TEST_TIME_MS + DAY_MS, 1)
    await world.settle()
    const [after] = await dayTotals(world.context)
    expect(after).toMatchObject({ labelled: 480, label_sum: before!.label_sum + 1 })
    expect(after!.loss_sum).toBeGreaterThan(before!.loss_sum)
    await world.label([ids[first]!], [1], TEST_TIME_MS + DAY_MS, 1)
    await world.settle()
    expect((await dayTotals(world.context))[0]).toMatchObject({
      labelled: 480,
      label_sum: before!.label_sum + 1,
    })
    await world.label([ids[first]!], [0], TEST_TIME_MS + DAY_MS, 2)
    await world.settle()
    const [back] = await dayTotals(world.context)
    expect(back!.label_sum).toBe(before!.label_sum)
    expect(back!.loss_sum).toBeCloseTo(before!.loss_sum, 9)
    await world.label([ids[first]!], [null], TEST_TIME_MS + DAY_MS, 3)
    await world.settle()
    expect((await dayTotals(world.context))[0]).toMatchObject({ labelled: 479, label_sum: before!.label_sum })
    const joined = await world.context.db.read
      .selectFrom('label_join')
      .select('parquet_sha256')
      .where('parquet_sha256', 'is not', null)
      .execute()
    const paths = await Promise.all(
      joined.map(({ parquet_sha256 }) => world.context.artifacts.localPath(parquet_sha256!)),
    )
    const recomputed = await world.context.analytics.query(
      `SELECT timeMs // 86400000 AS day, sum(label::DOUBLE) AS late, count(*) AS labelled FROM (
        SELECT * FROM ${parquetScan(paths)}
        QUALIFY row_number() OVER (PARTITION BY predictionId ORDER BY revision DESC, receivedMs DESC) = 1)
      WHERE variant <> 'shadow' AND label <> 'null' GROUP BY day ORDER BY day`,
    )
    expect(recomputed).toEqual([{ day: TEST_TIME_MS / DAY_MS, late: before!.label_sum, labelled: 479 }])
  })

  test('a label that comes before its prediction waits for it', async () => {
    const world = new World(await open())
    await world.deploy()
    await world.label(['p-0-0000', 'nobody'], [1, 1], TEST_TIME_MS + HOUR_MS)
    await world.settle()
    const pending = async () =>
      (await world.context.db.read.selectFrom('label_pending').selectAll().execute()).length
    expect(await pending()).toBe(2)
    world.predict([{ hour: 0, score: 0.2, label: 1, timeMs: TEST_TIME_MS }])
    await world.settle()
    expect(await pending()).toBe(1)
    expect(await dayTotals(world.context)).toMatchObject([{ rows: 1, labelled: 1, label_sum: 1 }])
  })

  test('a label reaches the shadow of its prediction, and the rollout gets the paired difference', async () => {
    const world = new World(await open())
    await world.deploy(2)
    const { rolloutId } = await deploy(world.context, {
      ...owner,
      deployment: 'late',
      model: 'late',
      version: 2,
    })
    const rollout = { rolloutId: rolloutId!, generation: 2, stage: 0 }
    const asked = ask(world.random, TEST_TIME_MS, 100, 1)
    const ids = world.predict(asked, world.route(rollout))
    world.predict(
      asked.map((row, i) => ({ ...row, score: row.label === 1 ? 0.9 : 0.1, pairId: ids[i]! })),
      world.route({ ...rollout, version: 2, modelVersionId: 'late-2', variant: 'shadow' }),
    )
    await world.label(
      ids,
      asked.map(({ label }) => label),
      TEST_TIME_MS + HOUR_MS,
    )
    await world.settle()
    const { totals } = await explainRollout(world.context, { ...owner, id: rolloutId! })
    const sum = (variant: string, metric: string) =>
      totals.find((total) => total.variant === variant && total.metric === metric)
    expect(sum('stable', 'loss')).toMatchObject({ stage: 0, n: 100 })
    expect(sum('shadow', 'loss')!.sum).toBeCloseTo(100 * -Math.log(0.9), 6)
    const difference = sum('shadow', 'loss')!.sum - sum('stable', 'loss')!.sum
    expect(sum('shadow', 'pair_loss_diff')).toMatchObject({ n: 100 })
    expect(sum('shadow', 'pair_loss_diff')!.sum).toBeCloseTo(difference, 6)
  })

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
