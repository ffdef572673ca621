import { type Clock, monotonicMs } from '../kernel/clock.ts'
import { AppError, toAppError } from '../kernel/errors.ts'
import type { Ids } from '../kernel/ids.ts'
import { bucketOf } from './assignment.ts'
import type { BatchLog } from './batch-log.ts'
import { withMissing, type ResolvedFeatures } from './feature-plan.ts'
import type { LiveDeployment, LiveVariant, Prediction, WorkItem } from './live-deployment.ts'
import type { PredictRequest } from './request-inputs.ts'
import type { VariantName } from '../prediction-log/schema.ts'
import type { ServingStats } from './stats.ts'

export interface PredictorParts {
  clock: Clock
  ids: Ids
  batchLog: BatchLog
  stats: ServingStats
  /** Whether a candidate's traffic is confirmed at this moment. */
  leaseHolds: (rolloutId: string) => boolean
  deadlineMs: number
}

/** Answers requests: chooses the variant, falls back to stable when a candidate fails, and shadows afterwards. */
export class Predictor {
  readonly #parts: PredictorParts
  readonly #shadows = new Set<Promise<void>>()

  constructor(parts: PredictorParts) {
    this.#parts = parts
  }

  /**
   * Answers one request. Throws or rejects with `not_found` for a version that is not served, `invalid` for a request without a needed
   * input, `unavailable` when the queue is full or the deadline passed.
   */
  predict(deployment: LiveDeployment, given: PredictRequest): Promise<Prediction> {
    const request = deployment.protection === undefined ? given : deployment.protection.request(given)
    if (request.version !== undefined) {
      return this.#run(deployment, pinnedVariant(deployment, request.version), 'pinned', request, UNASSIGNED)
    }
    const { candidate } = deployment
    if (candidate === undefined || !this.#parts.leaseHolds(candidate.desired.rolloutId)) {
      return this.#run(deployment, deployment.stable, 'stable', request, UNASSIGNED)
    }
    const choice = this.#assign(deployment, request, candidate.desired.rolloutId)
    if (candidate.desired.mode === 'shadow') return this.#shadowed(deployment, request, choice)
    if (choice.bucket >= candidate.desired.weight || !candidate.breaker.closed) {
      return this.#run(deployment, deployment.stable, 'stable', request, choice)
    }
    return this.#canary(deployment, request, choice)
  }

