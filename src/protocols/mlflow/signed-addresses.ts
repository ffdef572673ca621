import { findActor } from '../../governance/governance.ts'
import type { Context } from '../../http/context.ts'
import { requirePermission, type Actor } from '../../kernel/actor.ts'
import { AppError } from '../../kernel/errors.ts'
import { requireSignature, signAccess } from '../../tracking/tracking.ts'
import { invalid } from './errors.ts'
import type { Call } from './wire.ts'

/**
 * An address on this server that works without credentials until it expires: clients send the parts of a file to it as they would to an
 * object store. `path` is below `/api/2.0`.
 */
export async function signedAddress(
  { context, caller, request }: Call,
  { method, path, expiresMs }: { method: 'GET' | 'PUT'; path: string; expiresMs: number },
): Promise<string> {
  const { projectId, actor } = caller
  requirePermission(actor, method === 'GET' ? 'view' : 'record', projectId)
  const signature = await signAccess(context, { projectId, method, path, actorId: actor.id, expiresMs })
  const query = new URLSearchParams({ actor: actor.id, expires: String(expiresMs), signature })
  return `${serverAddress(request)}/api/2.0${encodePath(path)}?${query.toString()}`
}

/**
 * Who a signed address stands for, with the roles of now: it gives nothing that its actor has lost since. Throws `denied` for one that is wrong or
 * too old.
 */
export async function signedCaller(
  context: Pick<Context, 'db' | 'config'>,
  projectId: string,
  request: Request,
): Promise<Actor> {
  const { searchParams } = new URL(request.url)
  const actorId = searchParams.get('actor') ?? ''
  const access = {
    projectId,
    method: request.method === 'HEAD' ? 'GET' : request.method,
    path: pathBelowApi(request),
    actorId,
    expiresMs: Number(searchParams.get('expires')),
  }
  await requireSignature(context, access, searchParams.get('signature') ?? '')
  const actor = await findActor(context, actorId)
  if (!actor) throw new AppError('denied', 'Who asked for this address may do nothing here any more')
  return actor
}

/** As the client sees it, also behind a proxy; what a caller makes up comes back to that caller alone. */
function serverAddress(request: Request): string {
  const url = new URL(request.url)
  const first = (name: string): string | undefined => request.headers.get(name)?.split(',')[0]?.trim()
  const protocol = first('x-forwarded-proto') ?? url.protocol.slice(0, -1)
  const host = first('x-forwarded-host') ?? url.host
  return `${protocol}://${host}${PATH.exec(url.pathname)?.[1] ?? ''}`
}

/** The prefix of a project, and what stands below `/api/2.0`. */
const PATH = /^(\/p\/[^/]+)?\/(?:ajax-)?api\/2\.0(\/.*)$/

/** The decoded path of a request below `/api/2.0` or `/ajax-api/2.0`. */
export function pathBelowApi(request: Request): string {
  try {
    return decodeURIComponent(PATH.exec(new URL(request.url).pathname)?.[2] ?? '')
  } catch {
    throw invalid('Invalid path')
  }
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}
