import { HOUR_MS } from '../kernel/time-spans.ts'
import { quoteIdentifier, type AnalyticsRow, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { kindOf, type Column } from '../sources/schema.ts'
import { contingenciesOf, finiteOf, groupedOf, numbersOf, pairsOf } from './association-scan.ts'
import { BUCKET_RATIO, SMALLEST, ZERO_OFFSET } from './buckets.ts'
import { MAX_HASHES, MAX_ROW_HASHES, MAX_TOP, settle, type ColumnState, type SummaryState } from './state.ts'

/** A column that may have more different values than this is never grouped by all of them. */
const FEW_VALUES = 100_000
/** Rows of the sample that tells how many different values to expect. */
const SAMPLED = 300_000
/** Columns that one statement counts. */
const BATCH = 25
/** Hashes have 52 bits, which a number holds. */
const HASHES = 2 ** 52

/**
 * Summarises the rows of a scan: a look at a sample, one pass for everything that is an aggregate, one for what is counted by value. Memory depends
 * on the number of columns alone: distinct values and rows are counted where their hash lies below a threshold, and the most frequent of many
 * values are found by filtered Space-Saving (Homem and Carvalho 2010) and then counted exactly.
 */
export async function summarise(
  session: AnalyticsSession,
  scan: string,
  columns: readonly Column[],
): Promise<SummaryState> {
  const aggregates = [
    'count(*) AS n',
    `CAST(hash('tidemill', 42::BIGINT, TIMESTAMP '2001-01-01') AS VARCHAR) AS engine`,
    ...columns.flatMap(columnAggregates),
  ]
  const [first] = await session.query(`SELECT ${aggregates.join(', ')} FROM (${scan})`)
  const rows = Number(first!['n'])
  const states = columns.map((column, index) => stateOf(column, index, first!, rows))
  const engine = String(first!['engine'])
  if (rows === 0) return { rows, columns: states, engine: null, smallestRows: [], pairs: [] }
  const sampled = await sampleDistinct(session, scan, columns, rows)
  for (let start = 0; start < columns.length; start += BATCH)
    await countValues(session, scan, { columns, states, sampled, start })
  for (const state of states) {
    state.weekdays = weekdaysOf(state)
    state.hours = state.type === 'TIMESTAMP' ? hoursOf(state) : null
    settle(state)
  }
  const sampledColumns = numbersOf(states).map(({ name }) => name)
  return {
    rows,
    columns: states,
    engine,
    smallestRows: await smallestRowsOf(session, scan, { columns, rows, states }),
    sampledColumns,
    pairs: await pairsOf(session, scan, states),
    contingencies: await contingenciesOf(session, scan, states),
    grouped: await groupedOf(session, scan, states),
  }
}

interface Sampled {
  share: number
  /** Different values of each column in the sample: a column has at least so many, and may be expected to have at most so many by `share`. */
  distinct: number[]
}

/** Whole blocks of rows are drawn, so that the bound holds for values that stand together too. */
async function sampleDistinct(
  session: AnalyticsSession,
  scan: string,
  columns: readonly Column[],
  rows: number,
): Promise<Sampled> {
  const share = Math.min(1, SAMPLED / rows)
  const counts = columns.map(({ name, type }, index) =>
    kindOf(type) === 'other' ? `0 AS d${index}` : `count(DISTINCT ${quoteIdentifier(name)}) AS d${index}`,
  )
  if (counts.length === 0) return { share, distinct: [] }
  const from = share === 1 ? '' : ` USING SAMPLE ${share * 100} PERCENT (system, 1)`
  const [row] = await session.query(`SELECT ${counts.join(', ')} FROM (SELECT * FROM (${scan})${from})`)
  return { share, distinct: columns.map((_, index) => Number(row![`d${index}`])) }
}

function columnAggregates({ name, type }: Column, index: number): string[] {
  const column = quoteIdentifier(name)
  const known = `count(${column}) AS known_${index}`
  switch (kindOf(type)) {
    case 'number': {
      const finite = finiteOf({ name, type })
      return [
        known,
        `count(${finite}) AS finite_${index}`,
        `min(${finite}) AS min_${index}`,
        `max(${finite}) AS max_${index}`,
        `avg(${finite}) AS mean_${index}`,
        `var_pop(${finite}) AS variance_${index}`,
      ]
    }
    case 'timestamp':
      return [known, `epoch_ms(min(${column})) AS min_${index}`, `epoch_ms(max(${column})) AS max_${index}`]
    case 'category': {
      const text = `CAST(${column} AS VARCHAR)`
      const extremes = [`min(${text}) AS min_${index}`, `max(${text}) AS max_${index}`]
      if (type !== 'VARCHAR') return [known, ...extremes]
      return [
        known,
        ...extremes,
        `min(length(${column})) AS shortest_${index}`,
        `max(length(${column})) AS longest_${index}`,
        `sum(length(${column})) AS length_${index}`,
        `count(*) FILTER (WHERE ${column} = '') AS empty_${index}`,
      ]
    }
    case 'other':
      return [known]
  }
}

function stateOf({ name, type }: Column, index: number, row: AnalyticsRow, rows: number): ColumnState {
  const known = Number(row[`known_${index}`])
  const finite = Number(row[`finite_${index}`] ?? 0)
  return {
    name,
    type,
    rows,
    nulls: rows - known,
    min: (row[`min_${index}`] ?? null) as number | string | null,
    max: (row[`max_${index}`] ?? null) as number | string | null,
    moments:
      kindOf(type) === 'number' && finite > 0
        ? { count: finite, mean: Number(row[`mean_${index}`]), m2: Number(row[`variance_${index}`]) * finite }
        : null,
    buckets: {},
    bucketMs: kindOf(type) === 'timestamp' ? HOUR_MS : null,
    top: [],
    smallestHashes: [],
    lengths:
      type === 'VARCHAR' && known > 0
        ? {
            count: known,
            sum: Number(row[`length_${index}`]),
            min: Number(row[`shortest_${index}`]),
            max: Number(row[`longest_${index}`]),
            empty: Number(row[`empty_${index}`]),
          }
        : null,
    weekdays: null,
    hours: null,
  }
}

interface Counting {
  columns: readonly Column[]
  states: readonly ColumnState[]
  sampled: Sampled
  start: number
}

/** Hashes, buckets and frequent values of some columns, each read by itself. */
async function countValues(
  session: AnalyticsSession,
  scan: string,
  { columns, states, sampled, start }: Counting,
): Promise<void> {
  const groups: string[] = []
  const tables: string[] = []
  const many: number[] = []
  for (const [offset, column] of columns.slice(start, start + BATCH).entries()) {
    const index = start + offset
    if (kindOf(column.type) === 'other' || states[index]!.nulls === states[index]!.rows) continue
    const distinct = sampled.distinct[index]!
    const isFew = distinct / sampled.share <= FEW_VALUES
    if (isFew) tables.push(`v${index} AS MATERIALIZED (${valuesOf(scan, column)})`)
    else if (kindOf(column.type) === 'category') many.push(index)
    groups.push(
      ...columnGroups(
        column,
        index,
        isFew ? `v${index}` : `(${rowsOf(scan, column)})`,
        isFew ? 1 : shareOf(distinct, MAX_HASHES),
      ),
    )
    if (kindOf(column.type) === 'category' && isFew) groups.push(frequent(index, `v${index}`))
  }
  if (groups.length === 0) return
  const common = tables.length === 0 ? '' : `WITH ${tables.join(', ')} `
  for (const { c, kind, key, n } of await session.query(`${common}${groups.join('\nUNION ALL\n')}`)) {
    const state = states[Number(c)]!
    if (kind === 'hash') state.smallestHashes.push(Number(key))
    else if (kind === 'top') state.top.push([String(key), Number(n)])
    else state.buckets[String(key)] = Number(n)
  }
  for (const index of many) states[index]!.top = await frequentOfMany(session, scan, columns[index]!)
}

function valuesOf(scan: string, { name }: Column): string {
  const column = quoteIdentifier(name)
  return `SELECT ${column} AS v, count(*) AS n FROM (${scan}) WHERE ${column} IS NOT NULL GROUP BY ${column}`
}

function rowsOf(scan: string, { name }: Column): string {
  const column = quoteIdentifier(name)
  return `SELECT ${column} AS v, 1 AS n FROM (${scan}) WHERE ${column} IS NOT NULL`
}

function columnGroups({ type }: Column, index: number, from: string, share: number): string[] {
  const hash = hashOf('v')
  const below = share >= 1 ? '' : `WHERE ${hash} < ${Math.ceil(share * HASHES)}`
  const hashes = `(${selected(index, 'hash', 'h', '0')} FROM (SELECT DISTINCT ${hash} AS h FROM ${from} ${below}) ORDER BY h LIMIT ${MAX_HASHES})`
  const kind = kindOf(type)
  if (kind === 'category') return [hashes]
  const bucket = kind === 'timestamp' ? `CAST(floor(epoch_ms(v) / ${HOUR_MS}) AS BIGINT)` : numberBucket('v')
  const finite = kind === 'number' ? 'WHERE isfinite(CAST(v AS DOUBLE))' : ''
  return [
    hashes,
    `(${selected(index, 'bucket', bucket, 'sum(n)')} FROM ${from} ${finite} GROUP BY ${bucket})`,
  ]
}

function frequent(index: number, from: string): string {
  return `(${selected(index, 'top', 'v', 'n')} FROM ${from} ORDER BY n DESC, key LIMIT ${MAX_TOP})`
}

function selected(index: number, what: string, key: string, n: string): string {
  return `SELECT ${index} AS c, '${what}' AS kind, CAST(${key} AS VARCHAR) AS key, CAST(${n} AS BIGINT) AS n`
}

/** Of a column with very many values: the candidates are approximate, their counts are not. */
async function frequentOfMany(
  session: AnalyticsSession,
  scan: string,
  { name }: Column,
): Promise<[string, number][]> {
  const column = quoteIdentifier(name)
  const rows = await session.query(
    `SELECT CAST(${column} AS VARCHAR) AS key, count(*) AS n FROM (${scan})
     WHERE ${column} IN (SELECT unnest(approx_top_k(${column}, ${MAX_TOP})) FROM (${scan}))
     GROUP BY ${column} ORDER BY n DESC, key LIMIT ${MAX_TOP}`,
  )
  return rows.map(({ key, n }) => [String(key), Number(n)])
}

/** Buckets whose bounds grow by 2 % (DDSketch, Masson et al. 2019): a quantile is within 1 % of its value. */
function numberBucket(column: string): string {
  const size = `abs(CAST(${column} AS DOUBLE))`
  const step = `CAST(ceil(ln(${size}) / ${Math.log(BUCKET_RATIO)}) AS BIGINT) + ${ZERO_OFFSET}`
  return `CASE WHEN ${size} < ${SMALLEST} THEN 0 WHEN ${column} > 0 THEN ${step} ELSE -(${step}) END`
}

function hashOf(values: string): string {
  return `(hash(${values}) >> 12)`
}

/** In the order of the names, which does not depend on the file. */
function rowHash(columns: readonly Column[]): string {
  const names = columns.map(({ name }) => name).sort()
  return hashOf(names.map(quoteIdentifier).join(', '))
}

/** The share of all hashes below which four times as many as are kept may be expected. */
function shareOf(distinct: number, kept: number): number {
  return Math.min(1, (4 * kept) / Math.max(1, distinct))
}

/** How often each of the distinct rows with the smallest hashes stands there, and its numbers: the threshold rises while too few lie below it. */
async function smallestRowsOf(
  session: AnalyticsSession,
  scan: string,
  { columns, rows, states }: { columns: readonly Column[]; rows: number; states: readonly ColumnState[] },
): Promise<NonNullable<SummaryState['smallestRows']>> {
  if (columns.length === 0) return []
  const all = rowHash(columns)
  const numbers = numbersOf(states).map((state, at) => `${finiteOf(state)} AS v${at}`)
  const values = numbers.map((_, at) => `, first(v${at}) AS v${at}`).join('')
  for (let share = shareOf(rows, MAX_ROW_HASHES); ;) {
    const below = share >= 1 ? '' : `WHERE ${all} < ${Math.ceil(share * HASHES)}`
    const found = await session.query(
      `SELECT h, count(*) AS n${values} FROM (SELECT ${[`${all} AS h`, ...numbers].join(', ')} FROM (${scan}) ${below}) GROUP BY h ORDER BY h LIMIT ${MAX_ROW_HASHES}`,
    )
    if (share >= 1 || found.length >= MAX_ROW_HASHES)
      return found.map((row) => [
        Number(row['h']),
        Number(row['n']),
        numbers.map((_, at) => (row[`v${at}`] ?? null) as number | null),
      ])
    share = Math.min(1, share * Math.min(128, (4 * MAX_ROW_HASHES) / Math.max(1, found.length)))
  }
}

function weekdaysOf({ buckets, bucketMs }: ColumnState): number[] | null {
  if (bucketMs !== HOUR_MS) return null
  const counts = Array.from({ length: 7 }, () => 0)
  // 1 January 1970 was a Thursday.
  for (const [hour, count] of Object.entries(buckets))
    counts[(((Math.floor(Number(hour) / 24) + 3) % 7) + 7) % 7]! += count
  return counts
}

function hoursOf({ buckets, bucketMs }: ColumnState): number[] | null {
  if (bucketMs !== HOUR_MS) return null
  const counts = Array.from({ length: 24 }, () => 0)
  for (const [hour, count] of Object.entries(buckets)) counts[((Number(hour) % 24) + 24) % 24]! += count
  return counts
}
