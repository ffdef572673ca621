import { TTL_MS } from './project.ts'

export interface Answer {
  status: number
  body: unknown
}

interface Column {
  values: unknown[]
  statuses: string[]
  event_timestamps: string[]
}

/** An answer as both servers can give it: columns by name, errors by class, wrong fields by place. */
export interface Comparable {
  status: number
  columns?: Record<string, Column>
  /** The names of keys, which come first, in their order. */
  keys?: string[]
  error?: string
  fields?: string[]
  body?: unknown
}

/** The general rules by which Feast's answers become ours; which of them were needed is told in `used`. */
export const RULES = ['null', 'ttl', 'status'] as const
export type Rule = (typeof RULES)[number]

export function comparable({ status, body }: Answer): Comparable {
  if (status === 200 && isVectors(body)) {
    const { feature_names } = body.metadata
    const columns = Object.fromEntries(feature_names.map((name, i) => [name, body.results[i]!]))
    return {
      status,
      columns,
      keys: feature_names.filter((name) => ['origin', 'symbol', 'pair_id'].includes(name)),
    }
  }
  if (status === 422 && typeof body === 'object') {
    const { detail } = body as { detail: { type: string; loc: (string | number)[] }[] }
    return { status, fields: detail.map(({ type, loc }) => `${type} ${loc.slice(0, 3).join('.')}`).sort() }
  }
  if (status >= 400 && typeof body === 'string') return { status, error: classOf(body) }
  return { status, body }
}

/** Feast's answer as ours must be. */
export function translated(
  theirs: Comparable,
  { nowMs, used }: { nowMs: number; used: Set<Rule> },
): Comparable {
  if (theirs.status === 500) {
    used.add('status')
    return { ...theirs, status: 400 }
  }
  if (!theirs.columns) return theirs
  const columns = Object.entries(theirs.columns).map(([name, column]) => [
    name,
    translatedColumn(column, { ttlMs: ttlOf(name), nowMs, used }),
  ])
  return { ...theirs, columns: Object.fromEntries(columns) as Record<string, Column> }
}

function translatedColumn(
  { values, statuses, event_timestamps }: Column,
  { ttlMs, nowMs, used }: { ttlMs: number; nowMs: number; used: Set<Rule> },
): Column {
  const expired = event_timestamps.map((text, i) => {
    return statuses[i] === 'PRESENT' && Date.parse(text) > 0 && nowMs - Date.parse(text) > ttlMs
  })
  return {
    values: values.map((value, i) => (expired[i] ? null : value)),
    statuses: statuses.map((status, i) => {
      const rule = expired[i] ? 'ttl' : status === 'PRESENT' && values[i] === null ? 'null' : undefined
      if (rule === undefined) return status
      used.add(rule)
      return rule === 'ttl' ? 'OUTSIDE_MAX_AGE' : 'NULL_VALUE'
    }),
    event_timestamps,
  }
}

const VIEW_OF = [
  [/price|above_100|trend/, 'prices'],
  [/miles/, 'pairs'],
  [/quote/, 'quoted'],
] as const

function ttlOf(name: string): number {
  const [, view = 'airport_delays'] = VIEW_OF.find(([names]) => names.test(name)) ?? []
  return TTL_MS[view]!
}

/** The class of Feast's own errors; `text` for a message alone. */
function classOf(body: string): string {
  try {
    return (JSON.parse(body) as { class?: string }).class ?? 'text'
  } catch {
    return 'text'
  }
}

function isVectors(body: unknown): body is { results: Column[]; metadata: { feature_names: string[] } } {
  return typeof body === 'object' && body !== null && 'results' in body
}
