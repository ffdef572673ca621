import { AppError } from '../kernel/errors.ts'
import { HOUR_MS } from '../kernel/time-spans.ts'
import type { Context } from '../http/context.ts'
import { enqueue, fence, type Job } from '../jobs/jobs.ts'
import type { Trx } from '../ports/db/db.ts'
import { addRolloutCounts, addTraffic } from '../rollout/rollout.ts'
import type { RolloutCount, TrafficHour } from '../rollout/schema.ts'
import {
  findSegment,
  readPredictionSegment,
  type PredictionSegment,
  type RouteHeader,
} from '../prediction-log/prediction-log.ts'
import { addInto, decodeProfile, type Profile } from '../statistics/profile.ts'
import { LayoutCache } from './layout-cache.ts'
import { listPendingLabels, lockCounts } from './store-labels.ts'
import { addEntityHealth, insertMonitoredSegment, isMonitored } from './store-windows.ts'
import { addToWindows, type WindowAddition } from './windows.ts'

/** Rows that people were answered with; a shadow's rows are nobody's answer. */
const ANSWERING = ['stable', 'canary', 'fallback', 'pinned', 'external'] as const
const NO_ENTITY = '*'

interface SegmentCounts {
  windows: readonly WindowAddition[]
  rollout: readonly RolloutCount[]
  traffic: readonly TrafficHour[]
  health: readonly {
    route: RouteHeader
    source: string
    hourMs: number
    cells: ReadonlyMap<string, number>
  }[]
}

/**
 * Takes the counts of a prediction segment in, once: profiles, rollout counters, traffic, and the health of feeds. Labels that
 * wait for their prediction are joined next, and those of the answers that a late shadow belongs to.
 */
export async function ingestPredictions(
  context: Pick<Context, 'db' | 'artifacts'>,
  job: Job,
  { segmentId }: { segmentId: string },
): Promise<void> {
  const { db, artifacts } = context
  const { projectId } = job
  const stored = await findSegment(db.read, segmentId)
  if (!stored || (await isMonitored(db.read, segmentId))) return
  const segment = readPredictionSegment(await artifacts.bytes(stored.sha256))
  const counts = await countSegment(context, segment)
  const nowMs = await db.wallTime()
  await db.write(async (trx) => {
    await fence(trx, job)
    const isNew = await insertMonitoredSegment(trx, {
      segment_id: segmentId,
      project_id: projectId,
      kind: 'prediction',
      rows: segment.rows.length,
      created_ms: nowMs,
    })
    if (!isNew) return
    await lockCounts(trx, projectId)
    if ((await findSegment(trx, segmentId))?.sha256 !== stored.sha256)
      throw new AppError('conflict', `Rows were taken out of segment ${segmentId} meanwhile`)
    await addToWindows(trx, { projectId, additions: counts.windows })
    await addRolloutCounts(trx, { projectId, counts: counts.rollout })
    await addTraffic(trx, { projectId, hours: counts.traffic })
    for (const { route, source, hourMs, cells } of counts.health) {
      const { deployment, version } = route
      await addEntityHealth(trx, { projectId, deployment, version, source, hourMs }, cells)
    }
    if (hasLateShadows(segment) || (await listPendingLabels(trx, projectId)).length > 0)
      await joinWaiting(trx, { projectId, segmentId })
  })
}

async function joinWaiting(
  trx: Trx,
  { projectId, segmentId }: { projectId: string; segmentId: string },
): Promise<void> {
  await enqueue(trx, {
    projectId,
    kind: 'monitoring.join',
    payload: { segmentId, waiting: true },
    uniqueKey: `monitoring.join:${segmentId}`,
    maxAttempts: 10,
  })
}

/** Whether a shadow's answer is in another segment: its label may have been joined before the shadow could be seen. */
function hasLateShadows({ rows }: PredictionSegment): boolean {
  const ids = new Set(rows.map(({ predictionId }) => predictionId))
  return rows.some(({ pairId }) => pairId !== null && !ids.has(pairId))
}

