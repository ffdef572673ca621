import { AppError, messageOf } from '../kernel/errors.ts'
import type { MaybePromise, OnlineStore } from '../ports/online/online.ts'
import type {
  Feature,
  FeatureKind,
  FeatureStatus,
  FeatureValue,
  OnDemandSpec,
  ServedFeature,
  ServedFeatures,
  ServedView,
} from '../features/schema.ts'
import { type LoadedOnDemand, loadOnDemand } from './on-demand.ts'
import { keyText, onlineReader, type OnlineColumn, type ViewFeature } from './read.ts'

/** Features by the name of a service, or one by one as `view:feature` or `on_demand:output`. */
export type FeatureSelection = { service: string } | { features: readonly string[] }

/** One feature for all rows of a request. */
export interface VectorColumn {
  values: readonly FeatureValue[]
  /** `INVALID`: what an on-demand feature or the request itself gave is not of the declared kind. */
  statuses: readonly (FeatureStatus | 'INVALID')[]
  /** Event time of each value, ms; null for what comes from no row of a view. */
  eventMs: readonly (number | null)[] | null
}

/** Columns of a request by name: keys of entities, inputs of on-demand features, request features. */
type RequestColumns = Readonly<Record<string, readonly unknown[]>>

/** How the features of one selection are had. */
export interface VectorPlan {
  /** In the order of the selection. */
  features: readonly ServedFeature[]
  /** Columns beside `features`. Throws `invalid` for a missing column or a key that is none; rejects with `unavailable` when the store does not answer. */
  read(columns: RequestColumns, rows: number, atMs: number): MaybePromise<VectorColumn[]>
}

interface Code {
  spec: OnDemandSpec
  codeSnapshot: string | null
}

const KNOWN_PLANS = 200

/** The features that one project declares, ready to be read online; their code is loaded. */
export class FeatureCatalogue {
  readonly served: ServedFeatures
  /** On-demand features and row functions that could not be loaded, with the reason. */
  readonly problems: Readonly<Record<string, string>>
  /** Keys of the project's entities by the entity's name. */
  readonly entityKeys: ReadonlyMap<string, string>
  readonly #online: Pick<OnlineStore, 'read'>
  readonly #functions: ReadonlyMap<string, LoadedOnDemand>
  readonly #rowFunctions: ReadonlyMap<string, LoadedOnDemand>
  readonly #plans = new Map<string, VectorPlan>()

  private constructor(parts: {
    served: ServedFeatures
    online: Pick<OnlineStore, 'read'>
    functions: ReadonlyMap<string, LoadedOnDemand>
    rowFunctions: ReadonlyMap<string, LoadedOnDemand>
    problems: Record<string, string>
  }) {
    this.served = parts.served
    this.problems = parts.problems
    this.entityKeys = new Map(this.served.views.map(({ entity, entityKey }) => [entity, entityKey]))
    this.#online = parts.online
    this.#functions = parts.functions
    this.#rowFunctions = parts.rowFunctions
  }

  static async load(
    online: Pick<OnlineStore, 'read'>,
    served: ServedFeatures,
    snapshotFolder: (codeSnapshot: string) => Promise<string>,
  ): Promise<FeatureCatalogue> {
    const problems: Record<string, string> = {}
    const load = async (specs: readonly Code[]): Promise<Map<string, LoadedOnDemand>> => {
      const loaded = new Map<string, LoadedOnDemand>()
      for (const { spec, codeSnapshot } of specs) {
        try {
          if (codeSnapshot === null)
            throw new AppError('unavailable', 'The project names no code snapshot: apply it again')
          loaded.set(spec.name, await loadOnDemand(spec, await snapshotFolder(codeSnapshot)))
        } catch (error) {
          problems[spec.name] = messageOf(error)
        }
      }
      return loaded
    }
    const { onDemand, views, codeSnapshot } = served
    const functions = await load(onDemand.map((spec) => ({ spec, codeSnapshot })))
    const rowFunctions = await load(
      views.flatMap(({ rowFunction }) =>
        rowFunction ? [{ ...rowFunction, spec: rowFunction.function }] : [],
      ),
    )
    return new FeatureCatalogue({ served, online, functions, rowFunctions, problems })
  }

  /** Throws `not_found`. */
  view(name: string): ServedView {
    const found = this.served.views.find(({ view }) => view === name)
    if (found) return found
    throw new AppError('not_found', `There is no feature view ${name}`, { details: { featureView: name } })
  }

  /** What computes the features of a view from rows of its dataset; undefined where nothing here can. */
  rowFunction({ view }: ServedView): LoadedOnDemand | undefined {
    return this.#rowFunctions.get(view)
  }

