import { Hono, type Context as HttpContext } from 'hono'
import type { Context } from '../../http/context.ts'
import type { Authenticate } from '../../http/app.ts'
import { arrivingBody } from '../../http/arriving-body.ts'
import { addressOf } from '../../http/caller.ts'
import { enterProject, resolveProject } from '../../governance/governance.ts'
import { endpoints as artifactFiles } from './artifact-files.ts'
import { endpoints as artifacts } from './artifacts.ts'
import { endpointNotFound, errorResponse } from './errors.ts'
import { endpoints as experiments } from './experiments.ts'
import { endpoints as loggedModels } from './logged-models.ts'
import { endpoints as metrics } from './metrics.ts'
import { endpoints as modelVersions } from './model-versions.ts'
import { endpoints as paramsTags } from './params-tags.ts'
import { endpoints as registeredModels } from './registered-models.ts'
import { endpoints as runs } from './runs.ts'
import { signedCaller } from './signed-addresses.ts'
import { endpoints as uploads, signedEndpoints } from './uploads.ts'
import { endpoints as webhooks } from './webhooks.ts'
import { endpoint, readFields, type Call, type Endpoint } from './wire.ts'

/**
 * The version that clients see. Since 3.4 they send traces by OTLP to a server that says it is as new, which this one does not take.
 */
const SERVED_VERSION = '3.3.2'

/** Downloads in ranges are there for who switches them on; said here, clients would ask twice for each small file. */
const serverInfo = endpoint(
  'GET',
  '/mlflow/server-info',
  async () => ({
    store_type: 'SqlStore',
    workspaces_enabled: false,
    trace_archival_enabled: false,
    multipart_uploads_enabled: true,
    multipart_downloads_enabled: false,
    presigned_upload_run_id_supported: true,
    presigned_upload_model_id_supported: true,
    features_enabled: { gateway: false },
  }),
  { version: '3.0' },
)

/** Every endpoint that works. */
export const endpoints: readonly Endpoint[] = [
  ...experiments,
  ...runs,
  ...metrics,
  ...paramsTags,
  ...artifacts,
  ...artifactFiles,
  ...uploads,
  ...registeredModels,
  ...modelVersions,
  ...loggedModels,
  ...webhooks,
  serverInfo,
]

/**
 * MLflow's REST API under `/api` and `/ajax-api`, for the default project and under `/p/:project`. The composing process mounts it at `/`
 * and tells who calls.
 */
export function mlflowApp(context: Context, authenticate: Authenticate): Hono {
  const app = new Hono()
  for (const prefix of ['', '/p/:project']) {
    for (const item of [...endpoints, ...signedEndpoints]) {
      const handler = (c: HttpContext): Promise<Response> => answer(context, authenticate, item, c)
      for (const path of addressesOf(item)) app.on([...item.methods], `${prefix}${path}`, handler)
    }
    for (const base of ['/api', '/ajax-api'])
      for (const family of ['mlflow', 'mlflow-artifacts'])
        app.all(`${prefix}${base}/:version{[0-9.]+}/${family}/*`, (c) => endpointNotFound(c.req.path))
    app.get(`${prefix}/version`, (c) => c.text(SERVED_VERSION))
    app.get(`${prefix}/health`, (c) => c.text('OK'))
  }
  // A tracking address that ends in a slash makes clients ask for `//api/…`.
  app.all('//*', (c, next) => {
    const url = new URL(c.req.url)
    if (!url.pathname.startsWith('//')) return next()
    url.pathname = url.pathname.replace(/^\/{2,}/, '/')
    return app.fetch(new Request(url, c.req.raw), c.env)
  })
  return app
}

/** Everywhere an endpoint stands, before the prefix of a project. */
export function addressesOf({ base, version, path }: Endpoint): string[] {
  if (base === 'root') return [path]
  return (base === 'api' ? ['/api', '/ajax-api'] : ['/ajax-api']).map((root) => `${root}/${version}${path}`)
}

async function answer(
  context: Context,
  authenticate: Authenticate,
  item: Endpoint,
  c: HttpContext,
): Promise<Response> {
  const request = c.req.raw
  try {
    const { project, ...path } = c.req.param() as Record<string, string>
    const caller = await callerOf(context, { authenticate, item, project }, c)
    const fields = await readFields(request, { file: item.file, maxBytes: context.config.maxBodyBytes })
    const result = await item.handle({
      context,
      caller,
      fields,
      path,
      request,
      arriving: arrivingBody(request, c.env),
    })
    return result instanceof Response ? result : Response.json(result)
  } catch (error) {
    return errorResponse(error, context.log)
  }
}

/** An address that is signed says itself what may be done by it. */
async function callerOf(
  context: Context,
  {
    authenticate,
    item,
    project,
  }: { authenticate: Authenticate; item: Endpoint; project: string | undefined },
  c: HttpContext,
): Promise<Call['caller']> {
  const request = c.req.raw
  if (item.signed) {
    const projectId = await resolveProject(context, project)
    return { projectId, actor: await signedCaller(context, projectId, request) }
  }
  const actor = await authenticate(request, addressOf(c.env, request.headers, context.config))
  return { projectId: await enterProject(context, project, actor), actor }
}
