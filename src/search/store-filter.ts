import { sql, type RawBuilder, type SqlBool } from 'kysely'
import { AppError } from '../kernel/errors.ts'
import type { DialectName } from '../ports/db/dialect.ts'
import { matchText, textOperators, type TextOperator } from '../ports/db/match.ts'
import {
  requireBounded,
  type Comparison,
  type DatasetReference,
  type Filter,
  type OrderTerm,
} from './filter.ts'

type Sql = RawBuilder<unknown>

interface SearchableAttribute {
  column: string
  kind: 'number' | 'text'
  nullable?: boolean
  /** What has no value compares as an empty text. */
  emptyWhenNull?: boolean
}

/** Where each field of a filter lives in the tables of what is searched. */
export interface Searchable {
  what: string
  /** Columns that hold one value for each thing, by attribute. */
  attributes: Record<string, SearchableAttribute>
  /** Text values by key: a table whose `owner` column holds the thing's id. */
  values: Partial<Record<'param' | 'tag', { table: string; owner: string }>>
  /** `byDataset`: a thing has several values of one metric, each on a dataset. */
  metric?: { table: string; owner: string; byDataset?: boolean }
  /** Datasets that things have used: tables whose `owner` column holds the thing's id, and the column of each name. */
  datasets?: { tables: string; owner: string; columns: Readonly<Record<string, string>> }
  id: string
  /** `owner` tables repeat this column: with it a filter walks one index. */
  scope?: { column: string; ids: readonly string[] }
  /** Values are looked up thing by thing, which pays where few things are looked at, instead of for all at once. */
  probes?: boolean
}

/** A condition over the searched table. Throws `invalid` for a field or an operator that it has not. */
export function filterSql(dialect: DialectName, searchable: Searchable, filter: Filter): RawBuilder<SqlBool> {
  requireBounded(filter)
  const compile = (node: Filter): RawBuilder<SqlBool> => {
    if ('and' in node)
      return node.and.length === 0 ? sql<SqlBool>`1 = 1` : joined(node.and.map(compile), 'and')
    if ('or' in node) return joined(node.or.map(compile), 'or')
    if ('not' in node) return sql<SqlBool>`not (${compile(node.not)})`
    return comparisonSql(dialect, searchable, node)
  }
  return compile(filter)
}

function joined(parts: RawBuilder<SqlBool>[], word: 'and' | 'or'): RawBuilder<SqlBool> {
  return sql<SqlBool>`(${sql.join(parts, sql.raw(` ${word} `))})`
}

function comparisonSql(
  dialect: DialectName,
  searchable: Searchable,
  comparison: Comparison,
): RawBuilder<SqlBool> {
  switch (comparison.field) {
    case 'metric':
      return metricSql(searchable, comparison)
    case 'measured':
      return sql<SqlBool>`${sql.ref(searchable.id)} in (select ${sql.ref(byDataset(searchable).owner)}
        from ${sql.table(byDataset(searchable).table)} where ${onDatasets(comparison.datasets)})`
    case 'param':
    case 'tag':
      return valueSql(dialect, searchable, comparison)
    case 'attribute':
      return attributeSql(dialect, searchable, comparison)
    case 'dataset':
      return datasetSql(dialect, searchable, comparison)
  }
}

function scopeSql({ scope }: Searchable): Sql {
  return scope ? sql`${sql.ref(scope.column)} in (${sql.join(scope.ids)}) and ` : sql``
}

function metricSql(
  searchable: Searchable,
  { key, operator, value, datasets }: Extract<Comparison, { field: 'metric' }>,
): RawBuilder<SqlBool> {
  const { metric } = searchable
  if (!metric) throw new AppError('invalid', `${searchable.what} have no metrics to filter by`)
  // A NaN is other than every number, and neither less nor greater.
  const holds =
    operator === '!='
      ? sql`(is_nan = 1 or value <> ${value})`
      : sql`is_nan = 0 and value ${sql.raw(operator)} ${value}`
  const measured = datasets && byDataset(searchable) ? sql` and ${onDatasets(datasets)}` : sql``
  return ownsSql(searchable, metric, sql`key = ${key} and ${holds}${measured}`)
}

/** Things that own a row of the table of which the condition holds. */
function ownsSql(
  searchable: Searchable,
  { table, owner }: { table: string; owner: string },
  condition: Sql,
): RawBuilder<SqlBool> {
  const id = sql.ref(searchable.id)
  return searchable.probes
    ? sql<SqlBool>`exists (select 1 from ${sql.table(table)} where ${sql.ref(`${table}.${owner}`)} = ${id} and ${condition})`
    : sql<SqlBool>`${id} in (select ${sql.ref(owner)} from ${sql.table(table)} where ${scopeSql(searchable)}${condition})`
}

function byDataset({ what, metric }: Searchable): { table: string; owner: string } {
  if (metric?.byDataset) return metric
  throw new AppError('invalid', `${what} have no metrics by dataset`)
}

