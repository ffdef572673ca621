import { DAY_MS, HOUR_MS } from '../kernel/time-spans.ts'
import { widerType } from '../sources/sources.ts'
import type { ColumnType } from '../sources/schema.ts'
import { mergeContingency, mergeGrouped, type Contingency, type GroupedMoments } from './associations.ts'
import { mergeMoments, mergePair, type Moments, type PairState } from './moments.ts'

/**
 * What is known of a column so far. Two states add up to the state of both sets of rows: counts and buckets are sums,
 * the moments merge by Chan's formula, and the distinct values are estimated from the k smallest hashes (KMV).
 */
export interface ColumnState {
  name: string
  type: ColumnType
  rows: number
  nulls: number
  min: number | string | null
  max: number | string | null
  moments: Moments | null
  buckets: Record<string, number>
  /** Length of one bucket of a timestamp. */
  bucketMs: number | null
  top: [value: string, count: number][]
  smallestHashes: number[]
  /** Of text: its length in characters. Absent in summaries of earlier releases. */
  lengths?: { count: number; sum: number; min: number; max: number; empty: number } | null
  /** Of times: rows by day of the week from Monday (UTC), and by hour. Absent in summaries of earlier releases. */
  weekdays?: number[] | null
  hours?: number[] | null
}

type SampledRow = [hash: number, count: number, values?: (number | null)[]]

export interface SummaryState {
  rows: number
  columns: ColumnState[]
  /** Which hash function made the hashes. States of different ones do not add up; null of a state without rows. */
  engine?: string | null
  /** How often the distinct rows with the smallest hashes stand there. */
  smallestRows?: SampledRow[]
  /** The columns of numbers whose values these rows have. Absent in summaries of earlier releases, as what follows. */
  sampledColumns?: string[]
  pairs?: PairState[]
  contingencies?: Contingency[]
  grouped?: GroupedMoments[]
}

const MAX_HOURS = 1_440
export const MAX_TOP = 300
export const MAX_HASHES = 256
export const MAX_ROW_HASHES = 2_048

/** The state of both: `a` and `b` describe different rows of one dataset. */
export function mergeSummaries(a: SummaryState, b: SummaryState): SummaryState {
  const names = [...new Set([...a.columns, ...b.columns].map(({ name }) => name))]
  const find = (state: SummaryState, name: string): ColumnState | undefined =>
    state.columns.find((column) => column.name === name)
  const columns = names.map((name) => {
    const left = find(a, name)
    const right = find(b, name)
    if (left && right) return mergeColumns(left, right)
    const only = (left ?? right)!
    const missing = left ? b.rows : a.rows
    return { ...only, rows: only.rows + missing, nulls: only.nulls + missing }
  })
  return {
    rows: a.rows + b.rows,
    columns,
    engine: a.engine ?? b.engine ?? null,
    ...mergeRows(a, b),
    pairs: mergeKnown(a, b, { of: ({ pairs }) => pairs, columns: ({ x, y }) => [x, y], merge: mergePair }),
    contingencies: mergeKnown(a, b, {
      of: ({ contingencies }) => contingencies,
      columns: ({ x, y }) => [x, y],
      merge: mergeContingency,
    }),
    grouped: mergeKnown(a, b, {
      of: ({ grouped }) => grouped,
      columns: ({ category, number }) => [category, number],
      merge: mergeGrouped,
    }),
  }
}

/** Whether states may be added: whether their hashes are of one function. */
export function addUp(a: SummaryState, b: SummaryState): boolean {
  return a.rows === 0 || b.rows === 0 || a.engine === b.engine
}

/** A row with one of the smallest hashes of both has one of the smallest of each, so its count is known. */
function mergeRows(
  a: SummaryState,
  b: SummaryState,
): Required<Pick<SummaryState, 'smallestRows' | 'sampledColumns'>> {
  const names = [...new Set([a, b].flatMap((state) => state.sampledColumns ?? []))]
  const sampledColumns = names.filter((name) =>
    [a, b].every((state) => state.sampledColumns?.includes(name) || lacks(state, name)),
  )
  const rows = new Map<number, SampledRow>()
  for (const { smallestRows = [], sampledColumns: columns = [] } of [a, b]) {
    const places = sampledColumns.map((name) => columns.indexOf(name))
    for (const [hash, count, values = []] of smallestRows) {
      const sampled = places.map((place) => values[place] ?? null)
      rows.set(hash, [hash, count + (rows.get(hash)?.[1] ?? 0), sampled])
    }
  }
  const sorted = [...rows.values()].sort(([left], [right]) => left - right)
  return { smallestRows: sorted.slice(0, MAX_ROW_HASHES), sampledColumns }
}

