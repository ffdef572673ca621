import {
  blankRow,
  type Column,
  FRAME,
  type FrameGroup,
  type PredictionLog,
  type PredictionRow,
  type ProfileCount,
  RolloutCounter,
  type RouteHeader,
  writeCounts,
  writeRow,
} from '../prediction-log/prediction-log.ts'
import type { BatchResult } from './batcher.ts'
import { fallbackOutputs } from './fallback.ts'
import type { LiveDeployment, Prediction, Route, WorkItem } from './live-deployment.ts'
import type { ServingStats } from './stats.ts'

interface Scored {
  item: WorkItem
  prediction: Prediction
  /** The model's outputs in the order of the route's header; null for failed rows. */
  columns: readonly Column[] | null
  error: boolean
  latencyUs: number
  queueUs: number
}

/** Turns what a model gave into log rows and counts, in one write, and then into answers. */
export class BatchLog {
  readonly #log: Pick<PredictionLog, 'append'>
  readonly #stats: ServingStats
  readonly #counter = new RolloutCounter()
  readonly #row: PredictionRow = blankRow()

  constructor(log: Pick<PredictionLog, 'append'>, stats: ServingStats) {
    this.#log = log
    this.#stats = stats
  }

  /** A batch that the model has answered: logged, then answered. */
  finish({ items, rows, outputs, startedMs }: BatchResult<WorkItem>): void {
    const now = performance.now()
    const scored: Scored[] = []
    let start = 0
    for (const item of items) {
      scored.push(score(item, outputs, start, now, startedMs))
      start += item.rows
    }
    this.#stats.batches += 1
    this.#stats.batchedRows += rows
    this.#commit(scored, rows)
  }

  /** A request that the policy answered altogether, without the model. */
  finishFallback(item: WorkItem): void {
    const now = performance.now()
    this.#commit([score(item, {}, 0, now, now)], item.rows)
  }

  /** A request that the model failed: logged and counted, answered by the caller. */
  fail(item: WorkItem): void {
    const now = performance.now()
    const nothing = Array.from({ length: item.rows }, () => NaN)
    const prediction = toPrediction(item, {}, 0, nothing, [])
    const failed: Scored = {
      item,
      prediction,
      columns: null,
      error: true,
      latencyUs: (now - item.request.startedMs) * 1000,
      queueUs: 0,
    }
    item.route.stats.errors += 1
    this.#write([failed], item.rows)
  }

  #commit(scored: readonly Scored[], rows: number): void {
    const logged = this.#write(scored, rows)
    for (const { item, prediction, latencyUs } of scored) {
      prediction.logged = logged
      const allFallback = item.fallbackRows !== null && item.fallbackRows.every(Boolean)
      const stats = allFallback ? item.route.fallbackStats : item.route.stats
      stats.answered(item.rows, latencyUs)
      if (prediction.violations !== null) stats.violations += 1
      item.answered(prediction)
    }
  }

  #write(scored: readonly Scored[], rows: number): boolean {
    let fromMs = Infinity
    let toMs = -Infinity
    for (const { item } of scored) {
      fromMs = Math.min(fromMs, item.timeMs)
      toMs = Math.max(toMs, item.timeMs)
    }
    const { projectId } = scored[0]!.item.deployment.desired
    return this.#log.append(projectId, { rows, fromMs, toMs }, (group, routeOf) => {
      this.#writeCounts(scored, group, routeOf)
      const writer = group.begin(FRAME.predictions)
      writer.u32(rows)
      for (const each of scored) this.#writeRows(each, rows, writer, routeOf)
      group.end()
    })
  }

  /** Counts precede their rows: a torn tail can leave counts without rows, which readers drop, but never the reverse. */
  #writeCounts(scored: readonly Scored[], group: FrameGroup, routeOf: (header: RouteHeader) => number): void {
    this.#counter.clear()
    const routes = new Set<Route>()
    for (const each of scored) {
      const { item } = each
      const number = routeOf(item.route.header)
      if (item.fallbackRows !== null) routeOf(item.route.fallback)
      if (item.route.profile !== null && !each.error) {
        routes.add(item.route)
        countProfile(each)
      }
      if (item.counted) this.#countRollout(each, number)
    }
    const profiles: ProfileCount[] = []
    for (const route of routes) {
      profiles.push(...route.profile!.take(routeOf(route.header)))
      if (route.fallbackProfile!.counted)
        profiles.push(...route.fallbackProfile!.take(routeOf(route.fallback)))
    }
    if (profiles.length === 0 && this.#counter.size === 0) return
    writeCounts(group.begin(FRAME.counts), profiles, this.#counter.counts)
    group.end()
  }

  #countRollout({ item, prediction, error, latencyUs }: Scored, route: number): void {
    const { timeMs, pair, deployment } = item
    this.#counter.add(route, 'error', timeMs, error ? 1 : 0)
    if (error) return
    this.#counter.add(route, 'violation', timeMs, prediction.violations === null ? 0 : 1)
    if (pair === null) {
      this.#counter.add(route, 'latency_slow', timeMs, latencyUs > deployment.sloUs ? 1 : 0)
      return
    }
    let difference = 0
    let disagree = 0
    for (let row = 0; row < item.rows; row++) {
      difference += prediction.scores[row]! - pair.scores[row]!
      if (prediction.decisions[row] !== pair.decisions[row]) disagree += 1
    }
    if (Number.isFinite(difference)) this.#counter.add(route, 'score_diff', timeMs, difference / item.rows)
    this.#counter.add(route, 'disagree', timeMs, disagree / item.rows)
  }

  #writeRows(
    { item, prediction, columns, error, latencyUs, queueUs }: Scored,
    batchSize: number,
    writer: Parameters<typeof writeRow>[0],
    routeOf: (header: RouteHeader) => number,
  ): void {
    const row = this.#row
    row.requestId = item.requestId
    row.timeMs = item.timeMs
    row.unit = item.unit
    row.bucket = item.bucket
    row.latencyUs = latencyUs
    row.queueUs = queueUs
    row.batchSize = batchSize
    row.status = error ? 'error' : 'ok'
    row.caller = item.request.caller
    row.traceId = item.request.traceId
    const { ages, requests, violations, features } = item.resolved
    for (let i = 0; i < item.rows; i++) {
      const header = item.fallbackRows?.[i] === true ? item.route.fallback : item.route.header
      row.predictionId = item.predictionIds[i]!
      row.rowIndex = i
      row.entityKey = entityKeyOf(item.deployment, item.request.columns, i)
      row.violations = violations === null ? null : violations[i]!
      row.featureAges = ages === null ? null : ages[i]!
      row.request = requests === null ? null : requests[i]!
      row.pairId = item.pair === null ? null : item.pair.predictionIds[i]!
      row.score = prediction.scores[i]!
      row.decision = prediction.decisions[i] ?? null
      writeRow(writer, routeOf(header), header, row, features, columns, prediction.start + i)
    }
  }
}

