import { Hono, type Context as HttpContext } from 'hono'
import { z } from 'zod'
import { anonymous, requirePermission, type Actor } from '../kernel/actor.ts'
import { arrivingBody } from './arriving-body.ts'
import { addressOf } from './caller.ts'
import { AppError, toAppError } from '../kernel/errors.ts'
import { parseExactJson } from '../kernel/json.ts'
import type { Context } from './context.ts'
import { errorResponse } from './errors.ts'
import { limitQueries } from './query-limit.ts'
import type { Route } from './route.ts'

/** Tells who calls. Throws `denied` for a request of another site, `unauthenticated` for one that must say who sends it. */
export type Authenticate = (request: Request, address: string) => Actor | Promise<Actor>
/** The id of a project by its name. Throws `not_found`, also when the actor has no role in it. */
type ResolveProject = (name: string | undefined, actor: Actor) => Promise<string>

export interface AppOptions {
  context: Context
  routes: readonly Route[]
  authenticate: Authenticate
  resolveProject: ResolveProject
}

/** The native REST API: every route under `/api/v1` and under `/p/:project/api/v1`. */
export function createApp(options: AppOptions): Hono {
  const app = new Hono()
  for (const route of options.routes) {
    for (const prefix of ['/api/v1', '/p/:project/api/v1'])
      app.on(route.method, prefix + route.path, (c) => answer(options, route, c))
  }
  return app
}

async function answer(
  { context, authenticate, resolveProject }: AppOptions,
  route: Route,
  c: HttpContext,
): Promise<Response> {
  const request = c.req.raw
  const { project, ...path } = c.req.param() as Record<string, string>
  const { permission } = route
  try {
    const address = addressOf(c.env, request.headers, context.config)
    const actor = await identify(authenticate, permission, request, address)
    const isOpen = permission === 'public' || permission === 'signed_in'
    const projectId = isOpen ? '*' : await resolveProject(project, actor)
    if (!isOpen) requirePermission(actor, permission, projectId)
    requireNoNulInUrl(request.url)
    const result = await route.handle({
      context: limitQueries(context, request, route.limit),
      actor,
      projectId,
      params: parse(route.params, path, 'path'),
      query: parse(route.query, queryOf(request), 'query'),
      body: route.body && parse(route.body, await readJson(request, maxBytesOf(route, context)), 'body'),
      request,
      arriving: arrivingBody(request, c.env),
      address,
    })
    return result instanceof Response ? result : Response.json(result ?? {})
  } catch (error) {
    return errorResponse(error, context.log)
  }
}

/** Who is not known sends names and passwords, and nothing long. */
const MAX_PUBLIC_BYTES = 64 * 1024

function maxBytesOf({ permission }: Route, { config }: Context): number {
  return permission === 'public' ? Math.min(MAX_PUBLIC_BYTES, config.maxBodyBytes) : config.maxBodyBytes
}

/** On a public route a credential that does not hold is none. */
async function identify(
  authenticate: Authenticate,
  permission: Route['permission'],
  request: Request,
  address: string,
): Promise<Actor> {
  try {
    return await authenticate(request, address)
  } catch (error) {
    if (permission !== 'public' || toAppError(error).code !== 'unauthenticated') throw error
    return anonymous
  }
}

function parse(schema: z.ZodType | undefined, value: unknown, where: string): unknown {
  if (!schema) return undefined
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new AppError('invalid', `Wrong ${where}: ${z.prettifyError(parsed.error)}`, {
    details: { issues: parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message })) },
  })
}

function queryOf(request: Request): Record<string, string> {
  return Object.fromEntries(new URL(request.url).searchParams)
}

/** The body as JSON, read no further than the limit. An empty body is an empty object. */
async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  const text = new TextDecoder().decode(await readBody(request, maxBytes))
  if (text.trim() === '') return {}
  let value: unknown
  try {
    value = parseExactJson(text, refuseRounded)
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new AppError('invalid', `The body is no JSON: ${(error as Error).message}`, { cause: error })
  }
  requireNoNulInJson(text)
  return value
}

function refuseRounded(source: string, name: string): never {
  throw new AppError(
    'invalid',
    `${name}: ${source} is beyond the whole numbers that are exact in JSON (up to ${Number.MAX_SAFE_INTEGER}); send it as a text, or rows as a file`,
  )
}

const NUL = String.fromCharCode(0)

/** Throws `invalid` where a string of this JSON text holds U+0000, which PostgreSQL can't store. */
export function requireNoNulInJson(text: string): void {
  if (!text.includes('\\u0000')) return
  JSON.parse(text, (key, value: unknown) => {
    if (key.includes(NUL) || (typeof value === 'string' && value.includes(NUL))) throw nulRefused()
    return value
  })
}

export function requireNoNulInUrl(url: string): void {
  if (url.includes('%00')) throw nulRefused()
}

function nulRefused(): AppError {
  return new AppError('invalid', 'Text may not hold the character U+0000')
}

export async function readBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = (): AppError =>
    new AppError('invalid', `The body is larger than ${maxBytes} bytes`, { details: { maxBytes } })
  const length = request.headers.get('content-length')
  if (Number(length ?? 0) > maxBytes) throw tooLarge()
  // Node reads no more than the length that is said; in one piece that costs much less than as a stream.
  if (length !== null) {
    const body = new Uint8Array(await request.arrayBuffer())
    if (body.byteLength > maxBytes) throw tooLarge()
    return body
  }
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength
    if (size > maxBytes) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
