import type { Server as HttpServer } from 'node:http'
import { serve } from '@hono/node-server'
import { Hono, type Context as HttpContext } from 'hono'
import type { Registry } from 'prom-client'
import {
  Authenticator,
  DEFAULT_PROJECT,
  ensureProject,
  enterProject,
  requireSomeAdmin,
} from '../governance/governance.ts'
import { createApp, type AppOptions, type Authenticate } from '../http/app.ts'
import { addressOf, challengeOf } from '../http/caller.ts'
import type { Context } from '../http/context.ts'
import { errorResponse } from '../http/errors.ts'
import { listenFailure } from '../http/listen-failure.ts'
import type { Route } from '../http/route.ts'
import { requirePermission } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { lazy } from '../kernel/lazy.ts'
import { EventDispatcher } from '../jobs/dispatcher.ts'
import { followFeatures } from '../rollout/rollout.ts'
import { streamEvents } from './events-stream.ts'
import { openApiDocument } from './openapi.ts'
import { openIdApp } from './openid-routes.ts'
import { protocols, roomConsumers, roomRoutes } from './rooms.ts'
import { placeRoutes } from './place-routes.ts'
import { replayRoutes } from './replay-routes.ts'
import { Ticker } from './ticker.ts'
import { serveUi } from './ui-files.ts'

export interface Server extends AsyncDisposable {
  url: string
}

/** All routes of the native REST API: what the router, the OpenAPI document, the docs and the tests read. */
export function allRoutes(): readonly Route[] {
  return [...roomRoutes, ...placeRoutes, ...replayRoutes(roomConsumers)]
}

/** The control plane: REST, protocols, UI, event stream, consumers of events, schedules, the rollout controller. */
export async function startServer(context: Context): Promise<Server> {
  const { config, db } = context
  await db.write(async (trx) => ensureProject(trx, { ...DEFAULT_PROJECT, nowMs: await db.wallTime(trx) }))
  await requireSomeAdmin(context)
  // The events that told of what is declared may be older than this program.
  await db.write((trx) => followFeatures(context, trx))
  const app = createServerApp(context)
  const { server, port } = await listen(app, config)
  const dispatcher = new EventDispatcher(context, roomConsumers)
  dispatcher.start()
  const ticker = new Ticker(context)
  ticker.start()
  const url = `http://${config.host}:${port}`
  return {
    url,
    async [Symbol.asyncDispose]() {
      await ticker[Symbol.asyncDispose]()
      await dispatcher[Symbol.asyncDispose]()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The HTTP application without a socket: tests call `app.request()`. */
export function createServerApp(context: Context): Hono {
  const routes = allRoutes()
  const authenticator = new Authenticator(context)
  const authenticate: Authenticate = (request, address) => authenticator.authenticate(request, address)
  const app = new Hono()
  app.use(async (c, next) => {
    await next()
    sayHowToSignIn(c)
    keepToOwnPages(c)
  })
  app.get('/metrics', metricsRoute(context, authenticate))
  app.get('/api/openapi.json', (c) => c.json(openApiDocument(routes)))
  const events = eventsRoute(context, authenticate)
  for (const path of ['/api/v1/events', '/p/:project/api/v1/events']) app.get(path, events)
  const resolveProject: AppOptions['resolveProject'] = (name, actor) => enterProject(context, name, actor)
  app.route('/', createApp({ context, routes, authenticate, resolveProject }))
  for (const protocol of protocols) app.route('/', protocol(context, authenticate))
  app.route('/', openIdApp(context))
  app.all('/api/*', (c) =>
    c.json(
      { error: { code: 'not_found', message: `There is no ${c.req.method} ${c.req.path}`, details: {} } },
      404,
    ),
  )
  app.get('*', (c) => serveUi(new URL(c.req.url).pathname))
  app.onError((error) => errorResponse(error, context.log))
  return app
}

/** Whatever answers 401 says how to sign in. */
function sayHowToSignIn(c: HttpContext): void {
  if (c.res.status === 401) c.res.headers.set('www-authenticate', challengeOf(c.req.header()))
}

/** Answers are data for pages of this site: no other site may take them in as an image or a script, and no browser may guess what they are. */
function keepToOwnPages({ res: { headers } }: HttpContext): void {
  for (const [name, value] of [
    ['x-content-type-options', 'nosniff'],
    ['cross-origin-resource-policy', 'same-site'],
  ] as const)
    if (!headers.has(name)) headers.set(name, value)
}

function metricsRoute(context: Context, authenticate: Authenticate) {
  const collected = lazy(collectMetrics)
  return async (c: HttpContext): Promise<Response> => {
    try {
      const actor = await authenticate(c.req.raw, addressOf(c.env, c.req.raw.headers, context.config))
      requirePermission(actor, 'view', '*')
      const registry = await collected()
      return c.text(await registry.metrics(), 200, { 'content-type': registry.contentType })
    } catch (error) {
      return errorResponse(error, context.log)
    }
  }
}

/** From the first time that somebody asks. */
async function collectMetrics(): Promise<Registry> {
  const { collectDefaultMetrics, Registry } = await import('prom-client')
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'tidemill_server_' })
  return registry
}

/** Each asks the database again and again. */
const MOST_STREAMS = 100

function eventsRoute(context: Context, authenticate: Authenticate) {
  /** How many are open, by who reads them. */
  const readers = new Map<string, number>()
  const count = (reader: string, by: 1 | -1): number => {
    const now = (readers.get(reader) ?? 0) + by
    if (now === 0) readers.delete(reader)
    else readers.set(reader, now)
    return now
  }
  return async (c: HttpContext): Promise<Response> => {
    const request = c.req.raw
    const enter = async (): Promise<{ projectId: string; reader: string }> => {
      const actor = await authenticate(request, addressOf(c.env, request.headers, context.config))
      const projectId = await enterProject(context, c.req.param('project'), actor)
      requirePermission(actor, 'view', projectId)
      return { projectId, reader: actor.id }
    }
    try {
      const { projectId, reader } = await enter()
      const ended = (): void => void count(reader, -1)
      if (count(reader, 1) > MOST_STREAMS) {
        ended()
        throw new AppError(
          'unavailable',
          `${MOST_STREAMS} streams of events are open already: close one first`,
        )
      }
      return await streamEvents(context, request, { projectId, holds: enter, ended }).catch(
        (error: unknown) => {
          ended()
          throw error
        },
      )
    } catch (error) {
      return errorResponse(error, context.log)
    }
  }
}

function listen(app: Hono, { host, port }: Context['config']) {
  return new Promise<{ server: HttpServer; port: number }>((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: host, port }, (address) =>
      resolve({ server, port: address.port }),
    ) as HttpServer
    server.on('error', (error) => reject(listenFailure(error, { host, port }, '--port or TIDEMILL_PORT')))
  })
}
