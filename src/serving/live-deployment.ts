import type { BatchItem } from './batcher.ts'
import type { Breaker } from './breaker.ts'
import type { Tensors } from './executor.ts'
import type { FeaturePlan, ResolvedFeatures } from './feature-plan.ts'
import type { HostedModel } from './model-host.ts'
import type { Column, LoggedOutput, RouteHeader } from '../prediction-log/prediction-log.ts'
import type { ProfileCounter } from './profile-counter.ts'
import { unionInputs, type InputSpec, type PredictRequest } from './request-inputs.ts'
import type { RequestProtection } from './request-privacy.ts'
import type { Candidate, DesiredDeployment, Fallback, Variant } from './schema.ts'
import type { VariantName } from '../prediction-log/schema.ts'
import type { Scoring } from './scoring.ts'
import type { RouteStats } from './stats.ts'

/** The rows of one request on their way through one variant. */
export interface WorkItem extends BatchItem {
  deployment: LiveDeployment
  live: LiveVariant
  route: Route
  request: PredictRequest
  requestId: string
  predictionIds: readonly string[]
  timeMs: number
  unit: string | null
  bucket: number
  resolved: ResolvedFeatures
  /** Rows that the policy answers instead of the model. */
  fallbackRows: readonly boolean[] | null
  /** Counted for the rollout. */
  counted: boolean
  /** The answer that a shadow item is compared with. */
  pair: Prediction | null
  answered(prediction: Prediction): void
}

/** What a variant answered. Rows lie in `outputs` from `start` on. */
export interface Prediction {
  live: LiveVariant
  variant: VariantName
  requestId: string
  rows: number
  start: number
  outputs: Tensors
  predictionIds: readonly string[]
  scores: readonly number[]
  decisions: readonly (string | null)[]
  /** Rows that the policy answered. */
  fallbackRows: readonly boolean[] | null
  violations: readonly (string | null)[] | null
  /** False when the disk refused the row: the prediction is not acknowledged. */
  logged: boolean
}

/** One variant name of one version in one generation: what its rows have in common, and where they are counted. */
export interface Route {
  header: RouteHeader
  fallback: RouteHeader
  stats: RouteStats
  fallbackStats: RouteStats
  profile: ProfileCounter | null
  fallbackProfile: ProfileCounter | null
}

/** A version that is loaded for a deployment. */
export interface LiveVariant {
  variant: Variant
  host: HostedModel<WorkItem>
  plan: FeaturePlan
  outputs: readonly LoggedOutput[]
  scoring: Scoring
  /** For each input of the plan its place among the deployment's inputs; null when they are the same. */
  places: readonly number[] | null
  routes: Partial<Record<VariantName, Route>>
}

/** A deployment as one generation describes it, with its models loaded. Never changed: a new generation makes a new one. */
export class LiveDeployment {
  readonly desired: DesiredDeployment
  readonly inputs: readonly InputSpec[]
  readonly inputPlaces: ReadonlyMap<string, number>
  /** Matrix inputs that may be sent whole, with the places of their columns among the inputs. */
  readonly matrices: ReadonlyMap<string, { input: InputSpec; places: readonly number[] }>
  readonly stable: LiveVariant
  readonly candidate: { live: LiveVariant; desired: Candidate; breaker: Breaker } | undefined
  readonly byVersion: ReadonlyMap<number, LiveVariant>
  /** Inputs that the candidate alone needs: null to it where a request does not have them, since old clients do not know them. */
  readonly newInputs: ReadonlySet<string>
  readonly fallback: Fallback | undefined
  readonly sloUs: number
  /** Place of the input whose value is logged as entity key; -1 for none. */
  readonly entityPlace: number
  readonly unitPlace: number
  /** Undefined where requests carry nothing that is personal. */
  readonly protection: RequestProtection | undefined

  constructor(parts: {
    desired: DesiredDeployment
    stable: LiveVariant
    candidate: { live: LiveVariant; desired: Candidate; breaker: Breaker } | undefined
    others: readonly LiveVariant[]
    fallback: Fallback | undefined
    protect: (inputs: readonly InputSpec[]) => RequestProtection | undefined
  }) {
    const { desired, stable, candidate, others } = parts
    const variants = [stable, ...(candidate ? [candidate.live] : []), ...others]
    this.desired = desired
    this.stable = stable
    this.candidate = candidate
    this.fallback = parts.fallback
    this.byVersion = new Map(variants.toReversed().map((live) => [live.variant.version, live]))
    const unit = typeof desired.unit === 'object' && 'input' in desired.unit ? desired.unit.input : undefined
    this.inputs = unionInputs([
      ...variants.map((live) => live.plan.inputs),
      [...(desired.entity ? [textInput(desired.entity.key)] : []), ...(unit ? [textInput(unit)] : [])],
    ])
    const known = new Set(stable.plan.inputs.map(({ name }) => name))
    const added = candidate?.live.plan.inputs.filter(({ name, nullable }) => nullable && !known.has(name))
    this.protection = parts.protect(this.inputs)
    this.newInputs = new Set(added?.map(({ name }) => name))
    this.inputPlaces = new Map(this.inputs.map(({ name }, place) => [name, place]))
    for (const live of variants) live.places = this.#placesOf(live)
    this.matrices = new Map(variants.flatMap(({ plan }) => this.#matrixOf(plan)))
    const key = desired.entity?.key ?? stable.variant.featureService?.entities[0]?.key
    this.entityPlace = key === undefined ? -1 : (this.inputPlaces.get(key) ?? -1)
    this.unitPlace = unit === undefined ? -1 : (this.inputPlaces.get(unit) ?? -1)
    this.sloUs = (desired.policy.latencySloMs ?? 50) * 1000
  }

  #matrixOf({ matrix, inputs }: FeaturePlan): [string, { input: InputSpec; places: number[] }][] {
    if (matrix === undefined) return []
    return [[matrix.name, { input: matrix, places: inputs.map(({ name }) => this.inputPlaces.get(name)!) }]]
  }

  #placesOf({ plan }: LiveVariant): number[] | null {
    const places = plan.inputs.map(({ name }) => this.inputPlaces.get(name)!)
    return places.every((place, i) => place === i) ? null : places
  }

  /** Puts a column to its place, or a matrix to the places of its columns. */
  place(name: string, column: Column, rows: number, columns: (Column | undefined)[]): void {
    const own = this.inputPlaces.get(name)
    if (own !== undefined) columns[own] = column
    const matrix = this.matrices.get(name)
    if (matrix === undefined) return
    const { width } = matrix.input
    for (const [i, place] of matrix.places.entries())
      columns[place] = Array.from({ length: rows }, (_, row) => column[row * width + i]!)
  }

  /** What a request may send under a name. */
  inputOf(name: string): InputSpec | undefined {
    const place = this.inputPlaces.get(name)
    return place === undefined ? this.matrices.get(name)?.input : this.inputs[place]
  }

  /** The input of requests that send one tensor without its name. */
  get onlyInput(): InputSpec | undefined {
    const [matrix, ...others] = this.matrices.values()
    if (matrix !== undefined && others.length === 0 && matrix.places.length === this.inputs.length)
      return matrix.input
    return this.inputs.length === 1 ? this.inputs[0] : undefined
  }

  get variants(): LiveVariant[] {
    return [
      ...new Set([this.stable, ...(this.candidate ? [this.candidate.live] : []), ...this.byVersion.values()]),
    ]
  }
}

function textInput(name: string): InputSpec {
  return { name, kind: 'category', datatype: 'BYTES', rowShape: [], width: 1, nullable: true }
}
