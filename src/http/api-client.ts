import { createReadStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { AppError, type ErrorCode } from '../kernel/errors.ts'
import type { ErrorBody } from './errors.ts'

/** Where the processes of a running `up` listen; written by the supervisor into the data folder. */
export interface Running {
  serverUrl: string
  gatewayUrl: string
  pid: number
}

export function readRunning(dataDir: string): Running | undefined {
  try {
    return JSON.parse(readFileSync(join(dataDir, 'running.json'), 'utf8')) as Running
  } catch {
    return undefined
  }
}

interface Content {
  body?: string | ReadableStream
  duplex?: 'half'
}

/** The native REST API as the commands call it. */
export class ApiClient {
  readonly #baseUrl: string
  readonly #authorization: string | undefined
  readonly #fetch: (request: Request) => Response | Promise<Response>

  /** `fetch` may answer without a network, as commands do that work on a data folder. */
  constructor(
    baseUrl: string,
    options: {
      authorization?: string | undefined
      fetch?: (request: Request) => Response | Promise<Response>
    } = {},
  ) {
    this.#baseUrl = baseUrl.replace(/\/$/, '')
    this.#authorization = options.authorization
    this.#fetch = options.fetch ?? fetch
  }

  get<Result>(path: string): Promise<Result> {
    return this.request('GET', path)
  }

  post<Result>(path: string, body: unknown = {}): Promise<Result> {
    return this.request('POST', path, body)
  }

  async request<Result>(method: string, path: string, body?: unknown): Promise<Result> {
    const json = body === undefined ? {} : { body: JSON.stringify(body) }
    return await this.#send(method, path, 'application/json', json)
  }

  /** Sends a file as it is, without reading it into memory. */
  async upload<Result>(path: string, file: string): Promise<Result> {
    const body = Readable.toWeb(createReadStream(file)) as ReadableStream
    return await this.#send('POST', path, 'application/octet-stream', { body, duplex: 'half' })
  }

  /** The body as it comes, for files. */
  async download(path: string): Promise<{ body: AsyncIterable<Uint8Array>; headers: Headers }> {
    const { body, headers } = await this.#ask('GET', path, 'application/json', {})
    return { body: body ?? new ReadableStream(), headers }
  }

  async #send<Result>(method: string, path: string, contentType: string, content: Content): Promise<Result> {
    const text = await (await this.#ask(method, path, contentType, content)).text()
    return (text === '' ? {} : JSON.parse(text)) as Result
  }

  async #ask(method: string, path: string, contentType: string, content: Content): Promise<Response> {
    let response: Response
    try {
      const request = new Request(`${this.#baseUrl}/api/v1${path}`, {
        method,
        headers: {
          'content-type': contentType,
          ...(this.#authorization !== undefined && { authorization: this.#authorization }),
        },
        ...content,
      })
      response = await this.#fetch(request)
    } catch (error) {
      if (error instanceof AppError) throw error
      throw new AppError(
        'unavailable',
        `No server answers at ${this.#baseUrl}. Start one with \`tidemill up\`, or name it with --server.`,
        { cause: error },
      )
    }
    if (response.ok) return response
    throw asAppError(response.status, await response.text())
  }
}

function asAppError(status: number, text: string): AppError {
  try {
    const { error } = JSON.parse(text) as ErrorBody
    return new AppError(error.code satisfies ErrorCode, error.message, { details: { ...error.details } })
  } catch {
    return new AppError('internal', `The server answered ${status}: ${text.slice(0, 200)}`)
  }
}