function onDatasets(datasets: readonly DatasetReference[]): RawBuilder<SqlBool> {
  const one = ({ name, digest }: DatasetReference): RawBuilder<SqlBool> =>
    digest === undefined
      ? sql<SqlBool>`dataset_name = ${name}`
      : sql<SqlBool>`(dataset_name = ${name} and dataset_digest = ${digest})`
  return joined(datasets.map(one), 'or')
}

const PREFIX = 64

function valueSql(
  dialect: DialectName,
  searchable: Searchable,
  comparison: Extract<Comparison, { field: 'param' | 'tag' }>,
): RawBuilder<SqlBool> {
  const values = searchable.values[comparison.field]
  if (!values) throw new AppError('invalid', `${searchable.what} have no ${comparison.field}s to filter by`)
  const owners = (condition: Sql): RawBuilder<SqlBool> =>
    ownsSql(searchable, values, sql`key = ${comparison.key}${condition}`)
  if (!('value' in comparison))
    return comparison.operator === 'exists' ? owners(sql``) : sql<SqlBool>`not (${owners(sql``)})`
  const matches = matchText(dialect, sql.ref('value'), comparison.operator, comparison.value)
  if (comparison.operator !== '=' || !searchable.scope) return owners(sql` and ${matches}`)
  const prefix = Array.from(comparison.value).slice(0, PREFIX).join('')
  return owners(sql` and ${indexedStart(sql.ref('value'))} = ${prefix} and ${matches}`)
}

/** The beginning of a value, as the indexes of values hold it. */
export function indexedStart(value: Sql): Sql {
  return sql`substr(${value}, 1, ${sql.lit(PREFIX)})`
}

function attributeOf({ attributes }: Searchable, key: string): SearchableAttribute | undefined {
  return Object.hasOwn(attributes, key) ? attributes[key] : undefined
}

function attributeSql(
  dialect: DialectName,
  searchable: Searchable,
  comparison: Extract<Comparison, { field: 'attribute' | 'dataset' }>,
): RawBuilder<SqlBool> {
  const attribute = attributeOf(searchable, comparison.key)
  if (!attribute) {
    const known = Object.keys(searchable.attributes).join(', ')
    throw new AppError(
      'invalid',
      `${searchable.what} have no attribute ${comparison.key}: there are ${known}`,
    )
  }
  const column = sql.ref(attribute.column)
  if (comparison.operator === 'missing' || comparison.operator === 'exists') {
    if (!attribute.nullable) throw new AppError('invalid', `${comparison.key} is never missing`)
    // An expression keeps SQLite from walking an index of what is missing instead of one that gives the order.
    return comparison.operator === 'missing'
      ? sql<SqlBool>`${dialect === 'sqlite' ? sql`${column} || ''` : column} is null`
      : sql<SqlBool>`${column} is not null`
  }
  const compared = attribute.emptyWhenNull ? sql`coalesce(${column}, '')` : column
  if (attribute.kind === 'text') return textSql(dialect, compared, comparison)
  if (!('value' in comparison) || typeof comparison.value !== 'number')
    throw new AppError('invalid', `The attribute ${comparison.key} compares with a number`)
  const compare = sql.raw(comparison.operator === '!=' ? '<>' : comparison.operator)
  return sql<SqlBool>`${column} ${compare} ${comparison.value}`
}

function textSql(
  dialect: DialectName,
  column: RawBuilder<unknown>,
  comparison: Extract<Comparison, { field: 'attribute' | 'dataset' }>,
): RawBuilder<SqlBool> {
  if ('values' in comparison) {
    const operator = sql.raw(comparison.operator)
    return sql<SqlBool>`${column} ${operator} (${sql.join(comparison.values)})`
  }
  if (
    !('value' in comparison) ||
    typeof comparison.value !== 'string' ||
    !isTextOperator(comparison.operator)
  )
    throw new AppError(
      'invalid',
      `${comparison.key} compares with a text by ${textOperators.join(', ')}, not by ${comparison.operator}`,
    )
  return matchText(dialect, column, comparison.operator, comparison.value)
}

function isTextOperator(operator: string): operator is TextOperator {
  return textOperators.includes(operator as TextOperator)
}

function datasetSql(
  dialect: DialectName,
  searchable: Searchable,
  comparison: Extract<Comparison, { field: 'attribute' | 'dataset' }>,
): RawBuilder<SqlBool> {
  const { id, what, datasets } = searchable
  if (!datasets) throw new AppError('invalid', `${what} have no datasets to filter by`)
  const { tables, owner, columns } = datasets
  const column = Object.hasOwn(columns, comparison.key) ? columns[comparison.key] : undefined
  if (column === undefined) {
    const known = Object.keys(columns).join(', ')
    throw new AppError('invalid', `A dataset has no ${comparison.key}: there are ${known}`)
  }
  return sql<SqlBool>`${sql.ref(id)} in (select ${sql.ref(owner)} from ${sql.raw(tables)}
    where ${textSql(dialect, sql.ref(column), comparison)})`
}

export interface OrderPart {
  /** Never null, so that the parts can be compared with a page token's values. */
  expression: Sql
  descending: boolean
}

