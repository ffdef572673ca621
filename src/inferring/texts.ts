import { formatCondition, textFormats, type TextFormat } from '../expectations/expectations.ts'
import { quoteIdentifier, quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { ColumnEvidence } from './evidence.ts'

/** How the texts of a column are written. */
export interface TextShape {
  /** The format that at least 99 % have, and how many have another. */
  format: { name: TextFormat; others: number } | undefined
  /** What all of them can be read as. */
  castable: 'number' | 'timestamp' | undefined
  /** How all of them are written, when they are times that DuckDB does not read by itself. */
  timeFormat: string | undefined
  /** A pattern that all of them match, when they are all of one length. */
  pattern: string | undefined
}

const MOST_OTHERS = 0.01
const CLASSES = ['[A-Z]', '[0-9]', '[a-z]', '[A-Z0-9]', '[0-9a-f]', '[A-Za-z0-9]']
const LONGEST_PATTERN = 64
/** As `strptime` has them. Where day and month can't be told apart, the first that reads all texts is taken. */
const TIME_FORMATS = [
  '%b %d %Y',
  '%d %b %Y',
  '%B %d, %Y',
  '%d.%m.%Y',
  '%m/%d/%Y',
  '%d/%m/%Y',
  '%m/%d/%Y %H:%M',
  '%Y/%m/%d',
  '%Y%m%d',
]

/** Looks at every text; where they repeat, at each once. */
export async function shapesOf(
  session: AnalyticsSession,
  rows: string,
  columns: readonly ColumnEvidence[],
): Promise<Map<string, TextShape>> {
  const shapes = new Map<string, TextShape>()
  for (const column of columns) {
    if (column.type !== 'VARCHAR' || column.known === 0 || column.values.length > 0) continue
    const name = quoteIdentifier(column.name)
    const isRepeated = column.distinct < column.known / 10
    const texts = isRepeated
      ? `(SELECT ${name} AS text, count(*) AS n FROM ${rows} GROUP BY 1)`
      : `(SELECT ${name} AS text, 1 AS n FROM ${rows})`
    const conditions = Object.entries(conditionsOf('text'))
    const sums = conditions.map(([, condition], at) => `sum(n) FILTER (WHERE ${condition}) AS n_${at}`)
    const [found] = await session.query(`SELECT ${sums.join(', ')} FROM ${texts} WHERE text IS NOT NULL`)
    const holds = new Map(conditions.map(([key], at) => [key, Number(found![`n_${at}`] ?? 0)]))
    shapes.set(column.name, shapeOf(column, holds))
  }
  return shapes
}

function conditionsOf(column: string): Record<string, string> {
  const formats = textFormats.map((name) => [name, formatCondition(name, column)])
  const classes = CLASSES.map((letters) => [
    letters,
    `regexp_full_match(${column}, ${quoteLiteral(`${letters}+`)})`,
  ])
  const times = TIME_FORMATS.map((written) => [
    written,
    `try_strptime(${column}, ${quoteLiteral(written)}) IS NOT NULL`,
  ])
  return {
    ...(Object.fromEntries([...formats, ...classes, ...times]) as Record<string, string>),
    number: `TRY_CAST(${column} AS DOUBLE) IS NOT NULL`,
    time: `TRY_CAST(${column} AS TIMESTAMP) IS NOT NULL`,
  }
}

function shapeOf(
  { known, minLength, maxLength }: ColumnEvidence,
  holds: ReadonlyMap<string, number>,
): TextShape {
  const format = textFormats.find((name) => holds.get(name)! >= (1 - MOST_OTHERS) * known)
  const all = (key: string): boolean => holds.get(key) === known
  const letters = CLASSES.find(all)
  const isEven = minLength === maxLength && minLength !== null && minLength <= LONGEST_PATTERN
  return {
    format: format && { name: format, others: known - holds.get(format)! },
    timeFormat: all('time') ? undefined : TIME_FORMATS.find(all),
    castable: all('number') ? 'number' : all('time') ? 'timestamp' : undefined,
    pattern: letters && isEven ? `^${letters}{${minLength}}$` : undefined,
  }
}
