import { FeatureCatalogue } from '../vectors/vectors.ts'
import type { Context } from '../http/context.ts'
import { monotonicMs } from '../kernel/clock.ts'
import { AppError } from '../kernel/errors.ts'
import { BatchLog } from './batch-log.ts'
import type { ExecutorLimits } from './executor.ts'
import {
  DEFAULT_ROLL,
  FeedbackLog,
  PredictionLog,
  recordExternal,
  type RollLimits,
  Spool,
  toStoredFeedback,
} from '../prediction-log/prediction-log.ts'
import type { LiveDeployment, Prediction } from './live-deployment.ts'
import { deploymentKey, Loader } from './loader.ts'
import { Predictor } from './predict.ts'
import type { PredictRequest } from './request-inputs.ts'
import type { DesiredState } from './schema.ts'
import type { ExternalPrediction, Feedback } from '../prediction-log/schema.ts'
import type { SnapshotFolder } from './service-plan.ts'
import { ServingStats } from './stats.ts'

export interface ServingOptions {
  roll?: RollLimits
  limits?: ExecutorLimits
  /** Rows that may wait for one model. */
  maxQueue?: number
  /** How long a request may wait for its model. */
  deadlineMs?: number
  /** Where the code of on-demand features is found. */
  snapshotFolder?: SnapshotFolder
}

/** What the protocols need of an engine: the gateway's, or the one of a packaged model. */
export type PredictionEngine = Pick<
  ServingEngine,
  'deployment' | 'deploymentsOf' | 'predict' | 'replay' | 'generation'
>

/** What a protocol of features needs of an engine. */
export type FeatureEngine = Pick<ServingEngine, 'features' | 'stats' | 'replay'>

type EngineContext = Pick<Context, 'config' | 'db' | 'artifacts' | 'online' | 'clock' | 'ids' | 'log'>

/** What a gateway does: holds the models of one desired state, answers from them, and keeps the log. */
export class ServingEngine implements AsyncDisposable {
  readonly stats = new ServingStats()
  readonly log: PredictionLog
  readonly spool: Spool
  readonly #context: EngineContext
  readonly #feedback: FeedbackLog
  readonly #loader: Loader
  readonly #predictor: Predictor
  readonly #leases = new Map<string, number>()
  readonly #snapshotFolder: SnapshotFolder
  #deployments: ReadonlyMap<string, LiveDeployment> = new Map()
  #desired: DesiredState = { generation: 0, replay: false, deployments: [] }
  #features: ReadonlyMap<string, FeatureCatalogue> = new Map()
  #problems: Record<string, string> = {}
  #applying: Promise<void> = Promise.resolve()

