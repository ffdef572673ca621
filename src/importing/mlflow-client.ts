import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError, messageOf } from '../kernel/errors.ts'

const ATTEMPTS = 6
const FIRST_RETRY_MS = 500
/** How long an answer may take to begin, and a file may pause. */
const TIMEOUT_MS = 120_000
const MAX_ANSWER_BYTES = 256 * 2 ** 20
const MAX_ITEMS = 5_000_000
const RETRIED: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504])

export type Json = Record<string, unknown>

/** The REST API of a running MLflow server, for reading. Signs in as MLflow's own clients do, by `MLFLOW_TRACKING_USERNAME` and `_PASSWORD` or `_TOKEN`. */
export class MlflowClient {
  readonly #base: string
  readonly #headers: Record<string, string>

  constructor(uri: string, { env, workspace }: { env: NodeJS.ProcessEnv; workspace?: string | undefined }) {
    const url = new URL(uri)
    const username = env['MLFLOW_TRACKING_USERNAME'] ?? decodeURIComponent(url.username)
    const password = env['MLFLOW_TRACKING_PASSWORD'] ?? decodeURIComponent(url.password)
    const token = env['MLFLOW_TRACKING_TOKEN']
    url.username = ''
    url.password = ''
    this.#base = url.href.replace(/\/+$/, '')
    this.#headers = { accept: 'application/json' }
    if (username)
      this.#headers['authorization'] = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
    else if (token) this.#headers['authorization'] = `Bearer ${token}`
    if (workspace !== undefined) this.#headers['x-mlflow-workspace'] = workspace
  }

  /** The address, without a password. */
  get address(): string {
    return this.#base
  }

  async get(path: string, query: Record<string, string | number | undefined> = {}): Promise<Json> {
    const given = Object.entries(query).filter(([, value]) => value !== undefined)
    const search = new URLSearchParams(given.map(([key, value]): [string, string] => [key, String(value)]))
    return await this.#json('GET', `${path}?${search.toString()}`)
  }

  async post(path: string, body: Json): Promise<Json> {
    return await this.#json('POST', path, JSON.stringify(body))
  }

  /** The items of every page of a listing. */
  async *pages(
    field: string,
    read: (pageToken: string | undefined) => Promise<Json>,
  ): AsyncGenerator<Json[], void, undefined> {
    let items = 0
    for (let token: string | undefined, isFirst = true; isFirst || token !== undefined; isFirst = false) {
      const answer = await read(token)
      const page = (answer[field] as Json[] | undefined) ?? []
      const next = (answer['next_page_token'] as string | undefined) || undefined
      items += page.length
      if (items > MAX_ITEMS || (next !== undefined && (next === token || page.length === 0)))
        throw new AppError('invalid', `${this.#base} lists ${field} without an end`)
      yield page
      token = next
    }
  }

  /** Streams an answer into a temporary file. Throws `invalid` for more than so many bytes. */
  async download(path: string, maxBytes: number): Promise<{ file: string; release(): Promise<void> }> {
    const folder = await mkdtemp(join(tmpdir(), 'tidemill-import-'))
    const release = (): Promise<void> => rm(folder, { recursive: true, force: true })
    const file = join(folder, 'file')
    try {
      await this.#attempt(path, { method: 'GET' }, (response, alive) =>
        pipeline(bounded(response, { maxBytes, path, alive }), createWriteStream(file)),
      )
    } catch (error) {
      await release()
      throw error
    }
    return { file, release }
  }

  async #json(method: 'GET' | 'POST', path: string, body?: string): Promise<Json> {
    const request = {
      method,
      ...(body !== undefined && { body, headers: { 'content-type': 'application/json' } }),
    }
    return await this.#attempt(path, request, async (response, alive) => {
      const chunks: Uint8Array[] = []
      for await (const chunk of bounded(response, { maxBytes: MAX_ANSWER_BYTES, path, alive }))
        chunks.push(chunk)
      const text = Buffer.concat(chunks).toString('utf8')
      try {
        return JSON.parse(text) as Json
      } catch (error) {
        const message = `${this.#base}${path} answers no JSON: is this the address of an MLflow server?`
        throw new AppError('invalid', message, { cause: error })
      }
    })
  }

  /** Asks again, at growing intervals, while the server is away or overloaded. */
  async #attempt<Result>(
    path: string,
    request: { method: 'GET' | 'POST'; body?: string; headers?: Record<string, string> },
    read: (response: Response, alive: () => void) => Promise<Result>,
  ): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      const isLast = attempt === ATTEMPTS
      const silence = new AbortController()
      const timer = setTimeout(
        () => silence.abort(new Error(`silent for ${TIMEOUT_MS / 1000} s`)),
        TIMEOUT_MS,
      )
      try {
        const response = await fetch(`${this.#base}${path}`, {
          ...request,
          headers: { ...this.#headers, ...request.headers },
          signal: silence.signal,
        })
        if (response.ok) return await read(response, () => timer.refresh())
        const text = await response.text()
        if (isLast || !RETRIED.has(response.status)) throw refusal(response.status, path, text)
      } catch (error) {
        if (error instanceof AppError) throw error
        if (isLast)
          throw new AppError('unavailable', `${this.#base} does not answer: ${messageOf(error)}`, {
            cause: error,
          })
      } finally {
        clearTimeout(timer)
      }
      await sleep(FIRST_RETRY_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2))
    }
  }
}

/** What an answer holds, as it comes. */
async function* bounded(
  { body }: Response,
  { maxBytes, path, alive }: { maxBytes: number; path: string; alive: () => void },
): AsyncGenerator<Uint8Array, void, undefined> {
  let size = 0
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    alive()
    size += chunk.byteLength
    if (size > maxBytes)
      throw new AppError(
        'invalid',
        `The MLflow server answers ${path.split('?')[0]} with more than ${maxBytes} bytes`,
      )
    yield chunk
  }
}

function refusal(status: number, path: string, text: string): AppError {
  const where = path.split('?')[0]
  if (status === 401 || status === 403)
    return new AppError(
      'denied',
      `The MLflow server refuses ${where} (${status}). Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.`,
    )
  const code = status === 404 ? 'not_found' : status >= 500 ? 'unavailable' : 'invalid'
  return new AppError(code, `The MLflow server answers ${where} with ${status}: ${text.slice(0, 300)}`)
}
