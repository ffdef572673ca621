import {
  plain,
  Select,
  Unfollowed,
  type Branch,
  type FlowColumn,
  type Moment,
  type Row,
} from './known-select.ts'
import { isNode, namesOf, nodesOf, textOf, walk, type SqlNode } from './sql-tree.ts'

/** Tables that a query may read, by name in small letters. */
export type Tables = ReadonlyMap<string, readonly Branch[]>

const MAX_BRANCHES = 64

export function followQuery(node: SqlNode, tables: Tables): Branch[] {
  const scope = new Map(tables)
  for (const { key, value } of nodesOf((node['cte_map'] as SqlNode | undefined)?.['map']) as {
    key?: string
    value?: SqlNode
  }[]) {
    const query = (value!['query'] as SqlNode)['node'] as SqlNode
    scope.set(
      key!.toLowerCase(),
      renamed(followQuery(query, scope), value!['aliases'] as string[] | undefined),
    )
  }
  if (
    nodesOf(node['modifiers']).some(
      ({ type }) => type === 'LIMIT_MODIFIER' || type === 'LIMIT_PERCENT_MODIFIER',
    )
  )
    throw new Unfollowed('LIMIT')
  if (nodesOf(node['modifiers']).some((each) => nodesOf(each['distinct_on_targets']).length > 0))
    throw new Unfollowed('DISTINCT ON')
  if (node['type'] === 'SELECT_NODE') return followSelect(node, scope)
  if (node['type'] === 'SET_OPERATION_NODE') return followUnion(node, scope)
  throw new Unfollowed(node['type'] === 'RECURSIVE_CTE_NODE' ? 'a recursive WITH' : 'this form of query')
}

function followUnion(node: SqlNode, tables: Tables): Branch[] {
  const byName = node['setop_type'] === 'UNION_BY_NAME'
  if (!byName && node['setop_type'] !== 'UNION') throw new Unfollowed('EXCEPT and INTERSECT')
  const children = node['left']
    ? [node['left'] as SqlNode, node['right'] as SqlNode]
    : nodesOf(node['children'])
  const parts = children.map((child) => followQuery(child, tables))
  if (byName) return limited(parts.flat())
  const first = parts[0]![0]!
  if (parts.flat().some(({ listed }) => !listed)) throw new Unfollowed('a UNION of SELECT *')
  return limited(parts.flatMap((part) => renamed(part, [...first.columns.keys()])))
}

function limited(branches: Branch[]): Branch[] {
  if (branches.length > MAX_BRANCHES) throw new Unfollowed('so many UNIONs')
  return branches
}

function renamed(branches: readonly Branch[], names: readonly string[] | undefined): Branch[] {
  if (names === undefined || names.length === 0) return [...branches]
  return branches.map((branch) => {
    if (!branch.listed) {
      if (branch.columns.size > 0) throw new Unfollowed('names given to the columns of a SELECT *')
      // Whatever columns these are, none of them needs anything.
      const unknown = (name: string): FlowColumn => ({ symbol: `renamed ${name}`, bounds: [], needs: [] })
      return { ...branch, columns: new Map(names.map((name) => [name.toLowerCase(), unknown(name)])) }
    }
    const columns = [...branch.columns.values()]
    return { ...branch, columns: new Map(names.map((name, index) => [name.toLowerCase(), columns[index]!])) }
  })
}

function followSelect(node: SqlNode, tables: Tables): Branch[] {
  const rows = followFrom(node['from_table'] as SqlNode | undefined, tables)
  return limited(rows.map((row) => new Select(node, row).branch()))
}

function followFrom(table: SqlNode | undefined, tables: Tables): Row[] {
  if (table?.['type'] !== 'JOIN') {
    return followTable(table, tables).map((branch) => ({
      parts: [{ table: tableName(table), branch }],
      needs: branch.rowNeeds,
    }))
  }
  const [left, right] = (['left', 'right'] as const).map((side) =>
    followFrom(table[side] as SqlNode, tables).map((row) => onSide(side, row)),
  )
  const { condition } = table
  return left!.flatMap((a) =>
    right!.map((b) => {
      const row = { parts: [...a.parts, ...b.parts], needs: [...a.needs, ...b.needs] }
      const on = isNode(condition) ? new Select({}, row).follow(condition).needs : []
      return { ...row, needs: [...row.needs, ...on] }
    }),
  )
}

/** Moments of the two rows of a JOIN are different ones, even when both are rows of one table. */
function onSide(side: string, { parts, needs }: Row): Row {
  const moved = <M extends Moment>(moment: M): M => ({ ...moment, symbol: `${side} ${moment.symbol}` })
  const column = ({ symbol, bounds, needs }: FlowColumn): FlowColumn => ({
    symbol: `${side} ${symbol}`,
    bounds: bounds.map(moved),
    needs: needs.map(moved),
  })
  return {
    needs: needs.map(moved),
    parts: parts.map(({ table, branch }) => {
      const { open } = branch
      const columns = new Map([...branch.columns].map(([name, each]) => [name, column(each)]))
      const rowNeeds = branch.rowNeeds.map(moved)
      return { table, branch: { ...branch, columns, rowNeeds, open: open && ((name) => column(open(name))) } }
    }),
  }
}

function tableName(table: SqlNode | undefined): string {
  return (textOf(table?.['alias']) || textOf(table?.['table_name'])).toLowerCase()
}

function followTable(table: SqlNode | undefined, tables: Tables): Branch[] {
  switch (table?.['type']) {
    case undefined:
    case 'EMPTY':
    case 'TABLE_FUNCTION':
    case 'EXPRESSION_LIST':
      return [{ columns: new Map(), open: (name) => plain(name, []), rowNeeds: [], listed: false }]
    case 'BASE_TABLE': {
      const known = tables.get(String(table['table_name']).toLowerCase())
      if (!known) throw new Unfollowed(`the table ${String(table['table_name'])}`)
      return renamed(known, table['column_name_alias'] as string[] | undefined)
    }
    case 'SUBQUERY': {
      const query = (table['subquery'] as SqlNode)['node'] as SqlNode
      return renamed(followQuery(query, tables), table['column_name_alias'] as string[] | undefined)
    }
    default:
      throw new Unfollowed('this kind of table')
  }
}

/** Whether a query names one of the columns anywhere, or all of them at once. */
export function mentions(node: SqlNode, columns: ReadonlySet<string>): boolean {
  for (const each of walk(node)) {
    if (each['class'] === 'COLUMN_REF' && namesOf(each).some((name) => columns.has(name))) return true
    if (each['class'] === 'STAR' && each['columns'] === true) return true
  }
  return false
}