/** What both states know of the same columns. What one does not know is kept where that has no values of a column, and given up otherwise. */
function mergeKnown<Known>(
  a: SummaryState,
  b: SummaryState,
  {
    of,
    columns,
    merge,
  }: {
    of: (state: SummaryState) => Known[] | undefined
    columns: (known: Known) => [string, string]
    merge: (left: Known, right: Known) => Known | undefined
  },
): Known[] {
  const keyOf = (known: Known): string => JSON.stringify(columns(known))
  const others = new Map((of(b) ?? []).map((known) => [keyOf(known), known]))
  const isWithout = (state: SummaryState, known: Known): boolean =>
    columns(known).some((name) => lacks(state, name))
  const merged = (of(a) ?? []).flatMap((known) => {
    const other = others.get(keyOf(known))
    others.delete(keyOf(known))
    if (other) return merge(known, other) ?? []
    return isWithout(b, known) ? known : []
  })
  return [...merged, ...[...others.values()].filter((known) => isWithout(a, known))]
}

function lacks({ columns }: SummaryState, name: string): boolean {
  const column = columns.find((each) => each.name === name)
  return column === undefined || column.nulls === column.rows
}

function mergeColumns(a: ColumnState, b: ColumnState): ColumnState {
  const bucketMs = a.bucketMs === null || b.bucketMs === null ? null : Math.max(a.bucketMs, b.bucketMs)
  const buckets: Record<string, number> = {}
  for (const state of [a, b]) {
    const ratio = bucketMs === null ? 1 : bucketMs / state.bucketMs!
    for (const [key, count] of Object.entries(state.buckets)) {
      const merged = Math.floor(Number(key) / ratio)
      buckets[merged] = (buckets[merged] ?? 0) + count
    }
  }
  const top = new Map(a.top)
  for (const [value, count] of b.top) top.set(value, (top.get(value) ?? 0) + count)
  const merged: ColumnState = {
    name: a.name,
    type: widerType(a.type, b.type) ?? b.type,
    rows: a.rows + b.rows,
    nulls: a.nulls + b.nulls,
    min: lesser(a.min, b.min),
    max: greater(a.max, b.max),
    moments: mergeMoments(a.moments, b.moments),
    buckets,
    bucketMs,
    top: [...top],
    smallestHashes: [...new Set([...a.smallestHashes, ...b.smallestHashes])],
    lengths: mergeLengths(a.lengths ?? null, b.lengths ?? null),
    weekdays: addCounts(a.weekdays ?? null, b.weekdays ?? null),
    hours: addCounts(a.hours ?? null, b.hours ?? null),
  }
  settle(merged)
  return merged
}

/** Brings a state back to its bounded size. */
export function settle(state: ColumnState): void {
  if (state.bucketMs === HOUR_MS && Object.keys(state.buckets).length > MAX_HOURS) {
    const days: Record<string, number> = {}
    for (const [hour, count] of Object.entries(state.buckets)) {
      const day = Math.floor(Number(hour) / 24)
      days[day] = (days[day] ?? 0) + count
    }
    state.buckets = days
    state.bucketMs = DAY_MS
  }
  state.top = state.top.sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).slice(0, MAX_TOP)
  state.smallestHashes = state.smallestHashes.sort((a, b) => a - b).slice(0, MAX_HASHES)
}

type Lengths = NonNullable<ColumnState['lengths']>

function mergeLengths(a: Lengths | null, b: Lengths | null): Lengths | null {
  if (!a || !b) return a ?? b
  return {
    count: a.count + b.count,
    sum: a.sum + b.sum,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    empty: a.empty + b.empty,
  }
}

function addCounts(a: number[] | null, b: number[] | null): number[] | null {
  return a && b ? a.map((count, index) => count + b[index]!) : (a ?? b)
}

type Extreme = number | string | null

function lesser(a: Extreme, b: Extreme): Extreme {
  if (a === null || b === null) return a ?? b
  return a < b ? a : b
}

function greater(a: Extreme, b: Extreme): Extreme {
  if (a === null || b === null) return a ?? b
  return a > b ? a : b
}