export interface OrderSql {
  joins: RawBuilder<unknown>[]
  parts: OrderPart[]
  /** What an index has the rows in the order of. It agrees with the parts, which decide where it is equal. */
  walked?: OrderPart
}

/**
 * The order as expressions that are never null: what has no value comes last in both directions, and a NaN before it.
 */
export function orderSql(searchable: Searchable, terms: readonly OrderTerm[], last: OrderPart[]): OrderSql {
  const joins: Sql[] = []
  const parts: OrderPart[] = []
  for (const [index, term] of terms.entries()) {
    const part = (expression: Sql, descending = false): number => parts.push({ expression, descending })
    if (term.field === 'attribute') {
      const attribute = attributeOf(searchable, term.key)
      if (!attribute) throw new AppError('invalid', `${searchable.what} can't be ordered by ${term.key}`)
      const column = sql.ref(attribute.column)
      if (attribute.nullable) part(sql`(case when ${column} is null then 1 else 0 end)`)
      const none = attribute.kind === 'number' ? sql.lit(0) : sql.lit('')
      part(attribute.nullable ? sql`coalesce(${column}, ${none})` : column, term.descending)
      continue
    }
    const source = term.field === 'metric' ? searchable.metric : searchable.values[term.field]
    if (!source) throw new AppError('invalid', `${searchable.what} can't be ordered by a ${term.field}`)
    const alias = `o${index}`
    const value = sql.ref(`${alias}.value`)
    joins.push(orderJoin(searchable, source, term, alias))
    if (term.field === 'metric') {
      const isNan = sql.ref(`${alias}.is_nan`)
      part(sql`(case when ${isNan} is null then 2 when ${isNan} = 1 then 1 else 0 end)`)
      part(sql`coalesce(${value}, 0)`, term.descending)
    } else {
      part(sql`(case when ${value} is null then 1 else 0 end)`)
      part(sql`coalesce(${value}, '')`, term.descending)
    }
  }
  return { joins, parts: [...parts, ...last] }
}

/** The one value that a thing is ordered by; of a metric on several datasets or in several runs the last one measured. */
function orderJoin(
  searchable: Searchable,
  source: { table: string; owner: string; byDataset?: boolean },
  { key, dataset }: OrderTerm,
  alias: string,
): Sql {
  const [owner, id] = [sql.ref(source.owner), sql.ref(searchable.id)]
  const joinedOwner = sql.ref(`${alias}.${source.owner}`)
  if (!source.byDataset) {
    if (dataset) byDataset(searchable)
    return sql`left join ${sql.table(source.table)} as ${sql.ref(alias)}
      on ${joinedOwner} = ${id} and ${sql.ref(`${alias}.key`)} = ${key}`
  }
  const measured = dataset ? sql` and ${onDatasets([dataset])}` : sql``
  return sql`left join (select ${owner}, value, is_nan, row_number() over (partition by ${owner}
      order by timestamp_ms desc, step desc, run_id, dataset_name) as place
      from ${sql.table(source.table)} where key = ${key}${measured}) as ${sql.ref(alias)}
    on ${joinedOwner} = ${id} and ${sql.ref(`${alias}.place`)} = 1`
}

export function orderByClause(parts: readonly OrderPart[]): Sql {
  const terms = parts.map(
    ({ expression, descending }) => sql`${expression} ${sql.raw(descending ? 'desc' : 'asc')}`,
  )
  return sql`order by ${sql.join(terms)}`
}

/** What comes after the row whose order values are `after`. */
export function afterSql(parts: readonly OrderPart[], after: readonly unknown[]): RawBuilder<SqlBool> {
  let condition: RawBuilder<SqlBool> = sql<SqlBool>`1 = 0`
  for (const [index, { expression, descending }] of [...parts.entries()].reverse()) {
    const compare = sql.raw(descending ? '<' : '>')
    const value = after[index]
    condition = sql<SqlBool>`(${expression} ${compare} ${value} or (${expression} = ${value} and ${condition}))`
  }
  return condition
}

/** An opaque token that holds the order values of a page's last row. */
export function encodePageToken(values: readonly unknown[]): string {
  const json = values.map((value) =>
    typeof value === 'number' && !Number.isFinite(value) ? { infinity: Math.sign(value) } : value,
  )
  return Buffer.from(JSON.stringify(json)).toString('base64url')
}

/** Throws `invalid` for anything that is no token of a search with this many order values. */
export function decodePageToken(token: string, length: number): (string | number)[] {
  try {
    const values: unknown = JSON.parse(Buffer.from(token, 'base64url').toString())
    if (!Array.isArray(values) || values.length !== length) throw new TypeError('another search')
    return values.map((value: unknown) => {
      if (typeof value === 'string' || typeof value === 'number') return value
      const { infinity } = value as { infinity?: unknown }
      if (infinity === 1 || infinity === -1) return infinity * Infinity
      throw new TypeError('no order value')
    })
  } catch (error) {
    throw new AppError('invalid', 'Invalid page token: it was not made by this search', { cause: error })
  }
}
