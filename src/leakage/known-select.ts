import { sha256 } from '../kernel/json.ts'
import { boundsOf } from './known-bounds.ts'
import { constantOf, isNode, namesOf, nodesOf, textOf, type SqlNode } from './sql-tree.ts'

// What a query's columns need to have become known, followed through its SELECTs. A column is seen as what one row of
// the dataset gives: its symbol (the expression over the dataset's columns as text), the moments that it is never
// before (bounds), and the moments that must have come before anyone can know it (needs).

/** A moment of a row: an expression over the dataset's columns as text, plus ms. */
export interface Moment {
  symbol: string
  plusMs: number
}

export interface Need extends Moment {
  /** The column of the dataset that is read. */
  column: string
}

export interface FlowColumn {
  symbol: string
  bounds: readonly Moment[]
  needs: readonly Need[]
  /** Whether there is a value in every row. */
  neverNull?: boolean
}

/** One way in which rows come about; the parts of a UNION ALL are several. */
export interface Branch {
  /** By name in small letters. Names that are not there are columns of `open`. */
  columns: Map<string, FlowColumn>
  /** What gives all other columns; null when there are no others. */
  open: ((name: string) => FlowColumn) | null
  /** What the being of a row depends on. */
  rowNeeds: readonly Need[]
  /** False when `*` of a table stands among the columns, whose order is not known then. */
  listed: boolean
}

/** Rows of a query that cannot be followed; the message says which part of it. */
export class Unfollowed extends Error {
  /** The column of the dataset that stands in the way, where it is one. */
  readonly column: string | undefined

  constructor(message: string, column?: string) {
    super(message)
    this.column = column
  }
}

/** What a SELECT takes its rows from: one table, or those of a JOIN beside each other. */
export interface Row {
  parts: { table: string; branch: Branch }[]
  needs: readonly Need[]
}

/** A column that is what its name says. */
export function plain(symbol: string, needs: readonly Need[]): FlowColumn {
  return { symbol, bounds: [{ symbol, plusMs: 0 }], needs }
}

const AGGREGATES =
  /^(avg|mean|sum|fsum|kahan_sum|sumkahan|count|count_star|count_if|min|max|arg_max|argmax|max_by|arg_min|argmin|min_by|first|last|any_value|arbitrary|median|mode|mad|product|entropy|skewness|kurtosis|kurtosis_pop|(stddev|var|variance|sem|corr|covar|regr|quantile|approx|bool_and|bool_or|bit_and|bit_or|bit_xor|histogram|reservoir).*|list|(array|string|list)_?agg|group_concat|geometric_mean|geomean|favg|wavg|bitstring_agg)$/

/** Windows that read no row after the current one in the order of the window. */
const BACKWARD = new Set([
  'WINDOW_AGGREGATE',
  'WINDOW_ROW_NUMBER',
  'WINDOW_RANK',
  'WINDOW_RANK_DENSE',
  'WINDOW_FIRST_VALUE',
  'WINDOW_LAST_VALUE',
  'WINDOW_NTH_VALUE',
  'WINDOW_LAG',
])
const BACKWARD_ENDS = /^(CURRENT_ROW|EXPR_PRECEDING)_(RANGE|ROWS|GROUPS)$/

/** An offset of a window or of `lag` that may be negative looks forward. */
function mayBeNegative(offset: unknown): boolean {
  return (
    isNode(offset) && /"function_name":"-"|"value":-|"COLUMN_REF"|"PARAMETER"/.test(JSON.stringify(offset))
  )
}

export class Select {
  readonly #node: SqlNode
  readonly #row: Row
  readonly #grouped: boolean
  /** What the rows that are left to group, and how they are grouped, depend on. */
  #given: readonly Need[] | undefined
  readonly #aliases = new Map<string, SqlNode>()
  /** Aliases that are being followed, so that one that names itself ends. */
  readonly #open = new Set<string>()

  constructor(node: SqlNode, row: Row) {
    this.#node = node
    this.#row = row
    const list = nodesOf(node['select_list'])
    this.#grouped =
      nodesOf(node['group_expressions']).length > 0 ||
      node['aggregate_handling'] === 'FORCE_AGGREGATES' ||
      list.some(isAggregate)
    for (const item of list) if (item['alias']) this.#aliases.set(textOf(item['alias']).toLowerCase(), item)
  }

