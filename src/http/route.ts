import { z } from 'zod'
import type { Actor, Permission } from '../kernel/actor.ts'
import type { Context } from './context.ts'
import type { QueryLimit } from './query-limit.ts'

type Shape = z.ZodType
type Parsed<Schema> = Schema extends Shape ? z.output<Schema> : undefined

export interface RouteInput<Params, Query, Body> {
  context: Context
  actor: Actor
  projectId: string
  params: Parsed<Params>
  query: Parsed<Query>
  body: Parsed<Body>
  request: Request
  /** The body as it arrives, where the route takes no JSON. */
  arriving: AsyncIterable<Uint8Array>
  /** Where it comes from, for what is counted by address. */
  address: string
}

/** `public` needs nobody; `signed_in` somebody, whatever the roles. The others are asked for in the project of the address. */
export type RoutePermission = Permission | 'public' | 'signed_in'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** A route as the router, the OpenAPI document, the docs and the tests read it. */
export interface Route {
  method: Method
  /** Below `/api/v1`, with `:name` for parameters. */
  path: string
  summary: string
  permission: RoutePermission
  params: Shape | undefined
  query: Shape | undefined
  body: Shape | undefined
  response: Shape
  /** What a handler that returns a `Response` answers with; a pattern where that differs from call to call. */
  contentType: string
  /** The setting by which DuckDB's work for it ends. */
  limit: QueryLimit
  handle: (input: RouteInput<Shape, Shape, Shape>) => Promise<unknown>
}

/** Declares one route. A handler that returns a `Response` answers with it as it is. */
export function route<
  Params extends Shape | undefined = undefined,
  Query extends Shape | undefined = undefined,
  Body extends Shape | undefined = undefined,
  Result extends Shape = Shape,
>(declaration: {
  method: Method
  path: string
  summary: string
  permission: RoutePermission
  params?: Params
  query?: Query
  body?: Body
  response: Result
  contentType?: string
  limit?: QueryLimit
  handle: (input: RouteInput<Params, Query, Body>) => Promise<z.input<Result> | Response>
}): Route {
  return {
    params: undefined,
    query: undefined,
    body: undefined,
    contentType: 'application/json',
    limit: 'queryLimitMs',
    ...declaration,
    handle: declaration.handle as Route['handle'],
  }
}

/** A page of a list: one that is full may have a next one, which begins behind its last item. */
export function pageOf<Item>(items: Item[], limit: number, tokenOf: (last: Item) => string) {
  const last = items.at(-1)
  return items.length === limit && last !== undefined ? { items, nextPageToken: tokenOf(last) } : { items }
}

/** `{ items, nextPageToken? }`, the form of every list. */
export function listOf<Item extends Shape>(item: Item) {
  return z.object({ items: z.array(item), nextPageToken: z.string().optional() })
}
