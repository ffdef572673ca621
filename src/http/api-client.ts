import { readFileSync } from 'node:fs'
import { join } from 'node:path'
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

/** The native REST API as the commands call it. */
export class ApiClient {
  readonly #baseUrl: string

  constructor(baseUrl: string) {
    this.#baseUrl = baseUrl.replace(/\/$/, '')
  }

  get<Result>(path: string): Promise<Result> {
    return this.request('GET', path)
  }

  post<Result>(path: string, body: unknown = {}): Promise<Result> {
    return this.request('POST', path, body)
  }

  async request<Result>(method: string, path: string, body?: unknown): Promise<Result> {
    let response: Response
    try {
      response = await fetch(`${this.#baseUrl}/api/v1${path}`, {
        method,
        headers: { 'content-type': 'application/json', 'x-tidemill-client': 'cli' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
    } catch (error) {
      throw new AppError(
        'unavailable',
        `No server answers at ${this.#baseUrl}. Start one with \`tidemill up\`, or name it with --server.`,
        { cause: error },
      )
    }
    const text = await response.text()
    if (response.ok) return (text === '' ? {} : JSON.parse(text)) as Result
    throw asAppError(response.status, text)
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
