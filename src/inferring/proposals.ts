import { amount } from '../kernel/amount.ts'
import {
  anomaly,
  between,
  castable,
  columns,
  finite,
  format,
  inSet,
  increasing,
  length,
  lessOrEqual,
  matches,
  noDuplicateRows,
  notNull,
  unique,
  type Expectation,
} from '../expectations/definition.ts'
import { quoteIdentifier, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { ColumnEvidence, Evidence } from './evidence.ts'
import { decimal, literal, percent } from './literal.ts'
import type { TextShape } from './texts.ts'

/** What may be proposed, by the name that it has in code. */
const constructors = {
  anomaly,
  between,
  castable,
  columns,
  finite,
  format,
  inSet,
  increasing,
  length,
  lessOrEqual,
  matches,
  noDuplicateRows,
  notNull,
  unique,
}

/** An expectation, as code, and what was seen that speaks for it. */
export interface Proposal {
  name: keyof typeof constructors
  code: string
  evidence: string
  expectation: Expectation
}

/** Below this, that nothing was otherwise may be chance. */
const FEWEST_ROWS = 20
const FEWEST_PER_VALUE = 5
const MOST_ROWS_COMPARED = 2_000_000

/**
 * What holds of the rows and is likely meant to hold, after the rules of Deequ's constraint suggestion (Schelter et al.
 * 2018) and of TFDV's schema inference (Breck et al. 2019): types, completeness, uniqueness, few values, ranges with a
 * margin, signs, formats, lengths, order.
 */
export function proposeColumn(
  column: ColumnEvidence,
  shape: TextShape | undefined,
  { rows }: Evidence,
): Proposal[] {
  if (column.known === 0) return []
  return [
    ...completeness(column, rows),
    ...(column.isKey
      ? [propose('unique', [column.name], `${amount(column.known)} values, none occurs twice`)]
      : []),
    ...fewValues(column),
    ...(column.kind === 'number' ? range(column) : []),
    ...(shape ? texts(column, shape) : []),
    ...(column.kind === 'timestamp' && column.rises && column.known >= FEWEST_ROWS
      ? [propose('increasing', [column.name], 'no row is before the one above it in its file')]
      : []),
  ]
}

/** What is about the table as a whole. */
export function proposeTable(evidence: Evidence): Proposal[] {
  const kinds = Object.fromEntries(
    evidence.columns.map(({ name, kind }) => [name, kind === 'other' ? 'any' : kind]),
  )
  return [propose('columns', [kinds], `${evidence.columns.length} columns`)]
}

/** What needs history; it says nothing until there is some. */
export function proposeAnomalies({ files }: Evidence): Proposal[] {
  const sizes = files.map(({ rows }) => rows)
  const seen =
    sizes.length === 1
      ? `this file has ${amount(sizes[0]!)}`
      : `these ${sizes.length} files have ${amount(sizes.reduce((a, b) => Math.min(a, b)))} to ${amount(sizes.reduce((a, b) => Math.max(a, b)))}`
  return [
    propose('anomaly', [{ of: 'rowCount' }], `rows of a delivery beside those before; ${seen}`),
    propose('anomaly', [{ of: 'nulls' }], 'the share of nulls of every column beside deliveries before'),
  ]
}

/** Rows that are the same in everything, unless there are too many to compare. */
export async function proposeDuplicates(
  session: AnalyticsSession,
  rows: string,
  evidence: Evidence,
): Promise<Proposal[]> {
  const isKnown = evidence.columns.some(({ isKey, nulls }) => isKey && nulls === 0)
  if (isKnown || evidence.rows < FEWEST_ROWS || evidence.rows > MOST_ROWS_COMPARED) return []
  const all = evidence.columns.map(({ name }) => quoteIdentifier(name)).join(', ')
  const [found] = await session.query(
    `SELECT count(*) AS n FROM (SELECT 1 FROM ${rows} GROUP BY ${all} HAVING count(*) > 1 LIMIT 1)`,
  )
  return Number(found!['n']) === 0
    ? [propose('noDuplicateRows', [], `${amount(evidence.rows)} rows, no two are the same`)]
    : []
}

const ORDERED_NAMES: readonly (readonly [RegExp, string])[] = [
  [/(^|[^a-z])min(imum)?([^a-z]|$)/i, 'max'],
  [/(^|[^a-z])(start(ed)?|begin|from)([^a-z]|$)/i, 'end'],
  [/(^|[^a-z])low([^a-z]|$)/i, 'high'],
]
const UPPER: Readonly<Record<string, RegExp>> = {
  max: /max(imum)?/i,
  end: /(end(ed)?|finish(ed)?|until|to)/i,
  high: /high/i,
}

/** Pairs of columns whose names say that one is the lower end of the other, where all rows agree. */
export async function proposePairs(
  session: AnalyticsSession,
  rows: string,
  { columns }: Evidence,
): Promise<Proposal[]> {
  const pairs = columns.flatMap((left) =>
    ORDERED_NAMES.flatMap(([pattern, upper]) => {
      if (!pattern.test(left.name)) return []
      const right = columns.find(
        (column) => column.kind === left.kind && column !== left && isUpperOf(left.name, column.name, upper),
      )
      return right ? [{ left, right }] : []
    }),
  )
  if (pairs.length === 0) return []
  const counts = pairs.map(
    ({ left, right }, at) =>
      `count(*) FILTER (WHERE ${quoteIdentifier(left.name)} > ${quoteIdentifier(right.name)}) AS wrong_${at}, count(*) FILTER (WHERE ${quoteIdentifier(left.name)} <= ${quoteIdentifier(right.name)}) AS right_${at}`,
  )
  const [found] = await session.query(`SELECT ${counts.join(', ')} FROM ${rows}`)
  return pairs.flatMap(({ left, right }, at) =>
    Number(found![`wrong_${at}`]) === 0 && Number(found![`right_${at}`]) >= FEWEST_ROWS
      ? [
          propose(
            'lessOrEqual',
            [left.name, right.name],
            `true of all ${amount(Number(found![`right_${at}`]))} rows that have both`,
          ),
        ]
      : [],
  )
}

function isUpperOf(lower: string, name: string, upper: string): boolean {
  const stem = (text: string): string => text.toLowerCase().replaceAll(/[^a-z]+/g, ' ')
  const words = (text: string): string[] => stem(text).split(' ').filter(Boolean)
  const [a, b] = [words(lower), words(name)]
  if (a.length !== b.length) return false
  const differing = a.findIndex((word, at) => word !== b[at])
  return (
    differing >= 0 &&
    UPPER[upper]!.test(b[differing]!) &&
    a.every((word, at) => at === differing || word === b[at])
  )
}

/** The bound of a share of nulls lies two standard errors above the greatest that was seen. */
function completeness({ name, nulls, mostNullShare }: ColumnEvidence, rows: number): Proposal[] {
  if (nulls === 0) return [propose('notNull', [name], `0 of ${amount(rows)} rows are null`)]
  const bound = mostNullShare + 2 * Math.sqrt((mostNullShare * (1 - mostNullShare)) / rows) + 0.005
  if (bound >= 0.9) return []
  const maxShare = Math.ceil(bound * 1_000) / 1_000
  const seen = `${amount(nulls)} of ${amount(rows)} rows are null (${percent(nulls / rows)})`
  return [propose('notNull', [name, { maxShare }], seen)]
}

function fewValues({ name, type, known, values }: ColumnEvidence): Proposal[] {
  if (values.length < 2 || known < FEWEST_PER_VALUE * values.length) return []
  const typed = values.map(({ value }) =>
    type === 'VARCHAR' ? value : type === 'BOOLEAN' ? value === 'true' : Number(value),
  )
  if (type === 'BOOLEAN') return []
  const shown = values.map(({ value, count }) => `${value} ${percent(count / known)}`).slice(0, 6)
  const rare = values.some(({ count }) => count === 1)
  const sorted = type === 'VARCHAR' ? typed : (typed as number[]).toSorted((a, b) => a - b)
  const options = rare ? [{ severity: 'warn' }] : []
  const seen = `${values.length} values: ${shown.join(', ')}${values.length > 6 ? ', …' : ''}`
  return [propose('inSet', [name, sorted, ...options], rare ? `${seen}; some occur once` : seen)]
}

/** A quarter of the span from the 1st to the 99th percentile beyond what was seen, zero where nothing was below it. */
function range({
  name,
  type,
  min,
  max,
  low,
  high,
  values,
  known,
  isFinite,
  isKey,
}: ColumnEvidence): Proposal[] {
  const finite =
    type === 'DOUBLE' && isFinite ? [propose('finite', [name], 'no value is NaN or infinite')] : []
  if (min === null || max === null || low === null || high === null || !isFinite) return finite
  if (known < FEWEST_ROWS) return finite
  if (values.length >= 2 && known >= FEWEST_PER_VALUE * values.length) return finite
  const margin = (high - low || max - min || Math.abs(max) || 1) / 4
  const isShare = type === 'DOUBLE' && min >= 0 && max <= 1
  const from = min >= 0 ? 0 : roundOut(min - margin, -1)
  const to = isShare ? 1 : max <= 0 ? 0 : roundOut(max + margin, 1)
  const seen = `${decimal(min)} to ${decimal(max)}, 98 % of them ${decimal(low)} to ${decimal(high)}`
  if (type === 'BIGINT' && isKey)
    return [
      ...finite,
      ...(min >= 0
        ? [propose('between', [name, 0, undefined], `${seen}; a number of its own for each row`)]
        : []),
    ]
  return [...finite, propose('between', [name, from, to], seen)]
}

/** To two digits, away from zero or towards it, so that nothing that was inside is outside. */
function roundOut(value: number, direction: 1 | -1): number {
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(value) || 1)) - 1)
  const rounded = (direction > 0 ? Math.ceil(value / unit) : Math.floor(value / unit)) * unit
  return Number(rounded.toPrecision(6))
}

