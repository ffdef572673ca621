import type { Context } from '../../http/context.ts'
import { AppError } from '../../kernel/errors.ts'
import type { FeatureSelection, VectorColumn } from '../../vectors/vectors.ts'
import {
  eventTimeOf,
  MAX_REQUEST_ROWS,
  type FeatureEngine,
  type GatewayCall,
  type GatewayReply,
} from '../../serving/serving.ts'
import { parseBody } from './body.ts'
import type { VectorEncoder } from './encode.ts'

const MAX_FEATURES = 2000
const MAX_VALUES = 500_000

const REQUEST = {
  entities: { kind: 'columns' },
  feature_service: { kind: 'string', or: null },
  features: { kind: 'strings', or: [] },
  full_feature_names: { kind: 'boolean', or: false },
  include_feature_view_version_metadata: { kind: 'boolean', or: false },
} as const

/** `POST /get-online-features`: features of many entities, each as a column. */
export function answerOnlineFeatures(
  { clock, encoder }: Pick<Context, 'clock'> & { encoder: VectorEncoder },
  engine: FeatureEngine,
  call: GatewayCall,
): GatewayReply | Promise<GatewayReply> {
  const request = parseBody(call.body, REQUEST)
  const catalogue = engine.features(call.project)
  const plan = catalogue.plan(selectionOf(request))
  const shape = encoder.shapeOf(plan, request.full_feature_names)
  const columns = byKey(request.entities, catalogue.entityKeys)
  const rows = countRows(columns, plan.features.length)
  const keys = new Set(catalogue.entityKeys.values())
  const entities = Object.entries(columns).filter(([name]) => keys.has(name))
  const read = plan.read(columns, rows, eventTimeOf(call, engine.replay) ?? clock.now())
  const encode = (vectors: VectorColumn[]): GatewayReply => {
    engine.stats.featureRequests += 1
    engine.stats.featureValues += rows * vectors.length
    const withViews = request.include_feature_view_version_metadata
    return encoder.encode(shape, { entities, columns: vectors, rows, withViews })
  }
  return read instanceof Promise ? read.then(encode) : encode(read)
}

/** As in Feast, a service goes before a list. */
function selectionOf(request: {
  feature_service: string | null
  features: readonly string[]
}): FeatureSelection {
  const { feature_service: service, features } = request
  if (service !== null && service !== '') return { service }
  if (features.length > MAX_FEATURES)
    throw new AppError(
      'invalid',
      `${features.length} features are too many for one request: at most ${MAX_FEATURES} fit`,
    )
  if (features.length > 0) return { features: features.map(withoutVersion) }
  throw new AppError('invalid', 'Name the features that are wanted: features or feature_service')
}

/** `view@latest:feature` is `view:feature`. */
function withoutVersion(reference: string): string {
  if (!reference.includes('@')) return reference
  const [, view, version, rest] = /^([^:@]*)@([^:]*)(:.*)$/.exec(reference) ?? []
  if (version === undefined) return reference
  if (version === '' || version.toLowerCase() === 'latest') return `${view}${rest}`
  throw new AppError(
    'invalid',
    `"${reference}": feature views have no numbered versions here; leave out @${version}`,
  )
}

/** Entities may be given by the name of the entity as well as by its key. */
function byKey(
  entities: Readonly<Record<string, unknown[]>>,
  entityKeys: ReadonlyMap<string, string>,
): Record<string, unknown[]> {
  const keys = new Set(entityKeys.values())
  return Object.fromEntries(
    Object.entries(entities).map(([name, values]) => [
      keys.has(name) ? name : (entityKeys.get(name) ?? name),
      values,
    ]),
  )
}

function countRows(columns: Readonly<Record<string, unknown[]>>, features: number): number {
  const [first, ...others] = Object.values(columns)
  const rows = first?.length ?? 0
  if (others.some(({ length }) => length !== rows))
    throw new AppError('invalid', 'The columns of entities must all have the same length')
  if (rows === 0) throw new AppError('invalid', 'entities is empty: give at least one key')
  if (rows > MAX_REQUEST_ROWS || rows * features > MAX_VALUES)
    throw new AppError(
      'invalid',
      `${rows} entities with ${features} features are too many for one request: at most ${MAX_REQUEST_ROWS} entities and ${MAX_VALUES} values fit`,
    )
  return rows
}