  /** The plan of a selection. Throws `not_found` for what is not declared, `unavailable` for code that could not be loaded. */
  plan(selection: FeatureSelection): VectorPlan {
    const key = 'service' in selection ? `=${selection.service}` : selection.features.join('\n')
    const known = this.#plans.get(key)
    if (known) return known
    const plan = this.#makePlan(this.#select(selection))
    if (this.#plans.size >= KNOWN_PLANS) this.#plans.clear()
    this.#plans.set(key, plan)
    return plan
  }

  #select(selection: FeatureSelection): ServedFeature[] {
    if (!('service' in selection)) return selection.features.map((reference) => this.#find(reference))
    const service = this.served.services.find(({ name }) => name === selection.service)
    if (service) return [...service.features]
    const details = { featureService: selection.service }
    throw new AppError('not_found', `There is no feature service ${selection.service}`, { details })
  }

  #find(reference: string): ServedFeature {
    const colon = reference.indexOf(':')
    const source = reference.slice(0, colon)
    const name = reference.slice(colon + 1)
    if (colon < 0)
      throw new AppError('invalid', `"${reference}" names no feature: write <feature view>:<feature>`)
    const onDemand = this.served.onDemand.find((each) => each.name === source)
    const found = onDemand ? onDemand.outputs : this.view(source).features
    const feature = found.find((each) => each.name === name)
    if (feature) return { ...feature, from: onDemand ? 'on_demand' : 'view', source }
    const names = found.map((each) => each.name).join(', ')
    throw new AppError('not_found', `${source} has no feature ${name}; it has ${names}`, {
      details: { feature: reference },
    })
  }

  #makePlan(selected: readonly ServedFeature[]): VectorPlan {
    const fromViews = selected.filter(({ from }) => from === 'view')
    const viewFeatures = fromViews.map(({ name, source }): ViewFeature => ({
      view: this.view(source),
      feature: name,
    }))
    const names = new Set(selected.filter(({ from }) => from === 'on_demand').map(({ source }) => source))
    const functions = [...names].map((name) => this.#function(name))
    const requested = selected.filter(({ from }) => from === 'request')
    const keys = [...new Set(viewFeatures.map(({ view }) => view.entityKey))]
    const inputs = functions.flatMap(({ spec }) => spec.inputs.map(({ name }) => name))
    const needed = { keys, inputs: [...new Set([...inputs, ...requested.map(({ name }) => name)])] }
    const read =
      viewFeatures.length === 0 ? () => [] : onlineReader(this.#online, this.served.projectId, viewFeatures)
    return {
      features: selected,
      read(columns, rows, atMs) {
        requireColumns(needed, columns)
        const computed = new Map(functions.map((each) => [each.spec.name, compute(each, columns, rows)]))
        const answer = (online: readonly OnlineColumn[]): VectorColumn[] => {
          let place = 0
          return selected.map(({ name, kind, from, source }): VectorColumn => {
            if (from === 'view') return online[place++]!
            return from === 'request' ? toFeature(columns[name]!, kind) : computed.get(source)!.get(name)!
          })
        }
        const found = read(columns, rows, atMs)
        return found instanceof Promise ? found.then(answer) : answer(found)
      },
    }
  }

  #function(name: string): LoadedOnDemand {
    const loaded = this.#functions.get(name)
    if (loaded) return loaded
    throw new AppError(
      'unavailable',
      `The on-demand feature ${name} can't be computed here: ${this.problems[name]}`,
    )
  }
}

function requireColumns(
  { keys, inputs }: { keys: readonly string[]; inputs: readonly string[] },
  columns: RequestColumns,
): void {
  const missing = inputs.filter((name) => !Object.hasOwn(columns, name))
  if (missing.length > 0)
    throw new AppError(
      'invalid',
      `The request lacks ${missing.join(', ')}, which its features are computed from`,
      {
        details: { missingInputs: missing },
      },
    )
  for (const key of keys) {
    if (!Object.hasOwn(columns, key))
      throw new AppError('invalid', `The request lacks the key ${key}`, { details: { missingKeys: [key] } })
    const row = columns[key]!.findIndex((value) => keyText(value) === undefined)
    if (row >= 0) throw new AppError('invalid', `Row ${row} has no ${key}: a key is a text or a number`)
  }
}

/** The outputs of an on-demand feature, by name. */
function compute(
  { spec, compute }: LoadedOnDemand,
  columns: RequestColumns,
  rows: number,
): Map<string, VectorColumn> {
  const values = spec.outputs.map((): FeatureValue[] => [])
  const statuses = spec.outputs.map((): (FeatureStatus | 'INVALID')[] => [])
  for (let row = 0; row < rows; row++) {
    const request = Object.fromEntries(spec.inputs.map(({ name }) => [name, columns[name]![row] ?? null]))
    const result = compute(request)
    const wrong = result.violations.some((each) => each === 'error' || each.startsWith('input:'))
    spec.outputs.forEach(({ name }, i) => {
      const value = result.values[i]!
      values[i]!.push(value)
      if (wrong || result.violations.includes(`output:${name}`)) statuses[i]!.push('INVALID')
      else statuses[i]!.push(value === null ? 'NULL_VALUE' : 'PRESENT')
    })
  }
  return new Map(
    spec.outputs.map(({ name }, i) => [name, { values: values[i]!, statuses: statuses[i]!, eventMs: null }]),
  )
}

/** A field of the request that is a feature as it is. */
function toFeature(column: readonly unknown[], kind: FeatureKind): VectorColumn {
  const values = column.map((value): FeatureValue =>
    isOfKind(value, kind) ? (typeof value === 'bigint' ? Number(value) : value) : null,
  )
  const statuses = column.map((value, row) => {
    if (values[row] !== null) return 'PRESENT'
    return value === null ? 'NULL_VALUE' : 'INVALID'
  })
  return { values, statuses, eventMs: null }
}

function isOfKind(value: unknown, kind: Feature['kind']): value is number | bigint | string {
  if (kind === 'category') return typeof value === 'string'
  return typeof value === 'bigint' || Number.isFinite(value)
}
