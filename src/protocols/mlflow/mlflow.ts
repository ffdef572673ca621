import { Hono, type Context as HttpContext } from 'hono'
import type { Context } from '../../http/context.ts'
import type { Actor } from '../../kernel/actor.ts'
import { resolveProject } from '../../governance/governance.ts'
import { endpoints as artifacts, fileEndpoints } from './artifacts.ts'
import { endpointNotFound, errorResponse } from './errors.ts'
import { endpoints as experiments } from './experiments.ts'
import { endpoints as loggedModels } from './logged-models.ts'
import { endpoints as metrics } from './metrics.ts'
import { endpoints as modelVersions } from './model-versions.ts'
import { endpoints as paramsTags } from './params-tags.ts'
import { endpoints as registeredModels } from './registered-models.ts'
import { endpoints as runs } from './runs.ts'
import { Fields, endpoint, readFields, type Endpoint } from './wire.ts'

/**
 * The version that clients see. Since 3.4 they send traces by OTLP to a server that says it is as new, which this one does not take.
 */
const SERVED_VERSION = '3.3.2'

const serverInfo = endpoint(
  'GET',
  '/mlflow/server-info',
  async () => ({
    store_type: 'SqlStore',
    workspaces_enabled: false,
    trace_archival_enabled: false,
    multipart_uploads_enabled: false,
    multipart_downloads_enabled: false,
  }),
  '3.0',
)

/** Every endpoint that works. */
export const endpoints: readonly Endpoint[] = [
  ...experiments,
  ...runs,
  ...metrics,
  ...paramsTags,
  ...artifacts,
  ...registeredModels,
  ...modelVersions,
  ...loggedModels,
  serverInfo,
]

/**
 * MLflow's REST API under `/api` and `/ajax-api`, for the default project and under `/p/:project`. The composing process mounts it at `/`
 * and tells who calls.
 */
export function mlflowApp(
  context: Context,
  authenticate: (request: Request) => Actor | Promise<Actor>,
): Hono {
  const app = new Hono()
  for (const prefix of ['', '/p/:project']) {
    for (const base of ['/api', '/ajax-api']) {
      for (const item of [...endpoints, ...fileEndpoints]) {
        const handler = (c: HttpContext): Promise<Response> => answer(context, authenticate, item, c)
        app.on([...item.methods], `${prefix}${base}/${item.version ?? '2.0'}${item.path}`, handler)
      }
      for (const family of ['mlflow', 'mlflow-artifacts'])
        app.all(`${prefix}${base}/:version{[0-9.]+}/${family}/*`, (c) => endpointNotFound(c.req.path))
    }
    app.get(`${prefix}/version`, (c) => c.text(SERVED_VERSION))
    app.get(`${prefix}/health`, (c) => c.text('OK'))
  }
  // A tracking address that ends in a slash makes clients ask for `//api/…`.
  app.all('//*', (c, next) => {
    const url = new URL(c.req.url)
    if (!url.pathname.startsWith('//')) return next()
    url.pathname = url.pathname.replace(/^\/{2,}/, '/')
    return app.fetch(new Request(url, c.req.raw))
  })
  return app
}

async function answer(
  context: Context,
  authenticate: (request: Request) => Actor | Promise<Actor>,
  item: Endpoint,
  c: HttpContext,
): Promise<Response> {
  const request = c.req.raw
  try {
    const actor = await authenticate(request)
    const { project, ...parameters } = c.req.param() as Record<string, string>
    const projectId = await resolveProject(context, project)
    const raw = item.path.endsWith('/*')
    const fields = raw ? new Fields({}) : await readFields(request, context.config.maxBodyBytes)
    const result = await item.handle({
      context,
      caller: { projectId, actor },
      fields,
      path: parameters,
      request,
    })
    return result instanceof Response ? result : Response.json(result)
  } catch (error) {
    return errorResponse(error, context.log)
  }
}