  branch(): Branch {
    const columns = new Map<string, FlowColumn>()
    let open: Branch['open'] = null
    for (const [index, item] of nodesOf(this.#node['select_list']).entries()) {
      if (item['class'] === 'STAR') {
        const renames =
          item['columns'] === true ? Boolean(item['alias']) : nodesOf(item['rename_list']).length > 0
        if (renames || this.#grouped) throw new Unfollowed('* with other names, or of groups')
        const named = textOf(item['relation_name']).toLowerCase()
        const parts = this.#row.parts.filter(({ table }) => named === '' || table === named)
        for (const { branch } of parts) for (const [name, column] of branch.columns) columns.set(name, column)
        for (const { key, value } of nodesOf(item['replace_list']) as { key?: string; value?: SqlNode }[])
          columns.set(key!.toLowerCase(), this.follow(value!))
        if (parts.some(({ branch }) => branch.open)) open = (name) => this.#unqualified(name, parts)!
      } else {
        const name = item['alias'] || (item['class'] === 'COLUMN_REF' ? namesOf(item).at(-1) : `#${index}`)
        columns.set(textOf(name).toLowerCase(), this.follow(item))
      }
    }
    const conditions = ['having', 'qualify'].flatMap((clause) => this.#condition(clause))
    return { columns, open, rowNeeds: [...this.#givenNeeds(), ...conditions], listed: open === null }
  }

  /**
   * An expression of the SELECT as a column of its result. Of groups it is a key, which holds for each row of the group, or made of
   * aggregates, which depend on all that makes the groups.
   */
  follow(expression: SqlNode): FlowColumn {
    const column = this.#expression(expression)
    const isKey = !this.#grouped || this.#keys().some(({ symbol }) => symbol === column.symbol)
    return isKey ? column : { ...column, needs: [...column.needs, ...this.#givenNeeds()] }
  }

  #condition(clause: string): readonly Need[] {
    const condition = this.#node[clause]
    return isNode(condition) ? this.#expression(condition).needs : []
  }

  #givenNeeds(): readonly Need[] {
    const keys = this.#keys().flatMap(({ needs }) => needs)
    const sets = this.#node['group_sets']
    if (keys.length > 0 && Array.isArray(sets) && sets.length > 1)
      throw new Unfollowed('GROUPING SETS', keys[0]!.column)
    this.#given ??= [...this.#row.needs, ...this.#condition('where_clause'), ...keys]
    return this.#given
  }

  #keys(): readonly FlowColumn[] {
    if (!this.#grouped) return []
    const list = nodesOf(this.#node['select_list'])
    const written = nodesOf(this.#node['group_expressions'])
    // GROUP BY ALL: whatever is no aggregate.
    const keys = written.length > 0 ? written : list.filter((item) => !isAggregate(item))
    return keys.map((key) => this.#expression(list[(positionOf(key) ?? NaN) - 1] ?? key))
  }

  #expression(node: SqlNode): FlowColumn {
    switch (node['class']) {
      case 'COLUMN_REF':
        return this.#reference(namesOf(node))
      case 'WINDOW':
        return this.#window(node)
      case 'SUBQUERY':
        throw new Unfollowed('a subquery inside of an expression')
      case 'STAR':
        throw new Unfollowed('COLUMNS(…)')
      default:
        return this.#composed(node)
    }
  }

  #reference(names: readonly string[]): FlowColumn {
    const qualified = this.#row.parts.filter(({ table }) => names.length > 1 && table === names[0])
    if (qualified.length > 0) {
      const column = this.#unqualified(names[1]!, qualified)
      if (column) return column
    }
    const name = names[0]!
    const column = this.#unqualified(name, this.#row.parts)
    const isCertain = this.#row.parts.some(({ branch }) => branch.columns.has(name))
    const alias = this.#aliases.get(name)
    if (isCertain || !alias || this.#open.has(name)) {
      if (column) return column
      throw new Unfollowed(`the name ${name}`)
    }
    // The table's own column would come first, if it has one of this name.
    this.#open.add(name)
    const aliased = this.#expression(alias)
    this.#open.delete(name)
    return column ? { ...column, needs: [...column.needs, ...aliased.needs] } : aliased
  }

  /** A name that may stand for a column of several tables needs all that they need, and is no moment. */
  #unqualified(name: string, parts: Row['parts']): FlowColumn | undefined {
    const certain = parts.flatMap(({ branch }) => branch.columns.get(name) ?? [])
    const found = certain.length > 0 ? certain : parts.flatMap(({ branch }) => branch.open?.(name) ?? [])
    if (found.length <= 1) return found[0]
    const needs = found.flatMap((column) => column.needs)
    return { symbol: `one of ${found.map(({ symbol }) => symbol).join(', ')}`, bounds: [], needs }
  }

  #composed(node: SqlNode): FlowColumn {
    const parts = [...childExpressions(node)].map((child) => ({ child, column: this.#expression(child) }))
    const symbol = this.#symbol(node)
    const needs = parts.flatMap(({ column }) => column.needs)
    const of = (child: unknown): FlowColumn =>
      parts.find((part) => part.child === child)?.column ?? this.#expression(child as SqlNode)
    const { bounds, neverNull } = boundsOf(node, of)
    return { symbol, needs, bounds: [{ symbol, plusMs: 0 }, ...bounds], neverNull }
  }

  /** The expression as text, with what its names stand for. */
  #symbol(node: SqlNode): string {
    const text = JSON.stringify(node, (key, value: unknown) => {
      if (key === 'alias' || key === 'query_location') return undefined
      return isNode(value) && value['class'] === 'COLUMN_REF' ? this.#reference(namesOf(value)).symbol : value
    })
    return sha256(text)
  }

  #window(node: SqlNode): FlowColumn {
    const orders = nodesOf(node['orders'])
    const order = orders[0] && this.#expression(orders[0]['expression'] as SqlNode)
    const read = [
      ...childExpressions({ ...node, orders: undefined, start_expr: undefined, end_expr: undefined }),
    ]
    const needs = [
      ...read.flatMap((child) => this.#expression(child).needs),
      ...orders.flatMap(({ expression }) => this.#expression(expression as SqlNode).needs),
      ...this.#givenNeeds(),
    ]
    const symbol = this.#symbol(node)
    if (needs.length === 0) return { symbol, bounds: [], needs }
    const backward =
      BACKWARD.has(String(node['type'])) &&
      BACKWARD_ENDS.test(String(node['end'])) &&
      !mayBeNegative(node['end_expr']) &&
      !mayBeNegative(node['offset_expr']) &&
      orders[0]?.['type'] !== 'DESCENDING' &&
      orders[0]?.['null_order'] !== 'NULLS FIRST'
    const late = needs.find((need) => !order || !isCovered(need, order.bounds))
    if (!backward || late) {
      const { column } = late ?? needs[0]!
      throw new Unfollowed(
        `a window that is not ordered by the moment when ${column} is known, up to the current row`,
        column,
      )
    }
    return {
      symbol,
      bounds: [],
      needs: needs.map(({ column }) => ({ column, symbol: order!.symbol, plusMs: 0 })),
    }
  }
}

/** Whether a moment that is never before the bounds is never before what is needed. */
export function isCovered(need: Need, bounds: readonly Moment[]): boolean {
  return bounds.some(({ symbol, plusMs }) => symbol === need.symbol && plusMs >= need.plusMs)
}

/** The expressions right below a node, whatever lies between. */
function* childExpressions(node: SqlNode): Iterable<SqlNode> {
  for (const member of Object.values(node)) yield* expressionsIn(member)
}

function* expressionsIn(value: unknown): Iterable<SqlNode> {
  if (Array.isArray(value)) for (const item of value) yield* expressionsIn(item)
  else if (isNode(value)) {
    if (typeof value['class'] === 'string') yield value
    else yield* childExpressions(value)
  }
}

/** `GROUP BY 2` is by the second column. */
function positionOf(key: SqlNode): number | undefined {
  return key['class'] === 'CONSTANT' ? constantOf(key) : undefined
}

function isAggregate(item: SqlNode): boolean {
  if (['WINDOW', 'STAR', 'SUBQUERY'].includes(String(item['class']))) return false
  if (item['class'] === 'FUNCTION' && AGGREGATES.test(String(item['function_name']))) return true
  return [...childExpressions(item)].some(isAggregate)
}