async function countSegment(
  { artifacts }: Pick<Context, 'artifacts'>,
  segment: PredictionSegment,
): Promise<SegmentCounts> {
  return {
    windows: await windowsOf(new LayoutCache(artifacts), segment),
    rollout: rolloutCounts(segment),
    traffic: trafficOf(segment),
    health: healthOf(segment),
  }
}

async function windowsOf(
  layouts: LayoutCache,
  { routes, profiles }: PredictionSegment,
): Promise<WindowAddition[]> {
  const additions = new Map<string, WindowAddition>()
  for (const { route: number, hourMs, profile } of profiles) {
    const route = routes.get(number)
    if (!route || route.layoutSha256 === null) continue
    const { deployment, version, variant, layoutSha256 } = route
    const layout = await layouts.get(layoutSha256)
    const decoded: Profile = decodeProfile(layout, profile)
    const key = [deployment, version, variant, hourMs].join('/')
    const known = additions.get(key)
    if (known) addInto(known.profile, decoded)
    else
      additions.set(key, {
        deployment,
        version,
        variant,
        hourMs,
        layoutSha256,
        layout,
        profile: decoded,
        labelSum: 0,
        lossSum: 0,
      })
  }
  return [...additions.values()]
}

/** Seconds of one hour are stored together: nothing asks for a finer grain, and a slow day would be as many rows as requests. */
function rolloutCounts({ header, routes, counts }: PredictionSegment): RolloutCount[] {
  const sums = new Map<string, RolloutCount>()
  for (const { route: number, metric, second, n, sum, sumSq } of counts) {
    const route = routes.get(number)
    if (!route || route.rolloutId === null || route.stage === null) continue
    const hour = second - (second % 3600)
    const key = [route.rolloutId, route.generation, route.stage, route.variant, metric, hour].join('/')
    const known = sums.get(key)
    if (known) {
      known.n += n
      known.sum += sum
      known.sumSq += sumSq
      continue
    }
    sums.set(key, {
      rolloutId: route.rolloutId,
      generation: route.generation,
      stage: route.stage,
      variant: route.variant,
      metric,
      gatewayId: header.gatewayId,
      second: hour,
      n,
      sum,
      sumSq,
    })
  }
  return [...sums.values()]
}

function trafficOf({ routes, rows }: PredictionSegment): TrafficHour[] {
  const hours = new Map<string, TrafficHour>()
  for (const row of rows) {
    const { deployment, version, variant: name } = routes.get(row.route)!
    const variant = row.pairId === null ? name : 'shadow'
    const hourMs = row.timeMs - (row.timeMs % HOUR_MS)
    const key = [deployment, version, variant, hourMs].join('/')
    const known = hours.get(key) ?? { deployment, version, variant, hourMs, n: 0, errors: 0 }
    hours.set(key, known)
    known.n++
    if (row.status === 'error') known.errors++
  }
  return [...hours.values()]
}

/** Rows by entity in each hour, and of these the rows with each violation. */
function healthOf({ routes, rows }: PredictionSegment): SegmentCounts['health'] {
  const health = new Map<
    string,
    { route: RouteHeader; source: string; hourMs: number; cells: Map<string, number> }
  >()
  for (const row of rows) {
    const route = routes.get(row.route)!
    if (row.pairId !== null || !ANSWERING.some((variant) => variant === route.variant)) continue
    const hourMs = row.timeMs - (row.timeMs % HOUR_MS)
    const entity = row.entityKey ?? NO_ENTITY
    for (const source of ['rows', ...new Set(row.violations?.split(',') ?? [])]) {
      const key = [route.deployment, route.version, source, hourMs].join('/')
      const known = health.get(key) ?? { route, source, hourMs, cells: new Map<string, number>() }
      health.set(key, known)
      known.cells.set(entity, (known.cells.get(entity) ?? 0) + 1)
    }
  }
  return [...health.values()]
}
