import type { Config } from '../kernel/config.ts'
import { AppError } from '../kernel/errors.ts'
import type { GatewayCall, GatewayReply } from '../serving/serving.ts'

/** Hands a call on to the server, as it came. Throws `unavailable` when the server is away, or enough calls are with it. */
export type Forward = (
  call: Pick<GatewayCall, 'method' | 'path' | 'query' | 'project' | 'header' | 'body'>,
) => Promise<GatewayReply>

/** The server waits for two minutes itself. */
const TIMEOUT_MS = 150_000
const MAX_UNDER_WAY = 64
const HANDED_ON = ['authorization', 'content-type', 'idempotency-key']
const HANDED_BACK = ['retry-after', 'www-authenticate']

/** What the server alone may do, since a gateway's requests never write the metadata. */
export function createForward(config: Pick<Config, 'serverUrl' | 'host' | 'port'>): Forward {
  const server = config.serverUrl ?? `http://${config.host}:${config.port}`
  let underWay = 0
  return async (call) => {
    if (underWay >= MAX_UNDER_WAY)
      throw new AppError('unavailable', 'Enough calls wait for the server already; try again')
    underWay += 1
    try {
      return await hand(server, call)
    } finally {
      underWay -= 1
    }
  }
}

async function hand(
  server: string,
  { method, path, query, project, header, body }: Parameters<Forward>[0],
): Promise<GatewayReply> {
  const url = new URL(`${server}/p/${project}${path}`)
  // Dots would lead out of the project.
  if (!url.pathname.endsWith(`/p/${project}${path}`))
    throw new AppError('not_found', `There is no project ${project}`)
  url.search = query.toString()
  const headers = HANDED_ON.flatMap((name): [string, string][] => {
    const value = header(name)
    return value === undefined ? [] : [[name, value]]
  })
  try {
    const response = await fetch(url, {
      method,
      headers,
      body: new Uint8Array(body),
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const back = HANDED_BACK.flatMap((name): [string, string][] => {
      const value = response.headers.get(name)
      return value === null ? [] : [[name, value]]
    })
    return {
      status: response.status,
      contentType: response.headers.get('content-type') ?? 'application/json',
      body: new Uint8Array(await response.arrayBuffer()),
      headers: Object.fromEntries(back),
    }
  } catch (cause) {
    throw new AppError('unavailable', 'The server does not answer, and it alone can do this; try again', {
      cause,
    })
  }
}
