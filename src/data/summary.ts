import { quoteIdentifier, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { widerType } from '../sources/sources.ts'
import { BUCKET_RATIO, SMALLEST, ZERO_OFFSET } from './summary-buckets.ts'
import { kindOf, type Column, type ColumnType } from '../sources/schema.ts'

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
  moments: { count: number; mean: number; m2: number } | null
  buckets: Record<string, number>
  /** Length of one bucket of a timestamp. */
  bucketMs: number | null
  top: [value: string, count: number][]
  smallestHashes: number[]
}

export interface SummaryState {
  rows: number
  columns: ColumnState[]
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const MAX_HOURS = 1_440
const MAX_TOP = 300
const MAX_HASHES = 256

/** Summarises the rows of a scan with two queries, whatever the number of columns. */
export async function summarise(
  session: AnalyticsSession,
  scan: string,
  columns: readonly Column[],
): Promise<SummaryState> {
  const [row] = await session.query(
    `SELECT count(*) AS n, ${columns.map(columnAggregates).join(', ')} FROM (${scan})`,
  )
  const rows = Number(row!['n'])
  const states = columns.map(({ name, type }, index): ColumnState => {
    const known = Number(row![`known_${index}`])
    const finite = Number(row![`finite_${index}`] ?? 0)
    return {
      name,
      type,
      rows,
      nulls: rows - known,
      min: (row![`min_${index}`] ?? null) as number | string | null,
      max: (row![`max_${index}`] ?? null) as number | string | null,
      moments:
        kindOf(type) === 'number' && finite > 0
          ? {
              count: finite,
              mean: Number(row![`mean_${index}`]),
              m2: Number(row![`variance_${index}`]) * finite,
            }
          : null,
      buckets: {},
      bucketMs: kindOf(type) === 'timestamp' ? HOUR_MS : null,
      top: [],
      smallestHashes: [],
    }
  })
  const groups = columns.flatMap((column, index) => columnGroups(scan, column, index))
  const counted = groups.length === 0 ? [] : await session.query(groups.join('\nUNION ALL\n'))
  for (const { c, kind, key, n } of counted) {
    const state = states[Number(c)]!
    if (kind === 'hash') state.smallestHashes.push(Number(key))
    else if (kind === 'top') state.top.push([String(key), Number(n)])
    else state.buckets[String(key)] = Number(n)
  }
  for (const state of states) settle(state)
  return { rows, columns: states }
}

function columnAggregates({ name, type }: Column, index: number): string {
  const column = quoteIdentifier(name)
  const known = `count(${column}) AS known_${index}`
  switch (kindOf(type)) {
    case 'number': {
      const finite = `CASE WHEN isfinite(CAST(${column} AS DOUBLE)) THEN CAST(${column} AS DOUBLE) END`
      return `${known}, count(${finite}) AS finite_${index}, min(${finite}) AS min_${index}, max(${finite}) AS max_${index}, avg(${finite}) AS mean_${index}, var_pop(${finite}) AS variance_${index}`
    }
    case 'timestamp':
      return `${known}, epoch_ms(min(${column})) AS min_${index}, epoch_ms(max(${column})) AS max_${index}`
    case 'category':
      return `${known}, min(CAST(${column} AS VARCHAR)) AS min_${index}, max(CAST(${column} AS VARCHAR)) AS max_${index}`
    case 'other':
      return known
  }
}

function columnGroups(scan: string, { name, type }: Column, index: number): string[] {
  const column = quoteIdentifier(name)
  const kind = kindOf(type)
  if (kind === 'other') return []
  const select = (what: string, key: string, n: string): string =>
    `SELECT ${index} AS c, '${what}' AS kind, CAST(${key} AS VARCHAR) AS key, ${n} AS n`
  const from = `FROM (${scan}) WHERE ${column} IS NOT NULL`
  const hashes = `(${select('hash', 'h', '0')} FROM (SELECT md5_number_lower(CAST(v AS VARCHAR)) >> 12 AS h FROM (SELECT DISTINCT ${column} AS v ${from})) ORDER BY h LIMIT ${MAX_HASHES})`
  if (kind === 'category') {
    return [
      hashes,
      `(${select('top', column, 'count(*)')} ${from} GROUP BY ${column} ORDER BY n DESC, key LIMIT ${MAX_TOP})`,
    ]
  }
  const bucket = kind === 'timestamp' ? `epoch_ms(${column}) // ${HOUR_MS}` : numberBucket(column)
  const finite = kind === 'number' ? `AND isfinite(CAST(${column} AS DOUBLE))` : ''
  return [hashes, `(${select('bucket', bucket, 'count(*)')} ${from} ${finite} GROUP BY ${bucket})`]
}

/** Buckets whose bounds grow by 2 % (DDSketch, Masson et al. 2019): a quantile is within 1 % of its value. */
function numberBucket(column: string): string {
  const size = `abs(CAST(${column} AS DOUBLE))`
  const step = `CAST(ceil(ln(${size}) / ${Math.log(BUCKET_RATIO)}) AS BIGINT) + ${ZERO_OFFSET}`
  return `CASE WHEN ${size} < ${SMALLEST} THEN 0 WHEN ${column} > 0 THEN ${step} ELSE -(${step}) END`
}

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
  return { rows: a.rows + b.rows, columns }
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
  }
  settle(merged)
  return merged
}

/** Brings a state back to its bounded size. */
function settle(state: ColumnState): void {
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

function mergeMoments(a: ColumnState['moments'], b: ColumnState['moments']): ColumnState['moments'] {
  if (!a || !b) return a ?? b
  const count = a.count + b.count
  const difference = b.mean - a.mean
  return {
    count,
    mean: a.mean + (difference * b.count) / count,
    m2: a.m2 + b.m2 + (difference * difference * a.count * b.count) / count,
  }
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
