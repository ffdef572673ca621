import type { VectorColumn } from '../../features/features.ts'
import type { ServedFeature } from '../../features/schema.ts'
import type { GatewayReply } from '../../serving/serving.ts'

const NO_TIME = '1970-01-01T00:00:00Z'

export function nameOf({ name, from, source }: ServedFeature, full: boolean): string {
  return full && from !== 'request' ? `${source}__${name}` : name
}

/** Feast answers view by view in the order of their first mention, then what is computed on demand. */
export function inFeastOrder(columns: readonly VectorColumn[]): readonly VectorColumn[] {
  if (isInFeastOrder(columns)) return columns
  const views = columns.filter(({ from }) => from === 'view')
  const sources = new Set(views.map(({ source }) => source))
  return [
    ...[...sources].flatMap((source) => views.filter((column) => column.source === source)),
    ...columns.filter(({ from }) => from !== 'view'),
  ]
}

function isInFeastOrder(columns: readonly VectorColumn[]): boolean {
  const ended = new Set<string>()
  for (const [index, { from, source }] of columns.entries()) {
    const before = columns[index - 1]
    if (before === undefined || (before.from === from && before.source === source)) continue
    ended.add(before.from === 'view' ? before.source : '')
    if (from === 'view' && (ended.has(source) || ended.has(''))) return false
  }
  return true
}

/**
 * The answer to `/get-online-features`: one entry of `results` for each of `feature_names`, with one value for each row. Columns of a view
 * share statuses and times, so their text is made once.
 */
export function encodeVectors(
  entities: readonly (readonly [name: string, values: readonly unknown[]])[],
  columns: readonly VectorColumn[],
  { full, withViews }: { full: boolean; withViews: boolean },
): GatewayReply {
  const rows = entities[0]?.[1].length ?? columns[0]?.values.length ?? 0
  const present = JSON.stringify(Array.from({ length: rows }, () => 'PRESENT'))
  const noTimes = JSON.stringify(Array.from({ length: rows }, () => NO_TIME))
  const texts = new Map<readonly unknown[], string>()
  const once = (list: readonly unknown[], toText: () => string): string => {
    const text = texts.get(list) ?? toText()
    texts.set(list, text)
    return text
  }
  const results = [
    ...entities.map(([, values]) => result(JSON.stringify(values), present, noTimes)),
    ...columns.map((column) =>
      result(
        valuesText(column.kind === 'timestamp' ? column.values.map(toSeconds) : column.values),
        once(column.statuses, () => JSON.stringify(column.statuses)),
        column.eventMs === null ? noTimes : once(column.eventMs, () => times(column.eventMs!)),
      ),
    ),
  ]
  const metadata = {
    feature_names: [...entities.map(([name]) => name), ...columns.map((column) => nameOf(column, full))],
    ...(withViews && { feature_view_metadata: viewNames(columns).map((name) => ({ name })) }),
  }
  const body = `{"results":[${results.join(',')}],"metadata":${JSON.stringify(metadata)}}`
  return { status: 200, contentType: 'application/json', body }
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

function viewNames(columns: readonly VectorColumn[]): string[] {
  return [...new Set(columns.filter(({ from }) => from === 'view').map(({ source }) => source))]
}