function texts(column: ColumnEvidence, { format, castable, pattern }: TextShape): Proposal[] {
  const { name, known, minLength, maxLength } = column
  if (known < FEWEST_ROWS) return []
  if (format) {
    const { name: written, others } = format
    const options = others > 0 ? [{ maxShare: 0.02 }] : []
    return [
      propose(
        'format',
        [name, written, ...options],
        `${amount(known - others)} of ${amount(known)} are written so`,
      ),
    ]
  }
  const whole = `all ${amount(known)}`
  return [
    ...(pattern ? [propose('matches', [name, new RegExp(pattern)], `${whole} match`)] : []),
    ...(castable ? [propose('castable', [name, castable], `${whole} can be read as one`)] : []),
    ...(!pattern && !castable && minLength !== null && maxLength !== null
      ? [
          propose(
            'length',
            [name, { ...(minLength > 0 && { min: 1 }), max: roundOut(1.5 * maxLength, 1) }],
            `${minLength} to ${maxLength} characters`,
          ),
        ]
      : []),
  ]
}

function propose(name: Proposal['name'], values: readonly unknown[], evidence: string): Proposal {
  const make = constructors[name] as (...values: readonly unknown[]) => Expectation
  return { name, code: `${name}(${values.map(literal).join(', ')})`, evidence, expectation: make(...values) }
}