function score(
  item: WorkItem,
  batchOutputs: Prediction['outputs'],
  batchStart: number,
  now: number,
  startedMs: number,
): Scored {
  const { live, rows, deployment } = item
  const replaced = item.fallbackRows !== null && deployment.fallback !== undefined
  const outputs = replaced
    ? fallbackOutputs(item, batchOutputs, batchStart, deployment.fallback)
    : batchOutputs
  const start = replaced ? 0 : batchStart
  const scores: number[] = []
  const decisions: (string | null)[] = []
  for (let i = 0; i < rows; i++) {
    const instead = replaced && item.fallbackRows![i] ? deployment.fallback : undefined
    const value = instead === undefined ? live.scoring.score(outputs, start + i) : (instead.score ?? NaN)
    scores.push(value)
    decisions.push(
      instead?.decision ?? live.scoring.decision(outputs, start + i, value, deployment.desired.policy),
    )
  }
  const prediction = toPrediction(item, outputs, start, scores, decisions)
  return {
    item,
    prediction,
    columns: live.outputs.map(({ name }) => outputs[name]!.data),
    error: false,
    latencyUs: (now - item.request.startedMs) * 1000,
    queueUs: (startedMs - item.queuedMs) * 1000,
  }
}

function toPrediction(
  item: WorkItem,
  outputs: Prediction['outputs'],
  start: number,
  scores: readonly number[],
  decisions: readonly (string | null)[],
): Prediction {
  return {
    live: item.live,
    variant: item.route.header.variant,
    requestId: item.requestId,
    rows: item.rows,
    start,
    outputs,
    predictionIds: item.predictionIds,
    scores,
    decisions,
    fallbackRows: item.fallbackRows,
    violations: item.resolved.violations,
    logged: false,
  }
}

function countProfile({ item, prediction }: Scored): void {
  const { features, violations } = item.resolved
  for (let i = 0; i < item.rows; i++) {
    const broken = violations?.[i]
    const { profile, fallbackProfile } = item.route
    const counter = item.fallbackRows?.[i] === true ? fallbackProfile! : profile!
    counter.add(features, i, prediction.scores[i]!, broken ? broken.split(',').length : 0, item.timeMs)
  }
}

function entityKeyOf(
  { entityPlace }: LiveDeployment,
  columns: readonly (Column | undefined)[],
  row: number,
): string | null {
  const value = entityPlace < 0 ? undefined : columns[entityPlace]?.[row]
  return value === undefined || value === null ? null : String(value)
}
