import type { Context } from '../http/context.ts'
import { AppError, messageOf } from '../kernel/errors.ts'
import { hashJson } from '../kernel/json.ts'
import { prepareLayout, type LayoutDefinition, type ProfileLayout } from '../statistics/profile.ts'
import type { BatchResult } from './batcher.ts'
import { Breaker } from './breaker.ts'
import { DEFAULT_LIMITS, type ExecutorLimits } from './executor.ts'
import { directPlan, type FeaturePlan } from './feature-plan.ts'
import { LiveDeployment, type LiveVariant, type Route, type WorkItem } from './live-deployment.ts'
import { hostModel, type HostedModel } from './model-host.ts'
import type { LoggedFeature, RouteHeader } from '../prediction-log/prediction-log.ts'
import { ProfileCounter } from './profile-counter.ts'
import { requireSameShapes } from './request-inputs.ts'
import { requestProtection } from './request-privacy.ts'
import { fallbackSchema, type DesiredDeployment, type DesiredState, type Variant } from './schema.ts'
import { variantNames, type VariantName } from '../prediction-log/schema.ts'
import { planScoring } from './scoring.ts'
import { servicePlan, type SnapshotFolder } from './service-plan.ts'
import type { ServingStats } from './stats.ts'

type LoaderContext = Pick<Context, 'artifacts' | 'online' | 'log' | 'config' | 'ids'>

/** A version's parts that do not depend on a generation; loaded once, shared by the generations that name it. */
interface LoadedVersion {
  host: HostedModel<WorkItem>
  plan: FeaturePlan
  layout: ProfileLayout | null
}

export interface LoaderOptions {
  maxQueue: number
  limits?: ExecutorLimits
  stats: ServingStats
  snapshotFolder: SnapshotFolder
  done: (result: BatchResult<WorkItem>) => void
}

/** Loads what a desired state names, keeps what it goes on naming, and unloads the rest when nobody uses it any more. */
export class Loader {
  readonly #context: LoaderContext
  readonly #options: LoaderOptions
  readonly #loaded = new Map<string, LoadedVersion>()
  readonly #breakers = new Map<string, Breaker>()

  constructor(context: LoaderContext, options: LoaderOptions) {
    this.#context = context
    this.#options = options
  }

  get versions(): ReadonlyMap<string, LoadedVersion> {
    return this.#loaded
  }

  /**
   * Builds the deployments of one generation. A deployment whose stable version can't be loaded stays as `before` has it;
   * any other version that can't be loaded is left out. Both are told in `problems`.
   */
  async build(
    desired: DesiredState,
    before: ReadonlyMap<string, LiveDeployment>,
  ): Promise<{ deployments: Map<string, LiveDeployment>; problems: Record<string, string> }> {
    const deployments = new Map<string, LiveDeployment>()
    const problems: Record<string, string> = {}
    for (const deployment of desired.deployments) {
      const key = deploymentKey(deployment.project, deployment.name)
      try {
        deployments.set(key, await this.#buildOne(desired, deployment, problems))
      } catch (error) {
        problems[key] = messageOf(error)
        this.#context.log.error({ ...why(error), deployment: key }, 'A deployment could not be loaded')
        const last = before.get(key)
        if (last !== undefined) deployments.set(key, last)
      }
    }
    return { deployments, problems }
  }

  async #buildOne(
    { generation }: DesiredState,
    desired: DesiredDeployment,
    problems: Record<string, string>,
  ): Promise<LiveDeployment> {
    const live = async (variant: Variant): Promise<LiveVariant> => this.#live(generation, desired, variant)
    const stable = await live(desired.stable)
    const optional = async (variant: Variant | undefined): Promise<LiveVariant | undefined> => {
      if (variant === undefined) return undefined
      try {
        const loaded = await live(variant)
        requireSameShapes(stable.plan.inputs, loaded.plan.inputs)
        return loaded
      } catch (error) {
        problems[`${deploymentKey(desired.project, desired.name)}/${variant.version}`] = messageOf(error)
        this.#context.log.error({ ...why(error), version: variant.version }, 'A version could not be loaded')
        return undefined
      }
    }
    const candidate = await optional(desired.candidate)
    const others = [...desired.pinned, ...(desired.previous ? [desired.previous] : [])]
    const loaded = await Promise.all(others.map(optional))
    return new LiveDeployment({
      desired,
      stable,
      candidate:
        candidate && desired.candidate
          ? {
              live: candidate,
              desired: desired.candidate,
              breaker: this.#breaker(desired.candidate.rolloutId),
            }
          : undefined,
      others: loaded.filter((other) => other !== undefined),
      fallback:
        desired.policy.fallback === undefined ? undefined : fallbackSchema.parse(desired.policy.fallback),
      protect: (inputs) => requestProtection(this.#context, desired, inputs),
    })
  }

  #breaker(rolloutId: string): Breaker {
    const breaker = this.#breakers.get(rolloutId) ?? new Breaker()
    this.#breakers.set(rolloutId, breaker)
    return breaker
  }

