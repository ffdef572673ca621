import { access } from 'node:fs/promises'
import { extname } from 'node:path'
import { AppError } from '../kernel/errors.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import { quoteIdentifier, quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { targetOf, type Target } from './own-target.ts'

const MIN_ROWS = 100

interface OwnFeature {
  name: string
  kind: 'number' | 'category'
}

/** A person's own table, ready to be played: `own` holds `id`, `time_ms`, the time column, the features and the target. */
export interface OwnTable {
  time: string
  target: Target
  features: OwnFeature[]
  /** Columns that are no features, each with the reason. */
  leftOut: { name: string; why: string }[]
  rows: number
  /** Rows without a target. */
  unlabelled: number
  firstMs: number
  lastMs: number
  /** Where what is played begins: a whole day, at about 60 % of the rows. */
  cutMs: number
  historyRows: number
  historyDays: number
}

interface ColumnFacts {
  name: string
  type: string
  known: number
  distinct: number
  rows: number
}

/**
 * Reads a CSV or Parquet file into the temporary table `own`, in the order of its time, and finds out what its columns are.
 * Throws `invalid` or `not_found` with what is wrong with the file, the time or the target.
 */
export async function readOwnTable(
  session: AnalyticsSession,
  { file, target: targetName, time: timeName }: { file: string; target: string; time: string },
): Promise<OwnTable> {
  await access(file).catch((cause: unknown) => {
    throw new AppError('not_found', `${file} can't be read`, { cause })
  })
  await session.execute(`CREATE TEMP TABLE source AS SELECT * FROM ${scanOf(file)}`)
  const columns = await describe(session)
  const timeColumn = columnNamed(columns, timeName, '--time')
  const targetColumn = columnNamed(columns, targetName, '--target')
  if (timeColumn === targetColumn) throw new AppError('invalid', '--target and --time name the same column')
  const target = await targetOf(session, targetColumn)
  const others = columns.filter((column) => column !== timeColumn && column !== targetColumn)
  const leftOut = others.flatMap((column) => {
    const why = whyNoFeature(column)
    return why === undefined ? [] : [{ name: column.name, why }]
  })
  const chosen = others.filter(({ name }) => !leftOut.some((column) => column.name === name))
  if (chosen.length === 0) {
    const reasons = leftOut.map(({ name, why }) => `${name} ${why}`).join('; ')
    throw new AppError(
      'invalid',
      `No column is left to predict ${target.name} from: ${reasons || 'there is no other column'}`,
    )
  }
  const features = chosen.map(({ name, type }) => ({
    column: name,
    name: featureName(name),
    kind: kindOf(type),
  }))
  const time = await timeExpression(session, timeColumn)
  const selected = features.map(({ column, name, kind }) => {
    const value = quoteIdentifier(column)
    const cast = kind === 'number' ? finite(`CAST(${value} AS DOUBLE)`) : `CAST(${value} AS VARCHAR)`
    return `${cast} AS ${quoteIdentifier(name)}`
  })
  const known = quoteIdentifier(targetColumn.name)
  await session.execute(`CREATE TEMP TABLE own AS
    SELECT row_number() OVER (ORDER BY __at, __n) AS __id, epoch_ms(__at) AS __time_ms, * EXCLUDE (__n, __at) FROM (
      SELECT row_number() OVER () AS __n, ${time} AS __at, ${time} AS ${quoteIdentifier(timeName)},
        ${target.sql} AS ${quoteIdentifier(target.name)}, ${selected.join(', ')}
      FROM source WHERE ${known} IS NOT NULL) ORDER BY __id`)
  const span = await spanOf(session, targetColumn.rows)
  return {
    time: timeName,
    target,
    features: features.map(({ name, kind }) => ({ name, kind })),
    leftOut,
    ...span,
  }
}

function scanOf(file: string): string {
  const extension = extname(file).toLowerCase()
  if (['.parquet', '.pq'].includes(extension)) return `read_parquet(${quoteLiteral(file)})`
  if (['.csv', '.tsv', '.txt'].includes(extension))
    return `read_csv(${quoteLiteral(file)}, header = true, sample_size = -1)`
  throw new AppError('invalid', `${file} is neither CSV (.csv, .tsv) nor Parquet (.parquet)`)
}

async function describe(session: AnalyticsSession): Promise<ColumnFacts[]> {
  const described = await session.query('DESCRIBE source')
  const columns = described.map((row) => ({
    name: String(row['column_name']),
    type: String(row['column_type']),
  }))
  const counts = columns.map(({ name }, at) => {
    const column = quoteIdentifier(name)
    return `count(${column}) AS known_${at}, count(DISTINCT ${column}) AS distinct_${at}`
  })
  const [row] = await session.query(`SELECT count(*) AS rows, ${counts.join(', ')} FROM source`)
  return columns.map((column, at) => ({
    ...column,
    rows: Number(row!['rows']),
    known: Number(row![`known_${at}`]),
    distinct: Number(row![`distinct_${at}`]),
  }))
}

