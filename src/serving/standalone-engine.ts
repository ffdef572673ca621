import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import { BatchLog } from './batch-log.ts'
import type { LiveDeployment, Prediction } from './live-deployment.ts'
import { deploymentKey, Loader } from './loader.ts'
import { Predictor } from './predict.ts'
import { DEFAULT_ROLL, PredictionLog } from '../prediction-log/prediction-log.ts'
import type { PredictRequest } from './request-inputs.ts'
import type { DesiredDeployment } from './schema.ts'
import type { PredictionEngine } from './serving-engine.ts'
import { ServingStats } from './stats.ts'

type StandaloneContext = Pick<Context, 'config' | 'artifacts' | 'online' | 'clock' | 'ids' | 'log'>

export interface StandaloneOptions {
  deployment: DesiredDeployment
  /** The folder with the code of on-demand features. */
  features: string
  /** Where segments of the prediction log are left; without it nothing is logged. */
  logFolder?: string | undefined
}

const MAX_QUEUE = 2000
const DEADLINE_MS = 1000

/** Serves one deployment that never changes, with what the gateway serves it with, and with no server around. */
export class StandaloneEngine implements PredictionEngine, AsyncDisposable {
  readonly replay = false
  readonly generation = 1
  readonly #live: LiveDeployment
  readonly #predictor: Predictor
  readonly #loader: Loader
  readonly #log: PredictionLog | undefined

  private constructor(parts: {
    live: LiveDeployment
    predictor: Predictor
    loader: Loader
    log: PredictionLog | undefined
  }) {
    this.#live = parts.live
    this.#predictor = parts.predictor
    this.#loader = parts.loader
    this.#log = parts.log
  }

  /** Throws `invalid` when the model can't be loaded. */
  static async open(context: StandaloneContext, options: StandaloneOptions): Promise<StandaloneEngine> {
    const { deployment, features, logFolder } = options
    const stats = new ServingStats()
    const log =
      logFolder === undefined
        ? undefined
        : new PredictionLog(localSpool(logFolder), context.ids, DEFAULT_ROLL)
    // Rows that are kept nowhere are told as such: `logged: false`.
    const batchLog = new BatchLog(log ?? { append: () => false }, stats)
    const loader = new Loader(context, {
      maxQueue: MAX_QUEUE,
      stats,
      snapshotFolder: () => Promise.resolve(features),
      done: (result) => batchLog.finish(result),
    })
    const predictor = new Predictor({
      clock: context.clock,
      ids: context.ids,
      batchLog,
      stats,
      deadlineMs: DEADLINE_MS,
      leaseHolds: () => false,
    })
    const desired = { generation: 1, replay: false, deployments: [deployment] }
    const { deployments, problems } = await loader.build(desired, new Map())
    const live = deployments.get(deploymentKey(deployment.project, deployment.name))
    if (live === undefined) throw new AppError('invalid', Object.values(problems).join('. '))
    return new StandaloneEngine({ live, predictor, loader, log })
  }

  deployment(project: string, name: string): LiveDeployment {
    const { desired } = this.#live
    if (desired.project === project && desired.name === name) return this.#live
    throw new AppError('not_found', `There is no deployment "${name}"; there is ${desired.name}`)
  }

  deploymentsOf(project: string): LiveDeployment[] {
    return this.#live.desired.project === project ? [this.#live] : []
  }

  predict(deployment: LiveDeployment, request: PredictRequest): Promise<Prediction> {
    return this.#predictor.predict(deployment, request)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#loader.unload([])
    this.#log?.[Symbol.dispose]()
  }
}

/** Segments stay where they were written; a gateway that finds them in its spool takes them over. */
function localSpool(folder: string) {
  mkdirSync(folder, { recursive: true })
  return {
    gatewayId: 'bundle',
    pathOf: (segmentId: string): string => join(folder, `${segmentId}.seg`),
    add: (): void => undefined,
  }
}
