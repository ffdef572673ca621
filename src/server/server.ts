import type { Server as HttpServer } from 'node:http'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { DEFAULT_PROJECT, ensureProject, resolveProject } from '../governance/governance.ts'
import { createApp } from '../http/app.ts'
import type { Context } from '../http/context.ts'
import { errorResponse } from '../http/errors.ts'
import type { Route } from '../http/route.ts'
import { EventDispatcher } from '../jobs/dispatcher.ts'
import { authenticateLocal, requireLoopback } from './authenticate.ts'
import { streamEvents } from './events-stream.ts'
import { openApiDocument } from './openapi.ts'
import { protocols, roomConsumers, roomRoutes } from './rooms.ts'
import { replayRoutes } from './replay-routes.ts'
import { Ticker } from './ticker.ts'
import { serveUi } from './ui-files.ts'

export interface Server extends AsyncDisposable {
  url: string
}

/** All routes of the native REST API: what the router, the OpenAPI document, the docs and the tests read. */
export function allRoutes(): readonly Route[] {
  return [...roomRoutes, ...replayRoutes(roomConsumers.map((consumer) => consumer.name))]
}

/** The control plane: REST, protocols, UI, event stream, consumers of events, schedules, the rollout controller. */
export async function startServer(context: Context): Promise<Server> {
  const { config, db, log } = context
  requireLoopback(config.host)
  await db.write(async (trx) => ensureProject(trx, { ...DEFAULT_PROJECT, nowMs: await db.wallTime(trx) }))
  const app = createServerApp(context)
  const { server, port } = await listen(app, config)
  const dispatcher = new EventDispatcher(context, roomConsumers)
  dispatcher.start()
  const ticker = new Ticker(context)
  ticker.start()
  const url = `http://${config.host}:${port}`
  log.info({ url }, 'server listens')
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
  const app = new Hono()
  const metrics = new Registry()
  collectDefaultMetrics({ register: metrics, prefix: 'tidemill_server_' })
  app.get('/metrics', async (c) =>
    c.text(await metrics.metrics(), 200, { 'content-type': metrics.contentType }),
  )
  app.get('/api/openapi.json', (c) => c.json(openApiDocument(routes)))
  for (const path of ['/api/v1/events', '/p/:project/api/v1/events']) {
    app.get(path, async (c) => {
      try {
        authenticateLocal(c.req.raw)
        return await streamEvents(context, c.req.raw, await resolveProject(context, c.req.param('project')))
      } catch (error) {
        return errorResponse(error, context.log)
      }
    })
  }
  app.route(
    '/',
    createApp({
      context,
      routes,
      authenticate: async (request) => authenticateLocal(request),
      resolveProject: (name) => resolveProject(context, name),
    }),
  )
  for (const protocol of protocols)
    app.route(
      '/',
      protocol(context, async (request) => authenticateLocal(request)),
    )
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

function listen(app: Hono, { host, port }: Context['config']) {
  return new Promise<{ server: HttpServer; port: number }>((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: host, port }, (address) =>
      resolve({ server, port: address.port }),
    ) as HttpServer
    server.on('error', reject)
  })
}
