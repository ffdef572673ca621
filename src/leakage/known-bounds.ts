import { DAY_MS } from '../kernel/time-spans.ts'
import type { FlowColumn } from './known-select.ts'
import { intervalMs, isNode, nodesOf, textOf, type SqlNode } from './sql-tree.ts'

/** What is known of the moment that an expression gives. */
type Bounds = Required<Pick<FlowColumn, 'bounds' | 'neverNull'>>

const NONE: Bounds = { bounds: [], neverNull: false }

/** The longest that `date_trunc` takes away. */
const LONGEST_MS: Readonly<Record<string, number>> = {
  millisecond: 1,
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: DAY_MS,
  week: 7 * DAY_MS,
  month: 31 * DAY_MS,
  quarter: 92 * DAY_MS,
  year: 366 * DAY_MS,
}

/** Moments that an expression is never before, and null with. `of` follows the expressions that it is made of. */
export function boundsOf(node: SqlNode, of: (child: unknown) => FlowColumn): Bounds {
  const [first, second] = nodesOf(node['children'])
  switch (node['class'] === 'FUNCTION' ? node['function_name'] : node['class']) {
    case '+': {
      const [moment, interval] =
        second && intervalMs(second) !== undefined ? [first, second] : [second, first]
      const ms = interval && intervalMs(interval)
      // Of months that are taken away only the least length is known.
      return ms === undefined || ms < 0 ? NONE : shifted(of(moment), ms)
    }
    case 'date_trunc':
      return second ? shifted(of(second), negative(LONGEST_MS[constantText(first!).replace(/s$/, '')])) : NONE
    case 'time_bucket': {
      const width = intervalMs(first!)
      const isPlain = nodesOf(node['children']).length === 2
      return isPlain && width !== undefined && width < 28 * DAY_MS ? shifted(of(second), -width) : NONE
    }
    case 'greatest':
      return greatest(nodesOf(node['children']), of, new Set())
    case 'CASE':
      return guarded(node, of)
    case 'CAST':
      return cast(node, of)
    default:
      return NONE
  }
}

function shifted({ bounds, neverNull = false }: FlowColumn, byMs: number | undefined): Bounds {
  if (byMs === undefined) return NONE
  return { neverNull, bounds: bounds.map((bound) => ({ ...bound, plusMs: bound.plusMs + byMs })) }
}

function negative(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : -ms
}

function constantText(node: SqlNode): string {
  const value = node['class'] === 'CONSTANT' ? (node['value'] as { value?: unknown }).value : undefined
  return textOf(value).toLowerCase()
}

/** `greatest` overlooks nulls: only what is there in every row holds it back. */
function greatest(
  nodes: readonly SqlNode[],
  of: (child: unknown) => FlowColumn,
  present: ReadonlySet<string>,
): Bounds {
  const sure = nodes.map(of).filter(({ symbol, neverNull }) => neverNull === true || present.has(symbol))
  return {
    bounds: sure.flatMap(({ bounds }) => bounds),
    neverNull: sure.some(({ neverNull }) => neverNull === true),
  }
}

/** `CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN greatest(a, b) END`, and what else is null unless a condition holds. */
function guarded(node: SqlNode, of: (child: unknown) => FlowColumn): Bounds {
  const [check, ...others] = nodesOf(node['case_checks'])
  const otherwise = node['else_expr']
  const isNull =
    isNode(otherwise) && (otherwise['value'] as { is_null?: boolean } | undefined)?.is_null === true
  if (!check || others.length > 0 || !isNull) return NONE
  const then = check['then_expr'] as SqlNode
  if (then['function_name'] !== 'greatest') return { bounds: of(then).bounds, neverNull: false }
  const present = new Set([...requiredIn(check['when_expr'] as SqlNode)].map((each) => of(each).symbol))
  return { bounds: greatest(nodesOf(then['children']), of, present).bounds, neverNull: false }
}

/** What a condition requires not to be null. */
function* requiredIn(condition: SqlNode): Iterable<SqlNode> {
  if (condition['type'] === 'CONJUNCTION_AND')
    for (const part of nodesOf(condition['children'])) yield* requiredIn(part)
  if (condition['type'] === 'OPERATOR_IS_NOT_NULL') yield nodesOf(condition['children'])[0]!
}

function cast(node: SqlNode, of: (child: unknown) => FlowColumn): Bounds {
  const type = (node['cast_type'] as SqlNode | undefined)?.['id']
  if (node['try_cast'] !== false || (type !== 'TIMESTAMP' && type !== 'DATE')) return NONE
  return shifted(of(node['child']), type === 'DATE' ? -DAY_MS : 0)
}
