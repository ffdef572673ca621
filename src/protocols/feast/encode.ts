import type { VectorColumn, VectorPlan } from '../../vectors/vectors.ts'
import type { ServedFeature } from '../../features/schema.ts'
import { AppError } from '../../kernel/errors.ts'
import type { GatewayReply } from '../../serving/serving.ts'

const NO_TIME = '1970-01-01T00:00:00Z'

/** What the answers of one plan have in common. */
interface Shape {
  /** Feast answers view by view in the order of their first mention, then what is computed on demand. */
  order: readonly { place: number; isTime: boolean }[]
  /** JSON of the names in that order, without brackets. */
  names: string
  views: readonly string[]
}

export interface Answer {
  entities: readonly (readonly [name: string, values: readonly unknown[]])[]
  columns: readonly VectorColumn[]
  rows: number
  /** With the metadata of the views. */
  withViews: boolean
}

/** Writes answers to `/get-online-features`. Keeps what those of one plan have in common, since requests come again and again. */
export class VectorEncoder {
  readonly #short = new WeakMap<VectorPlan, Shape>()
  readonly #full = new WeakMap<VectorPlan, Shape>()

  /** Throws `invalid` for features whose names repeat. */
  shapeOf(plan: VectorPlan, full: boolean): Shape {
    const shapes = full ? this.#full : this.#short
    const shape = shapes.get(plan) ?? makeShape(plan.features, full)
    shapes.set(plan, shape)
    return shape
  }

  /**
   * One entry of `results` for each of `feature_names`, with one value for each row. Columns of a view share statuses and times, so
   * their text is made once.
   */
  encode({ order, names, views }: Shape, { entities, columns, rows, withViews }: Answer): GatewayReply {
    const present = `[${'"PRESENT",'.repeat(rows).slice(0, -1)}]`
    const noTimes = `[${`"${NO_TIME}",`.repeat(rows).slice(0, -1)}]`
    const texts = new Map<readonly unknown[], string>()
    const results = entities.map(([, values]) => result(keysText(values), present, noTimes))
    for (const { place, isTime } of order) {
      const { values, statuses, eventMs } = columns[place]!
      let status = texts.get(statuses)
      if (status === undefined) texts.set(statuses, (status = JSON.stringify(statuses)))
      let time = eventMs === null ? noTimes : texts.get(eventMs)
      if (time === undefined) texts.set(eventMs!, (time = times(eventMs!)))
      results.push(result(valuesText(isTime ? values.map(toSeconds) : values), status, time))
    }
    const keys = entities.map(([name]) => JSON.stringify(name))
    const viewNames = withViews ? `,"feature_view_metadata":${JSON.stringify(views.map(toMetadata))}` : ''
    const body = `{"results":[${results.join(',')}],"metadata":{"feature_names":[${[...keys, names].join(',')}]${viewNames}}}`
    return { status: 200, contentType: 'application/json', body }
  }
}

/** A key is answered as it was sent. */
function keysText(keys: readonly unknown[]): string {
  if (!keys.some((key) => typeof key === 'bigint')) return JSON.stringify(keys)
  return `[${keys.map((key) => (typeof key === 'bigint' ? String(key) : JSON.stringify(key))).join(',')}]`
}

function makeShape(features: readonly ServedFeature[], full: boolean): Shape {
  const names = features.map((feature) => nameOf(feature, full))
  requireDistinct(names)
  const places = [...features.keys()]
  const views = [...new Set(features.filter(({ from }) => from === 'view').map(({ source }) => source))]
  const order = [
    ...views.flatMap((view) =>
      places.filter((place) => features[place]!.from === 'view' && features[place]!.source === view),
    ),
    ...places.filter((place) => features[place]!.from !== 'view'),
  ]
  return {
    order: order.map((place) => ({ place, isTime: isTime(features[place]!) })),
    names: order.map((place) => JSON.stringify(names[place])).join(','),
    views,
  }
}

/** What came with the request is answered as it came. */
function isTime({ kind, from }: ServedFeature): boolean {
  return kind === 'timestamp' && from !== 'request'
}

function nameOf({ name, from, source }: ServedFeature, full: boolean): string {
  return full && from !== 'request' ? `${source}__${name}` : name
}

function requireDistinct(names: readonly string[]): void {
  const once = new Set(names)
  if (once.size === names.length) return
  const repeated = [...once].filter((name) => names.indexOf(name) !== names.lastIndexOf(name))
  throw new AppError(
    'invalid',
    `Several features are named ${repeated.join(', ')}: ask for each once, and with full_feature_names where views share a name`,
    { details: { repeated } },
  )
}

/** Most requests are of one entity: then fifty calls for one number each would cost more than all else. */
function valuesText(values: VectorColumn['values']): string {
  const [only] = values
  return values.length === 1 && typeof only === 'number' ? `[${only}]` : JSON.stringify(values)
}

function result(values: string, statuses: string, eventTimes: string): string {
  return `{"values":${values},"statuses":${statuses},"event_timestamps":${eventTimes}}`
}

/** Many rows have one time. */
function times(eventMs: readonly (number | null)[]): string {
  let last: number | null = null
  let text = NO_TIME
  const texts = eventMs.map((ms) => {
    if (ms !== last) text = ms === null ? NO_TIME : toIso(ms)
    last = ms
    return text
  })
  return `["${texts.join('","')}"]`
}

/** Without a fraction where there is none, as protobuf writes times. */
function toIso(ms: number): string {
  const text = new Date(ms).toISOString()
  return ms % 1000 === 0 ? `${text.slice(0, -5)}Z` : text
}

/** Times that are values are whole seconds since the epoch. */
function toSeconds(value: VectorColumn['values'][number]): VectorColumn['values'][number] {
  return typeof value === 'number' ? Math.floor(value / 1000) : value
}

function toMetadata(name: string): { name: string } {
  return { name }
}
