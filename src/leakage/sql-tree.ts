import { AppError } from '../kernel/errors.ts'
import { quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'

/** A part of a parsed query, as DuckDB's `json_serialize_sql` gives it. */
export interface SqlNode {
  readonly [member: string]: unknown
}

/** Parses one SELECT with DuckDB. Throws `invalid` with DuckDB's words when it is none. */
export async function parseSelect(
  session: Pick<AnalyticsSession, 'query'>,
  what: string,
  sql: string,
): Promise<SqlNode> {
  const [row] = await session.query(
    `SELECT CAST(json_serialize_sql(${quoteLiteral(sql)}) AS VARCHAR) AS tree`,
  )
  const tree = JSON.parse(row!['tree'] as string) as {
    error: boolean
    error_message?: string
    statements?: { node: SqlNode }[]
  }
  if (tree.error || tree.statements?.length !== 1) {
    throw new AppError(
      'invalid',
      `${what} is no single SELECT: ${tree.error_message ?? 'it has several statements'}`,
    )
  }
  return tree.statements[0]!.node
}

export function isNode(value: unknown): value is SqlNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A name in the tree; empty where there is none. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export function nodesOf(value: unknown): SqlNode[] {
  return Array.isArray(value) ? value.filter(isNode) : []
}

/** Every node of a tree, itself included. */
export function* walk(value: unknown): Iterable<SqlNode> {
  if (Array.isArray(value)) for (const item of value) yield* walk(item)
  else if (isNode(value)) {
    yield value
    for (const member of Object.values(value)) yield* walk(member)
  }
}

/** The names of a reference to a column, in small letters as DuckDB compares them. */
export function namesOf(reference: SqlNode): string[] {
  return (reference['column_names'] as string[]).map((name) => name.toLowerCase())
}

const UNITS_MS: Readonly<Record<string, number>> = {
  to_milliseconds: 1,
  to_seconds: 1_000,
  to_minutes: 60_000,
  to_hours: 3_600_000,
  to_days: 86_400_000,
  to_weeks: 7 * 86_400_000,
  to_months: 28 * 86_400_000,
  to_years: 365 * 86_400_000,
}

/** The length of a constant interval, ms, of months at least; undefined when it is none. */
export function intervalMs(node: SqlNode): number | undefined {
  const written = intervalText(node)
  const [, number, word] = /^(\d+(?:\.\d+)?) ?([a-z]+?)s?$/i.exec(written ?? '') ?? []
  if (word !== undefined) {
    const unit = UNITS_MS[`to_${word.toLowerCase()}s`]
    return unit === undefined ? undefined : Math.floor(Number(number) * unit)
  }
  const unit = UNITS_MS[String(node['function_name'])]
  const amount = unit === undefined ? undefined : constantOf(nodesOf(node['children'])[0])
  return amount === undefined ? undefined : Math.floor(amount * unit!)
}

/** `CAST('90 minutes' AS INTERVAL)`, as `INTERVAL '90 minutes'` is parsed. */
function intervalText({ class: kind, child, cast_type }: SqlNode): string | undefined {
  if (kind !== 'CAST' || (cast_type as SqlNode)['id'] !== 'INTERVAL') return undefined
  const { value } = ((child as SqlNode)['value'] ?? {}) as { value?: unknown }
  return typeof value === 'string' ? value : undefined
}

const NUMBERS = new Set(['INTEGER', 'BIGINT', 'DOUBLE'])

/** A constant number; undefined for all else. */
export function constantOf(node: SqlNode | undefined): number | undefined {
  if (!node) return undefined
  if (node['class'] === 'CAST') return constantOf(node['child'] as SqlNode)
  if (node['function_name'] === 'trunc') return constantOf(nodesOf(node['children'])[0])
  if (node['class'] !== 'CONSTANT') return undefined
  const { value, type } = node['value'] as { value?: unknown; type: SqlNode }
  return typeof value === 'number' && NUMBERS.has(String(type['id'])) ? value : undefined
}
