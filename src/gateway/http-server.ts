import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { AppError } from '../kernel/errors.ts'
import type { GatewayCall, GatewayReply } from '../serving/serving.ts'
import { anonymous, type Actor } from '../kernel/actor.ts'
import { challengeOf } from '../http/caller.ts'
import { listenFailure } from '../http/listen-failure.ts'

/** Answers calls, and encodes errors as the protocol of the call wants them. */
export interface Handler {
  /** Tells who calls. Throws `unauthenticated` or `denied`. */
  identify(call: Pick<GatewayCall, 'method' | 'path'>, headers: IncomingHttpHeaders): Actor
  answer(call: GatewayCall): GatewayReply | Promise<GatewayReply>
  error(call: Pick<GatewayCall, 'path'>, error: unknown): GatewayReply
}

interface Options {
  host: string
  port: number
  /** Where the port is set, for who finds it in use. */
  portSetting: string
  maxBodyBytes: number
  defaultProject: string
}

const DRAIN_MS = 2000
const NO_BODY = Buffer.alloc(0)
const NO_QUERY = new URLSearchParams()

/** Bare `node:http`: the hot routes need nothing more, and pay for nothing more. */
export class HttpServer implements AsyncDisposable {
  readonly #server: Server
  readonly #handler: Handler
  readonly #options: Options
  #busy = 0

  private constructor(handler: Handler, options: Options) {
    this.#handler = handler
    this.#options = options
    this.#server = createServer({ keepAliveTimeout: 60_000 }, (request, response) =>
      this.#receive(request, response),
    )
  }

  static async listen(handler: Handler, options: Options): Promise<HttpServer> {
    const created = new HttpServer(handler, options)
    await new Promise<void>((resolve, reject) => {
      created.#server.once('error', (error) => reject(listenFailure(error, options, options.portSetting)))
      created.#server.listen(options.port, options.host, resolve)
    })
    return created
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const arrived: Arrived = {
      ...splitUrl(request.url ?? '/'),
      actor: anonymous,
      startedMs: performance.now(),
    }
    this.#busy += 1
    try {
      // Before anything of the body is kept: who may not call costs no memory.
      arrived.actor = this.#handler.identify(
        { method: request.method ?? 'GET', path: arrived.path },
        request.headers,
      )
    } catch (error) {
      request.resume()
      const reply = this.#handler.error(arrived, error)
      return this.#send(response, hasBody(request) ? closing(reply) : reply)
    }
    if (request.method === 'GET' || request.method === 'HEAD') {
      request.resume()
      return this.#answer(request, response, NO_BODY, arrived)
    }
    this.#read(request, response, arrived)
  }

  #read(request: IncomingMessage, response: ServerResponse, arrived: Arrived): void {
    const { maxBodyBytes } = this.#options
    let first: Buffer | undefined
    let rest: Buffer[] | undefined
    let size = 0
    let settled = false
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > maxBodyBytes) {
        if (settled) return
        settled = true
        const error = new AppError('invalid', `The body is larger than ${maxBodyBytes} bytes`)
        this.#send(response, closing({ ...this.#handler.error(arrived, error), status: 413 }))
      } else if (first === undefined) first = chunk
      else (rest ??= [first]).push(chunk)
    })
    request.on('end', () => {
      if (settled) return
      settled = true
      this.#answer(request, response, rest ? Buffer.concat(rest) : (first ?? NO_BODY), arrived)
    })
    request.on('error', () => {
      if (!settled) this.#busy -= 1
      settled = true
      response.destroy()
    })
  }

  #answer(request: IncomingMessage, response: ServerResponse, body: Buffer, arrived: Arrived): void {
    const { headers } = request
    const { project, path, query, actor, startedMs } = arrived
    const call: GatewayCall = {
      method: request.method ?? 'GET',
      path,
      query: query === '' ? NO_QUERY : new URLSearchParams(query),
      project: project ?? this.#options.defaultProject,
      header: (name) => {
        const value = headers[name.toLowerCase()]
        return Array.isArray(value) ? value[0] : value
      },
      body,
      actor,
      caller: actor.kind === 'owner' ? null : actor.name,
      startedMs,
    }
    try {
      const reply = this.#handler.answer(call)
      if (!(reply instanceof Promise)) return this.#send(response, reply)
      reply.then(
        (answered) => this.#send(response, answered),
        (error: unknown) => this.#send(response, this.#handler.error(call, error)),
      )
    } catch (error) {
      this.#send(response, this.#handler.error(call, error))
    }
  }

  #send(response: ServerResponse, reply: GatewayReply): void {
    this.#busy -= 1
    if (reply.status !== 401) return send(response, reply)
    const challenge = challengeOf(response.req.headers)
    send(response, { ...reply, headers: { ...reply.headers, 'www-authenticate': challenge } })
  }

  /** Takes no new requests, lets those under way finish for a while, then cuts. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    const until = performance.now() + DRAIN_MS
    while (this.#busy > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 5))
    this.#server.closeAllConnections()
    await closed
  }
}

/** What is known of a request before its body. */
interface Arrived extends Address {
  actor: Actor
  startedMs: number
}

interface Address {
  project: string | undefined
  path: string
  query: string
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/** The rest of the request is not waited for. */
function closing(reply: GatewayReply): GatewayReply {
  return { ...reply, headers: { ...reply.headers, connection: 'close' } }
}

function splitUrl(url: string): Address {
  const mark = url.indexOf('?')
  const whole = mark < 0 ? url : url.slice(0, mark)
  const query = mark < 0 ? '' : url.slice(mark + 1)
  if (!whole.startsWith('/p/')) return { project: undefined, path: whole, query }
  const end = whole.indexOf('/', 3)
  return { project: whole.slice(3, end < 0 ? undefined : end), path: end < 0 ? '/' : whole.slice(end), query }
}

function send(response: ServerResponse, reply: GatewayReply): void {
  if (response.headersSent || response.destroyed) return
  const { body } = reply
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
  const headers = ['content-type', reply.contentType, 'content-length', String(length)]
  if (reply.headers !== undefined) {
    for (const [name, value] of Object.entries(reply.headers)) headers.push(name, value)
  }
  response.writeHead(reply.status, headers)
  // As many bytes as characters: all of them are ASCII, and latin1 writes them without looking at each (a sixth of an answer's time).
  if (length === body.length) response.end(body, 'latin1')
  else response.end(body)
}