  constructor(context: EngineContext, options: ServingOptions = {}) {
    const {
      roll = DEFAULT_ROLL,
      maxQueue = 2000,
      deadlineMs = 1000,
      limits,
      snapshotFolder = noSnapshots,
    } = options
    this.#context = context
    this.#snapshotFolder = snapshotFolder
    this.spool = new Spool(context)
    this.log = new PredictionLog(this.spool, context.ids, roll)
    this.#feedback = new FeedbackLog(this.spool, context.ids, roll)
    const batchLog = new BatchLog(this.log, this.stats)
    this.#loader = new Loader(context, {
      maxQueue,
      stats: this.stats,
      snapshotFolder,
      done: (result) => batchLog.finish(result),
      ...(limits && { limits }),
    })
    this.#predictor = new Predictor({
      clock: context.clock,
      ids: context.ids,
      batchLog,
      stats: this.stats,
      deadlineMs,
      leaseHolds: (rolloutId) => (this.#leases.get(rolloutId) ?? -Infinity) > monotonicMs(),
    })
  }

  get generation(): number {
    return this.#desired.generation
  }

  /** API tokens that hold at this generation. */
  get tokens(): NonNullable<DesiredState['tokens']> {
    return this.#desired.tokens ?? []
  }

  get replay(): boolean {
    return this.#context.config.replay
  }

  /** What could not be loaded, by `project/deployment` or `project/deployment/version`. */
  get problems(): Readonly<Record<string, string>> {
    return this.#problems
  }

  get deployments(): readonly LiveDeployment[] {
    return [...this.#deployments.values()]
  }

  /** Loads a generation beside the one that serves, swaps them in one step, then unloads what is not named any more. */
  async apply(desired: DesiredState): Promise<void> {
    const turn = this.#applying.then(() => this.#apply(desired))
    this.#applying = turn.catch(() => {})
    await turn
  }

  async #apply(desired: DesiredState): Promise<void> {
    if (desired.generation <= this.#desired.generation) return
    const { deployments, problems } = await this.#loader.build(desired, this.#deployments)
    const features = await loadFeatures(this.#context, desired, this.#snapshotFolder)
    this.#deployments = deployments
    this.#features = features
    this.#desired = desired
    this.#problems = { ...problems, ...featureProblems(features) }
    // Requests under way hold leases: unloading waits for them, and nobody waits for it.
    void this.#loader.unload(deployments.values()).catch((error: unknown) => {
      this.#context.log.error({ err: error }, 'A model could not be unloaded')
    })
  }

  /** Confirms a candidate's traffic for so long from now. */
  confirmLease(rolloutId: string, forMs: number): void {
    this.#leases.set(rolloutId, monotonicMs() + forMs)
  }

  /** Throws `not_found` with the names there are, or `unavailable` for one that could not be loaded. */
  deployment(project: string, name: string): LiveDeployment {
    const key = deploymentKey(project, name)
    const found = this.#deployments.get(key)
    if (found !== undefined) return found
    if (this.#problems[key] !== undefined)
      throw new AppError(
        'unavailable',
        `The deployment "${name}" could not be loaded; \`tidemill status\` and this gateway's log say why`,
      )
    const known = this.deploymentsOf(project).map(({ desired }) => desired.name)
    throw new AppError(
      'not_found',
      `There is no deployment "${name}"; there ${known.length === 0 ? 'are none' : `is ${known.join(', ')}`}`,
    )
  }

  deploymentsOf(project: string): LiveDeployment[] {
    return this.deployments.filter(({ desired }) => desired.project === project)
  }

  /** The features that a project declares. Throws `not_found` for a project without. */
  features(project: string): FeatureCatalogue {
    const found = this.#features.get(project)
    if (found !== undefined) return found
    throw new AppError('not_found', `The project ${project} declares no features`, { details: { project } })
  }

  /** The id of a project of which something is served; undefined for any other. */
  projectId(project: string): string | undefined {
    const deployment = this.deployments.find(({ desired }) => desired.project === project)
    return deployment?.desired.projectId ?? this.#features.get(project)?.served.projectId
  }

  /** Throws or rejects as `Predictor.predict` does. */
  predict(deployment: LiveDeployment, request: PredictRequest): Promise<Prediction> {
    return this.#predictor.predict(deployment, request)
  }

  /** Stores labels and rewards; resolves when they would survive power loss. */
  async feedback(projectId: string, items: readonly Feedback[]): Promise<string[]> {
    const stored = items.map((item) => toStoredFeedback(this.#context, item))
    await this.#feedback.append(projectId, stored)
    this.stats.feedbackItems += stored.length
    return stored.map((item) => item.feedback_id)
  }

  /** Logs predictions of a model that is served elsewhere. Throws `unavailable` when the disk refuses. */
  external(projectId: string, rows: readonly ExternalPrediction[]): void {
    const treated = rows.map(
      (row) => this.#served(projectId, row.deployment)?.protection?.external(row) ?? row,
    )
    recordExternal(this.log, projectId, treated)
    this.stats.externalRows += rows.length
  }

  #served(projectId: string, name: string): LiveDeployment | undefined {
    return this.deployments.find(({ desired }) => desired.projectId === projectId && desired.name === name)
  }

  /** Waits for shadows under way, closes the open segments and waits until everything is registered. */
  async flush(): Promise<void> {
    await this.#predictor.shadowed()
    this.log.closeAll()
    await this.#feedback.closeAll()
    await this.spool.drained()
  }

  /** Models whose requests are under way finish first. What the database does not take now waits on disk. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#applying
    this.#deployments = new Map()
    await this.#loader.unload([])
    this.log.closeAll()
    await this.#feedback[Symbol.asyncDispose]()
    await this.spool[Symbol.asyncDispose]()
  }
}

async function loadFeatures(
  { online }: EngineContext,
  { features = [] }: DesiredState,
  snapshotFolder: SnapshotFolder,
): Promise<Map<string, FeatureCatalogue>> {
  const loaded = new Map<string, FeatureCatalogue>()
  for (const { project, ...served } of features)
    loaded.set(project, await FeatureCatalogue.load(online, served, snapshotFolder))
  return loaded
}

function featureProblems(features: ReadonlyMap<string, FeatureCatalogue>): Record<string, string> {
  const problems = [...features].flatMap(([project, catalogue]) =>
    Object.entries(catalogue.problems).map(([name, reason]) => [`${project}/features/${name}`, reason]),
  )
  return Object.fromEntries(problems) as Record<string, string>
}

function noSnapshots(codeSnapshot: string): Promise<string> {
  throw new AppError('unavailable', `The code snapshot ${codeSnapshot} can't be unpacked here`)
}