function columnNamed(columns: readonly ColumnFacts[], name: string, option: string): ColumnFacts {
  const found = columns.find((column) => column.name === name)
  if (found) return found
  throw new AppError(
    'not_found',
    `${option} ${name}: the file has no such column. It has ${columns.map((column) => column.name).join(', ')}`,
  )
}

const NUMBERS =
  /^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|UTINYINT|USMALLINT|UINTEGER|UBIGINT|FLOAT|DOUBLE|DECIMAL.*|BOOLEAN)$/
const INTEGERS = /^(SMALLINT|INTEGER|BIGINT|HUGEINT|USMALLINT|UINTEGER|UBIGINT)$/

function kindOf(type: string): OwnFeature['kind'] {
  return NUMBERS.test(type) ? 'number' : 'category'
}

/** Undefined for a column that can be a feature. */
function whyNoFeature({ type, known, distinct }: ColumnFacts): string | undefined {
  if (distinct === 0) return 'is empty'
  if (distinct === 1) return 'has one value'
  if (INTEGERS.test(type) && distinct === known && known > 50)
    return 'has another value in every row, as an id'
  if (NUMBERS.test(type)) return undefined
  if (type !== 'VARCHAR' && !type.startsWith('ENUM'))
    return `is a ${type}: only numbers and categories are played`
  return distinct > known / 2 ? 'has another text in most rows, as an id or a name' : undefined
}

/** `label` and names with two underscores are taken by training sets. */
function featureName(name: string): string {
  return name.toLowerCase() === 'label' || name.startsWith('__') ? `column_${name}` : name
}

function finite(value: string): string {
  return `CASE WHEN isfinite(${value}) THEN ${value} END`
}

/** The time column as a TIMESTAMP in UTC: a date, a time, text in ISO 8601, or a count of (milli)seconds since 1970. */
async function timeExpression(session: AnalyticsSession, column: ColumnFacts): Promise<string> {
  const name = quoteIdentifier(column.name)
  const expression = timeSql(name, column.type)
  const [bad] = await session.query(
    `SELECT n, CAST(v AS VARCHAR) AS v FROM (SELECT row_number() OVER () AS n, ${name} AS v, ${expression} AS moment FROM source)
     WHERE moment IS NULL OR moment < TIMESTAMP '1970-01-01' ORDER BY n LIMIT 1`,
  )
  if (bad === undefined) return expression
  const value = bad['v'] === null ? 'nothing' : JSON.stringify(bad['v'])
  throw new AppError(
    'invalid',
    `--time ${column.name}: row ${String(bad['n'])} has ${value}. A time from 1970 on is wanted, such as 2001-02-01 or 2001-02-01 06:30:00, or seconds since 1970`,
  )
}

function timeSql(name: string, type: string): string {
  if (type === 'TIMESTAMP WITH TIME ZONE') return `make_timestamp(epoch_us(${name}))`
  if (type === 'DATE' || type.startsWith('TIMESTAMP')) return `CAST(${name} AS TIMESTAMP)`
  if (type === 'VARCHAR') return `TRY_CAST(${name} AS TIMESTAMP)`
  if (!NUMBERS.test(type) || type === 'BOOLEAN') return 'CAST(NULL AS TIMESTAMP)'
  // Seconds until the year 2286, milliseconds from 1973 on; smaller numbers are no time.
  return `CASE WHEN ${name} >= 1e11 THEN make_timestamp(CAST(${name} * 1000 AS BIGINT))
    WHEN ${name} >= 1e8 THEN make_timestamp(CAST(${name} * 1000000 AS BIGINT)) END`
}

async function spanOf(session: AnalyticsSession, all: number) {
  const [span] = await session.query(
    `SELECT count(*) AS rows, min(__time_ms) AS first, max(__time_ms) AS last, quantile_disc(__time_ms, 0.6) AS cut FROM own`,
  )
  const rows = Number(span!['rows'])
  if (rows < MIN_ROWS)
    throw new AppError('invalid', `The file has ${rows} rows with a target; at least ${MIN_ROWS} are needed`)
  const [firstMs, lastMs] = [Number(span!['first']), Number(span!['last'])]
  const cutMs = Math.floor(Number(span!['cut']) / DAY_MS) * DAY_MS
  const [history] = await session.query(
    `SELECT count(*) AS rows, count(DISTINCT CAST(make_timestamp(__time_ms * 1000) AS DATE)) AS days FROM own WHERE __time_ms < ${cutMs}`,
  )
  const [historyRows, historyDays] = [Number(history!['rows']), Number(history!['days'])]
  if (historyDays < 2 || historyRows < MIN_ROWS / 2)
    throw new AppError(
      'invalid',
      `The first 60 % of the rows, up to ${new Date(cutMs).toISOString().slice(0, 10)}, are ${historyRows} rows on ${historyDays} days; training and its holdout need at least two days`,
    )
  return { rows, unlabelled: all - rows, firstMs, lastMs, cutMs, historyRows, historyDays }
}
