import { quoteIdentifier, quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { kindOf, type Column, type ColumnKind } from '../sources/schema.ts'
import { estimateDistinct } from './distinct-values.ts'

/** What the rows say of a column. */
export interface ColumnEvidence {
  name: string
  type: Column['type']
  kind: ColumnKind
  known: number
  nulls: number
  /** The greatest share of nulls in any one file. */
  mostNullShare: number
  /** Estimated, with a standard deviation of 1.6 %. */
  distinct: number
  /** Each row has a value of its own, and not by chance; exact. */
  isKey: boolean
  /** Numbers, and milliseconds of times. */
  min: number | null
  max: number | null
  low: number | null
  high: number | null
  isFinite: boolean
  /** The values, the most frequent first, when there are few of them. */
  values: { value: string; count: number }[]
  minLength: number | null
  maxLength: number | null
  /** Within every file, no value is below the one of the row before. */
  rises: boolean
}

export interface Evidence {
  rows: number
  files: { rows: number }[]
  columns: ColumnEvidence[]
}

/** Few enough to be listed. */
const FEW_VALUES = 20
const FEW_NUMBERS = 10
const FEWEST_KEYS = 20
/** Six standard deviations of the estimate below all of them. */
const KEY_SHARE = 0.9
const LONGEST_KEY = 64
/** So many long texts that all differ are no chance. */
const MANY_TEXTS = 1_000
const DENSE = 10

/** SQL of the rows of Parquet parts, each column in its type, with `__file`, `file_index` and `file_row_number`. */
export function rowsOf(parts: readonly string[], columns: readonly Column[]): string {
  const cast = columns.map(
    ({ name, type }) => `CAST(${quoteIdentifier(name)} AS ${type}) AS ${quoteIdentifier(name)}`,
  )
  return `(SELECT ${cast.join(', ')}, __file, file_index, file_row_number FROM read_parquet([${parts.map(quoteLiteral).join(', ')}], union_by_name = true, filename = '__file', file_row_number = true))`
}

/** Reads the rows a few times; what is held in memory does not grow with them. */
export async function gatherEvidence(
  session: AnalyticsSession,
  rows: string,
  columns: readonly Column[],
): Promise<Evidence> {
  const [totals] = await session.query(
    `SELECT count(*) AS n, ${columns.map(aggregatesOf).join(', ')} FROM ${rows}`,
  )
  const perFile = await session.query(
    `SELECT count(*) AS n, ${columns.map(({ name }, at) => `count(${quoteIdentifier(name)}) AS known_${at}`).join(', ')} FROM ${rows} GROUP BY __file`,
  )
  const distinct = await estimateDistinct(session, rows, columns)
  const found = columns.map((column, at) => ({
    ...basicsOf(column, at, totals!, perFile),
    distinct: distinct[at]!,
  }))
  await addOrder(session, rows, found)
  for (const column of found) {
    if (couldBeKey(column)) column.isKey = await isUnique(session, rows, column.name)
    const most = column.type === 'BIGINT' ? FEW_NUMBERS : FEW_VALUES
    const isListed = column.kind === 'category' || column.type === 'BIGINT'
    if (isListed && column.known > 0 && column.distinct <= 1.2 * most)
      column.values = await valuesOf(session, rows, column.name, most)
  }
  return {
    rows: Number(totals!['n']),
    files: perFile.map(({ n }) => ({ rows: Number(n) })),
    columns: found,
  }
}

function aggregatesOf({ name, type }: Column, at: number): string {
  const column = quoteIdentifier(name)
  const base = `count(${column}) AS known_${at}`
  switch (kindOf(type)) {
    case 'number': {
      const finite = `CASE WHEN isfinite(CAST(${column} AS DOUBLE)) THEN CAST(${column} AS DOUBLE) END`
      return `${base}, min(${finite}) AS min_${at}, max(${finite}) AS max_${at}, count(${finite}) AS finite_${at},
        approx_quantile(${finite}, 0.01) AS low_${at}, approx_quantile(${finite}, 0.99) AS high_${at}`
    }
    case 'timestamp':
      return `${base}, epoch_ms(min(${column})) AS min_${at}, epoch_ms(max(${column})) AS max_${at}`
    case 'category':
      return type === 'BOOLEAN'
        ? base
        : `${base}, min(length(${column})) AS short_${at}, max(length(${column})) AS long_${at}`
    case 'other':
      return base
  }
}

function basicsOf(
  { name, type }: Column,
  at: number,
  totals: Record<string, unknown>,
  perFile: readonly Record<string, unknown>[],
): Omit<ColumnEvidence, 'distinct'> {
  const number = (key: string): number | null => {
    const value = totals[`${key}_${at}`]
    return value === null || value === undefined ? null : Number(value)
  }
  const known = number('known') ?? 0
  const shares = perFile.map((file) => 1 - Number(file[`known_${at}`]) / Number(file['n']))
  return {
    name,
    type,
    kind: kindOf(type),
    known,
    nulls: Number(totals['n']) - known,
    mostNullShare: shares.reduce((a, b) => Math.max(a, b), 0),
    isKey: false,
    min: number('min'),
    max: number('max'),
    low: number('low'),
    high: number('high'),
    isFinite: number('finite') === known,
    values: [],
    minLength: number('short'),
    maxLength: number('long'),
    rises: false,
  }
}

/** Whether times and whole numbers rise from row to row. */
async function addOrder(
  session: AnalyticsSession,
  rows: string,
  columns: readonly ColumnEvidence[],
): Promise<void> {
  const ordered = columns.filter(
    ({ kind, type, nulls }) => nulls === 0 && (kind === 'timestamp' || type === 'BIGINT'),
  )
  if (ordered.length === 0) return
  const names = ordered.map(({ name }) => quoteIdentifier(name))
  // Rows come in their order to a window without one, and it holds a row at a time.
  const lags = names.map(
    (name, at) => `${name} < lag(${name}) OVER () AND file_index = lag(file_index) OVER () AS falls_${at}`,
  )
  const [found] = await session.query(
    `SELECT ${names.map((_, at) => `count(*) FILTER (WHERE falls_${at}) AS n_${at}`).join(', ')}
     FROM (SELECT ${lags.join(', ')} FROM ${rows})`,
  )
  for (const [at, column] of ordered.entries()) column.rises = Number(found![`n_${at}`]) === 0
}

/** Large numbers differ by chance: those that count lie close together, or say by their name what they are. */
function couldBeKey({
  name,
  kind,
  type,
  known,
  nulls,
  distinct,
  min,
  max,
  maxLength,
}: ColumnEvidence): boolean {
  if (known < FEWEST_KEYS || distinct < KEY_SHARE * known) return false
  if (kind === 'timestamp') return nulls === 0
  if (type === 'VARCHAR') return (maxLength ?? 0) <= LONGEST_KEY || known >= MANY_TEXTS
  if (type !== 'BIGINT' || nulls > 0) return false
  return (max! - min!) / known < DENSE || /(^|[^a-z])(id|key|no|number|code)$/i.test(name)
}

async function isUnique(session: AnalyticsSession, rows: string, name: string): Promise<boolean> {
  const column = quoteIdentifier(name)
  const found = await session.query(
    `SELECT 1 FROM ${rows} WHERE ${column} IS NOT NULL GROUP BY ${column} HAVING count(*) > 1 LIMIT 1`,
  )
  return found.length === 0
}

/** All values, or none when there are more than `most`. */
async function valuesOf(
  session: AnalyticsSession,
  rows: string,
  name: string,
  most: number,
): Promise<ColumnEvidence['values']> {
  const column = quoteIdentifier(name)
  const found = await session.query(
    `SELECT CAST(${column} AS VARCHAR) AS value, count(*) AS n FROM ${rows} WHERE ${column} IS NOT NULL GROUP BY 1 ORDER BY n DESC, value LIMIT ${most + 1}`,
  )
  return found.length > most ? [] : found.map(({ value, n }) => ({ value: String(value), count: Number(n) }))
}
