import { setTimeout } from 'node:timers/promises'
import { countPendingJobs } from '../src/jobs/jobs.ts'
import { JobRunner } from '../src/jobs/runner.ts'
import { localOwner } from '../src/kernel/actor.ts'
import { consumers } from '../src/monitoring/consumers.ts'
import { jobs as monitoringJobs } from '../src/monitoring/jobs.ts'
import { monitor } from '../src/monitoring/definition.ts'
import { declareMonitors, tickMonitors } from '../src/monitoring/monitoring.ts'
import {
  storeReferenceProfile,
  type ReferenceProfile,
  type RegisterVersion,
} from '../src/registry/registry.ts'
import { declareDeployments, deploy } from '../src/rollout/rollout.ts'
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
import { PROJECT_ID, TEST_TIME_MS, type TestContext } from './databases.ts'
import { registerLate } from './late-versions.ts'
import { workOff } from './work-off.ts'

export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS
const HORIZON_MS = 8 * HOUR_MS
export const owner = { projectId: PROJECT_ID, actor: localOwner }
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

export interface LoggedRow extends Omit<Asked, 'label'> {
  label?: number | string
  violations?: string
  entity?: string
  pairId?: string
  decision?: string
  /** Of the route's outputs each the values of this row; the score alone where they are not given. */
  outputs?: (number | string)[][]
}

export function ask(random: Random, dayMs: number, rows: number, factor: number): Asked[] {
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

export class World {
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

  /** Versions 1 to `versions` of the model `late`, the first of them served. */
  async deploy(
    versions = 1,
    more: (version: number) => Partial<RegisterVersion> = () => ({}),
  ): Promise<void> {
    const { context } = this
    const stored = await storeReferenceProfile(context, referenceProfile(createRandom(3)))
    this.#layoutSha256 = stored.sha256
    await registerLate(context, versions, (version) => ({ layout: stored, ...more(version) }))
    const late = deployment('late', { model: 'late', label: { horizonMs: HORIZON_MS } })
    await declareDeployments(context, { ...owner, deployments: [late] })
    await deploy(context, { ...owner, deployment: 'late', model: 'late', version: 1 })
    await declareMonitors(context, {
      ...owner,
      monitors: [monitor('late', { deployment: 'late', minRows: 100 })],
    })
  }

  /** Puts version 2 beside version 1. Returns the rollout, and what rows of both have in common with it. */
  async onTrial(): Promise<{ rolloutId: string; stable: RouteHeader; shadow: RouteHeader }> {
    const { rolloutId } = await deploy(this.context, {
      ...owner,
      deployment: 'late',
      model: 'late',
      version: 2,
    })
    const rollout = { rolloutId: rolloutId!, generation: 2, stage: 0 }
    const shadow = { ...rollout, version: 2, modelVersionId: 'late-2', variant: 'shadow' } as const
    return { rolloutId: rolloutId!, stable: this.route(rollout), shadow: this.route(shadow) }
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
  predict(rows: readonly LoggedRow[], header = this.route()): string[] {
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
          decision: row.decision ?? null,
        }
        writeRow(writer, number, header, logged, [[row.hour]], row.outputs ?? [[row.score]], 0)
      })
      group.end()
    })
    return ids
  }

  async label(
    ids: readonly string[],
    labels: readonly (number | string | null)[],
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

  /** Closes the open segments and registers them. */
  async closeSegments(): Promise<void> {
    await this.#feedback.closeAll()
    this.#log.closeAll()
    await this.#spool.drained()
  }

  /** Closes segments, rolls them and works off all that follows. */
  async settle(): Promise<void> {
    await this.closeSegments()
    await workOff(this.context, handlers)
    await tickMonitors(this.context)
    await tickMonitors(this.context)
    await workOff(this.context, handlers)
  }

  /** Closes segments and rolls them; a worker with many slots then counts them and joins their labels, all at once. */
  async settleTogether(): Promise<void> {
    const { context } = this
    await this.closeSegments()
    await workOff(context, { consumers, jobs: servingJobs })
    const slots = { work: 8, pipeline: 1, delivery: 1 }
    await using runner = new JobRunner(context, monitoringJobs, { worker: 'together', slots })
    await runner.start()
    while ((await countPendingJobs(context.db.read)) > 0) await setTimeout(20)
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

function profilesByHour(rows: readonly LoggedRow[], route: number) {
  const hours = new Map<number, Profile>()
  for (const { timeMs, hour, score } of rows) {
    const hourMs = timeMs - (timeMs % HOUR_MS)
    const profile = hours.get(hourMs) ?? emptyProfile(layout)
    hours.set(hourMs, profile)
    observe(layout, profile, [hour], score)
  }
  return [...hours].map(([hourMs, profile]) => ({ route, hourMs, profile: encodeProfile(profile) }))
}

export async function dayTotals({ db }: TestContext) {
  return db.read
    .selectFrom('profile_window')
    .select(['start_ms', 'variant', 'rows', 'labelled', 'label_sum', 'loss_sum'])
    .where('grain', '=', 'day')
    .orderBy('start_ms')
    .orderBy('variant')
    .execute()
}