  async #canary(deployment: LiveDeployment, request: PredictRequest, choice: Choice): Promise<Prediction> {
    const { live, breaker } = deployment.candidate!
    // What stable would refuse as well is the request's fault and no mark against the candidate.
    checkServable(deployment.stable, deployment, request, NONE)
    try {
      const prediction = await this.#run(deployment, live, 'canary', request, choice)
      breaker.succeeded()
      return prediction
    } catch {
      breaker.failed()
      if (!breaker.closed) this.#parts.stats.breakerTrips += 1
      const rescued = { ...choice, counted: false }
      return await this.#run(deployment, deployment.stable, 'stable', request, rescued)
    }
  }

  #shadowed(deployment: LiveDeployment, request: PredictRequest, choice: Choice): Promise<Prediction> {
    // One moment for both: features as of the same time, rows in the same hour.
    const timed = { ...request, timeMs: request.timeMs ?? this.#parts.clock.now() }
    const answer = this.#run(deployment, deployment.stable, 'stable', timed, choice)
    const shadow = this.#shadow(deployment, timed, choice, answer)
    this.#shadows.add(shadow)
    void shadow.finally(() => this.#shadows.delete(shadow))
    return answer
  }

  /** Resolves when the shadows of all that was asked so far are logged. */
  async shadowed(): Promise<void> {
    await Promise.all(this.#shadows)
  }

  /** Runs the candidate on what was answered already; no request waits for it, and it sheds first. */
  async #shadow(
    deployment: LiveDeployment,
    request: PredictRequest,
    choice: Choice,
    answer: Promise<Prediction>,
  ): Promise<void> {
    const { live } = deployment.candidate!
    // The next generation may not name it any more.
    live.host.acquire()
    try {
      const pair = await answer.catch(ignore)
      if (pair === undefined) return
      await new Promise((resolve) => setImmediate(resolve))
      const { requestId } = pair
      const item = this.#item(deployment, live, 'shadow', request, { ...choice, requestId, pair })
      try {
        await this.#resolve(item)
        await this.#submitShadow(item)
      } catch {
        this.#parts.batchLog.fail(item)
      }
    } finally {
      live.host.release()
    }
  }

  async #submitShadow(item: WorkItem): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      item.answered = () => resolve()
      item.failed = reject
      if (item.live.host.batcher.submitShadow(item)) return
      this.#parts.stats.shadowDropped += 1
      resolve()
    })
  }

  #run(
    deployment: LiveDeployment,
    live: LiveVariant,
    name: VariantName,
    request: PredictRequest,
    choice: Choice,
  ): Promise<Prediction> {
    const item = this.#item(deployment, live, name, request, choice)
    live.host.acquire()
    const failed = (error: unknown): never => {
      live.host.release()
      if (name === 'canary') this.#parts.batchLog.fail(item)
      throw error
    }
    let resolving: Promise<void> | undefined
    try {
      resolving = this.#resolve(item)
    } catch (error) {
      failed(error)
    }
    if (resolving === undefined) return this.#submit(item)
    return resolving.then(() => this.#submit(item), failed)
  }

  #submit(item: WorkItem): Promise<Prediction> {
    const { host } = item.live
    return new Promise<Prediction>((resolve, reject) => {
      item.answered = (prediction) => {
        host.release()
        resolve(prediction)
      }
      item.failed = (error) => {
        host.release()
        if (error.code === 'unavailable') this.#parts.stats.rejected += 1
        if (error.code !== 'unavailable' || item.route.header.variant === 'canary')
          this.#parts.batchLog.fail(item)
        reject(error)
      }
      if (item.fallbackRows !== null && item.fallbackRows.every(Boolean)) {
        this.#parts.batchLog.finishFallback(item)
        return
      }
      try {
        host.batcher.submit(item)
      } catch (error) {
        item.failed(toAppError(error))
      }
    })
  }

  #assign(deployment: LiveDeployment, request: PredictRequest, salt: string): Choice {
    const { unit } = deployment.desired
    const requestId = request.requestId ?? this.#parts.ids.uuid()
    let name: string | undefined = requestId
    if (typeof unit === 'object') {
      const given =
        'header' in unit ? request.header(unit.header) : request.columns[deployment.unitPlace]?.[0]
      name = given === undefined || given === null ? undefined : String(given)
    }
    // A request that does not say whose it is can't be assigned to its unit: it stays with stable, uncounted.
    if (name === undefined) return { ...UNASSIGNED, requestId }
    return { requestId, unit: name, bucket: bucketOf(salt, name), counted: true, pair: null }
  }

  #item(
    deployment: LiveDeployment,
    live: LiveVariant,
    name: VariantName,
    request: PredictRequest,
    choice: Choice,
  ): WorkItem {
    const { ids, clock, deadlineMs } = this.#parts
    const predictionIds =
      request.rows === 1 ? [ids.uuid()] : Array.from({ length: request.rows }, () => ids.uuid())
    const requestId = choice.requestId ?? request.requestId ?? predictionIds[0]!
    const queuedMs = monotonicMs()
    return {
      deployment,
      live,
      route: live.routes[name]!,
      request,
      rows: request.rows,
      features: request.columns,
      requestId,
      predictionIds,
      timeMs: request.timeMs ?? clock.now(),
      unit: choice.unit,
      bucket: choice.bucket,
      resolved: { features: request.columns, ages: null, requests: null, violations: null, degraded: null },
      fallbackRows: null,
      counted: choice.counted,
      pair: choice.pair,
      queuedMs,
      deadlineMs: request.startedMs + deadlineMs,
      answered: ignore,
      failed: ignore,
    }
  }

  /** Gives the item its features: at once where the plan has them at once. */
  #resolve(item: WorkItem): Promise<void> | undefined {
    const { live, request, deployment } = item
    const { variant } = item.route.header
    const optional = variant === 'canary' || variant === 'shadow' ? deployment.newInputs : NONE
    const missing = checkServable(live, deployment, request, optional)
    const columns =
      live.places === null ? request.columns : live.places.map((place) => request.columns[place])
    const resolved = live.plan.resolve(columns, request.rows, item.timeMs)
    if (resolved instanceof Promise) return resolved.then((found) => takeFeatures(item, found, missing))
    takeFeatures(item, resolved, missing)
    return undefined
  }
}

function takeFeatures(item: WorkItem, resolved: ResolvedFeatures, missing: readonly string[]): void {
  item.resolved = withMissing(resolved, missing, item.rows)
  item.features = item.resolved.features
  const { degraded } = item.resolved
  const { fallback } = item.deployment
  if (degraded === null || fallback === undefined) return
  item.fallbackRows = degraded.map((state) => state !== null && fallback.on.includes(state))
  if (!item.fallbackRows.includes(true)) item.fallbackRows = null
}

interface Choice {
  requestId?: string
  unit: string | null
  bucket: number
  counted: boolean
  pair: Prediction | null
}

const UNASSIGNED: Choice = { unit: null, bucket: -1, counted: false, pair: null }

const NONE: ReadonlySet<string> = new Set()

function ignore(): void {}

function pinnedVariant(deployment: LiveDeployment, version: number): LiveVariant {
  const live = deployment.byVersion.get(version)
  if (live !== undefined) return live
  const known = [...deployment.byVersion.keys()].sort((a, b) => a - b).join(', ')
  throw new AppError(
    'not_found',
    `Version ${version} of ${deployment.desired.name} is not served; served are ${known}`,
  )
}

/** The optional inputs that the request lacks. Throws `invalid` when it lacks another one that the variant needs. */
function checkServable(
  live: LiveVariant,
  deployment: LiveDeployment,
  request: PredictRequest,
  optional: ReadonlySet<string>,
): string[] {
  const missing: string[] = []
  for (const { name } of live.plan.inputs) {
    if (request.columns[deployment.inputPlaces.get(name)!] === undefined) {
      if (optional.has(name)) {
        missing.push(name)
        continue
      }
      const needed = live.plan.inputs.map((input) => input.name).join(', ')
      throw new AppError('invalid', `Input "${name}" is missing; the model needs ${needed}`)
    }
  }
  return missing
}
