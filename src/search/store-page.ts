import { sql, type RawBuilder } from 'kysely'
import type { Queryable } from '../ports/db/db.ts'
import type { Filter, OrderTerm } from './filter.ts'
import {
  afterSql,
  decodePageToken,
  encodePageToken,
  orderByClause,
  type OrderPart,
  type OrderSql,
} from './store-filter.ts'

export interface Search {
  projectId: string
  filter: Filter
  orderBy: readonly OrderTerm[]
  limit: number
  pageToken?: string | undefined
}

export interface Page<Row> {
  rows: Row[]
  nextPageToken?: string
}

export interface PageQuery {
  from: RawBuilder<unknown>
  columns: RawBuilder<unknown>
  scope: RawBuilder<unknown>
  filter: RawBuilder<unknown>
  order: OrderSql
}

/** One page in order: the rows, and a token with the order values of the last one when there may be more. */
export async function searchPage<Row>(
  at: Queryable,
  search: Pick<Search, 'limit' | 'pageToken'>,
  query: PageQuery,
): Promise<Page<Row>> {
  const { parts, joins, walked } = query.order
  const { rows } = await sql<Row & Ordered>`
    select ${query.columns}, ${orderKeys(parts)} from ${query.from} ${sql.join(joins, sql` `)}
    where ${query.scope} and ${query.filter}${afterToken(parts, search)}
    ${orderByClause(walked ? [walked, ...parts] : parts)} limit ${search.limit + 1}`.execute(at)
  return toPage(rows, parts, search)
}

/**
 * The same page when the filter finds it among the `among` next rows in order, where an index gives them so; else undefined. The filter is over
 * the selected rows, as `alias`. A filter that many rows meet is tried on a few of them here, instead of being looked up for all.
 */
export async function searchPageAmong<Row>(
  at: Queryable,
  search: Pick<Search, 'limit' | 'pageToken'>,
  { among, alias, ...query }: PageQuery & { among: number; alias: string },
): Promise<Page<Row> | undefined> {
  const { parts, joins, walked } = query.order
  const { rows } = await sql<Row & Ordered>`select * from (
      select ${query.columns}, ${orderKeys(parts)} from ${query.from} ${sql.join(joins, sql` `)}
      where ${query.scope}${afterToken(parts, search)}
      ${orderByClause(walked ? [walked, ...parts] : parts)} limit ${among}) as ${sql.ref(alias)}
    where ${query.filter}
    ${orderByClause(parts.map(({ descending }, index) => ({ expression: orderKey(index), descending })))}
    limit ${search.limit + 1}`.execute(at)
  return rows.length > search.limit ? toPage(rows, parts, search) : undefined
}

type Ordered = Record<`order_${number}`, unknown>

const orderKey = (index: number): RawBuilder<unknown> => sql.ref(`order_${index}`)

function orderKeys(parts: readonly OrderPart[]): RawBuilder<unknown> {
  return sql.join(parts.map(({ expression }, index) => sql`${expression} as ${orderKey(index)}`))
}

function afterToken(
  parts: readonly OrderPart[],
  { pageToken }: Pick<Search, 'pageToken'>,
): RawBuilder<unknown> {
  return pageToken ? sql` and ${afterSql(parts, decodePageToken(pageToken, parts.length))}` : sql``
}

function toPage<Row>(
  rows: readonly (Row & Ordered)[],
  parts: readonly OrderPart[],
  { limit }: Pick<Search, 'limit'>,
): Page<Row> {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  if (rows.length <= limit || !last) return { rows: page }
  return { rows: page, nextPageToken: encodePageToken(parts.map((_, index) => last[`order_${index}`])) }
}
