import { Hono, type Context as HttpContext } from 'hono'
import { enterProject } from '../../governance/governance.ts'
import { readBody, requireNoNulInJson, type Authenticate } from '../../http/app.ts'
import { addressOf } from '../../http/caller.ts'
import type { Context } from '../../http/context.ts'
import { limitQueries } from '../../http/query-limit.ts'
import { AppError, toAppError } from '../../kernel/errors.ts'
import type { GatewayReply } from '../../serving/serving.ts'
import { feastError } from './errors.ts'
import { answerIncremental, answerMaterialize, type ServerCall } from './materialize.ts'
import { answerOfflinePush } from './push.ts'

type Answer = (context: Context, call: ServerCall) => Promise<GatewayReply>

const ANSWERS: Readonly<Record<string, Answer>> = {
  '/push': answerOfflinePush,
  '/materialize': answerMaterialize,
  '/materialize-incremental': answerIncremental,
}

/** What of Feast's protocol writes metadata: gateways hand it on, and so keep to their reads. */
export function feastApp(context: Context, authenticate: Authenticate): Hono {
  const app = new Hono()
  for (const [path, answer] of Object.entries(ANSWERS))
    for (const prefix of ['', '/p/:project'])
      app.post(`${prefix}${path}`, (c) => respond(context, authenticate, answer, c))
  return app
}

async function respond(
  context: Context,
  authenticate: Authenticate,
  answer: Answer,
  c: HttpContext,
): Promise<Response> {
  const request = c.req.raw
  try {
    const actor = await authenticate(request, addressOf(c.env, request.headers, context.config))
    const projectId = await enterProject(context, c.req.param('project'), actor)
    const body = Buffer.from(await readBody(request, context.config.maxBodyBytes))
    requireNoNul(body)
    const query = new URL(request.url).searchParams
    const header = (name: string): string | undefined => c.req.header(name)
    const limited = limitQueries(context, request, 'queryLimitMs')
    return toResponse(await answer(limited, { projectId, actor, body, query, header }))
  } catch (error) {
    const known = toAppError(error)
    if (known.code === 'internal') context.log.error({ err: known.cause ?? known }, 'feast request failed')
    return toResponse(feastError(error))
  }
}

/** What is no JSON at all is told of where the body is parsed. */
function requireNoNul(body: Buffer): void {
  try {
    requireNoNulInJson(body.toString('utf8'))
  } catch (error) {
    if (error instanceof AppError) throw error
  }
}

function toResponse({ status, contentType, body, headers }: GatewayReply): Response {
  return new Response(typeof body === 'string' ? body : new Uint8Array(body), {
    status,
    headers: { 'content-type': contentType, ...headers },
  })
}