  async #live(generation: number, desired: DesiredDeployment, variant: Variant): Promise<LiveVariant> {
    const { host, plan, layout } = await this.#load(desired, variant)
    const outputs = host.opened.plan.outputs
    const routes: Partial<Record<VariantName, Route>> = {}
    for (const name of variantNames) {
      routes[name] = this.#route(generation, desired, variant, name, { host, plan, layout })
    }
    return {
      variant,
      host,
      plan,
      outputs,
      scoring: planScoring(desired.task, outputs, variant.signature),
      places: null,
      routes,
    }
  }

  #route(
    generation: number,
    desired: DesiredDeployment,
    variant: Variant,
    name: VariantName,
    { host, plan, layout }: LoadedVersion,
  ): Route {
    const { stats } = this.#options
    const header: RouteHeader = {
      projectId: desired.projectId,
      deployment: desired.name,
      model: variant.model,
      version: variant.version,
      modelVersionId: variant.modelVersionId,
      variant: name,
      rolloutId: desired.candidate?.rolloutId ?? null,
      generation,
      stage: desired.candidate?.stage ?? null,
      policyVersion: desired.policy.version,
      schemaHash: hashJson(plan.features).slice(0, 16),
      codeHash: variant.codeSnapshot ?? null,
      layoutSha256: variant.layoutSha256 ?? null,
      features: plan.features,
      outputs: host.opened.plan.outputs,
    }
    return {
      header,
      fallback: { ...header, variant: 'fallback' },
      stats: stats.route(desired.project, desired.name, name, variant.version),
      fallbackStats: stats.route(desired.project, desired.name, 'fallback', variant.version),
      profile: layout === null ? null : new ProfileCounter(layout, plan.features),
      fallbackProfile: layout === null ? null : new ProfileCounter(layout, plan.features),
    }
  }

  async #load(desired: DesiredDeployment, variant: Variant): Promise<LoadedVersion> {
    const key = versionKey(desired.projectId, variant)
    const known = this.#loaded.get(key)
    if (known !== undefined) return known
    const { maxQueue, limits = DEFAULT_LIMITS, done, snapshotFolder } = this.#options
    const { projectId } = desired
    const service = variant.featureService
    const planned =
      service && (await servicePlan(this.#context, snapshotFolder, { projectId, variant, service }))
    const features = planned?.features ?? namedColumns(variant)
    const host = await hostModel(this.#context, { variant, features, maxQueue, limits }, done)
    try {
      const plan = planned ?? directPlan(variant, host.opened)
      const layout = await this.#layout(variant, plan.features)
      const loaded = { host, plan, layout }
      this.#loaded.set(key, loaded)
      return loaded
    } catch (error) {
      await host.retire()
      throw error
    }
  }

  /** A layout that does not fit the model costs its counts, not its answers. */
  async #layout(
    { layoutSha256, model, version }: Variant,
    features: readonly LoggedFeature[],
  ): Promise<ProfileLayout | null> {
    if (layoutSha256 === undefined) return null
    try {
      const bytes = await this.#context.artifacts.bytes(layoutSha256)
      const { layout } = JSON.parse(Buffer.from(bytes).toString('utf8')) as { layout: LayoutDefinition }
      const prepared = prepareLayout({ features: layout.features, score: layout.score, label: layout.label })
      const missing = prepared.features.find(({ name }) => !features.some((feature) => feature.name === name))
      if (missing === undefined) return prepared
      throw new AppError('invalid', `The layout has a feature "${missing.name}" that the model does not have`)
    } catch (error) {
      this.#context.log.error(
        { err: error, model, version },
        'No profile is counted: the layout does not fit',
      )
      return null
    }
  }

  /** Unloads the versions that no deployment names any more. */
  async unload(deployments: Iterable<LiveDeployment>): Promise<void> {
    const used = new Set(
      [...deployments].flatMap((deployment) => deployment.variants.map(({ host }) => host)),
    )
    const gone = [...this.#loaded].filter(([, { host }]) => !used.has(host))
    for (const [key] of gone) this.#loaded.delete(key)
    await Promise.all(gone.map(([, { host }]) => host.retire()))
  }
}

export function deploymentKey(project: string, name: string): string {
  return `${project}/${name}`
}

/** The columns of a matrix input that have names are features of their own. */
function namedColumns({ signature }: Variant): { name: string; width: number }[] | undefined {
  return signature.features?.map((name) => ({ name, width: 1 }))
}

/** What the loaded parts depend on: the same model under another feature service is another one. */
function versionKey(projectId: string, variant: Variant): string {
  const { modelVersionId, onnxSha256, python, featureService, codeSnapshot, layoutSha256 } = variant
  return hashJson({
    projectId,
    modelVersionId,
    onnxSha256,
    python,
    featureService,
    codeSnapshot,
    layoutSha256,
  })
}

/** A model that is refused is told in a sentence; where the program failed, its stack is told too. */
function why(error: unknown): { reason: string } | { err: unknown } {
  return error instanceof AppError ? { reason: error.message } : { err: error }
}
