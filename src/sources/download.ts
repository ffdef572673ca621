import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { lookupPublic, requirePublicUrl } from '../http/public-address.ts'
import { AppError, messageOf } from '../kernel/errors.ts'

const MOST_REDIRECTS = 5
const RETRY_AFTER_MS = [200, 1_000]
/** Without a byte for so long, a connection is given up. */
const SILENCE_MS = 30_000

export interface Download {
  url: string
  headers: Readonly<Record<string, string>>
  /** Sent to the origin of `url` alone, not to where it redirects. */
  secretHeaders: Readonly<Record<string, string>>
  target: string
  maxBytes: number
  timeoutMs: number
  allowPrivate: boolean
  signal: AbortSignal
}

export interface Fetched {
  sha256: string
  sizeBytes: number
  headers: IncomingMessage['headers']
}

/**
 * Gets a URL into a file: redirects are followed to public addresses only, an answer that is too large, cut off or of another length than it said is
 * refused, and what may pass is tried again. Undefined when the server says that nothing has changed.
 */
export async function download(options: Download): Promise<Fetched | undefined> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await once(options)
    } catch (error) {
      options.signal.throwIfAborted()
      if (error instanceof AppError && error.code !== 'unavailable') throw error
      const delay = RETRY_AFTER_MS[attempt]
      if (delay === undefined || (error instanceof AppError && error.details['final'] === true))
        throw error instanceof AppError
          ? error
          : new AppError('unavailable', `${options.url} can't be fetched: ${messageOf(error)}`, {
              cause: error,
            })
      await wait(delay, undefined, { signal: options.signal })
    }
  }
}

async function once(options: Download): Promise<Fetched | undefined> {
  const timeout = AbortSignal.timeout(options.timeoutMs)
  const signal = AbortSignal.any([timeout, options.signal])
  try {
    const response = await follow(options, signal)
    if (response.statusCode === 304) {
      response.resume()
      return undefined
    }
    requireSuccess(options.url, response)
    return { ...(await save(options, response, signal)), headers: response.headers }
  } catch (error) {
    if (!timeout.aborted) throw error
    throw new AppError(
      'unavailable',
      `${options.url} did not answer in full within ${options.timeoutMs / 1000} s`,
    )
  }
}

async function follow(options: Download, signal: AbortSignal): Promise<IncomingMessage> {
  let url = requirePublicUrl(options.url, options)
  const { origin } = url
  for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
    const secret = url.origin === origin ? options.secretHeaders : {}
    const response = await get(url, { ...options.headers, ...secret }, options, signal)
    const { location } = response.headers
    if (![301, 302, 303, 307, 308].includes(response.statusCode!) || location === undefined) return response
    response.destroy()
    const next = requirePublicUrl(URL.parse(location, url.href)?.href ?? location, options)
    if (url.protocol === 'https:' && next.protocol === 'http:')
      throw new AppError('invalid', `${options.url} redirects from https to http, which is refused`)
    url = next
  }
  throw new AppError('invalid', `${options.url} redirects more than ${MOST_REDIRECTS} times`)
}

function get(
  url: URL,
  headers: Readonly<Record<string, string>>,
  { allowPrivate }: Pick<Download, 'allowPrivate'>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const outgoing = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    headers: { 'user-agent': 'tidemill', 'accept-encoding': 'identity', ...headers },
    agent: false,
    signal,
    ...(!allowPrivate && { lookup: lookupPublic }),
  })
  outgoing.setTimeout(SILENCE_MS, () => outgoing.destroy(new Error(`silent for ${SILENCE_MS / 1000} s`)))
  outgoing.on('error', reject)
  outgoing.on('response', resolve)
  outgoing.end()
  return promise
}

function requireSuccess(url: string, response: IncomingMessage): void {
  const status = response.statusCode!
  const encoding = response.headers['content-encoding'] ?? 'identity'
  if (status === 200 && encoding === 'identity') return
  response.destroy()
  if (status === 200)
    throw new AppError('invalid', `${url} answers in the encoding ${encoding}, which was not asked for`)
  const reason = status === 401 || status === 403 ? ': the credentials are wrong or missing' : ''
  const mayPass = status === 408 || status === 429 || status >= 500
  throw new AppError('unavailable', `${url} answers with the status ${status}${reason}`, {
    details: { final: !mayPass },
  })
}

async function save(
  { url, target, maxBytes }: Download,
  response: IncomingMessage,
  signal: AbortSignal,
): Promise<Omit<Fetched, 'headers'>> {
  const said = Number(response.headers['content-length'] ?? Number.NaN)
  const tooLarge = (): AppError => new AppError('invalid', `${url} is larger than ${maxBytes} bytes`)
  if (said > maxBytes) {
    response.destroy()
    throw tooLarge()
  }
  const hash = createHash('sha256')
  let sizeBytes = 0
  const measure = new Transform({
    transform(chunk: Buffer, _, done) {
      sizeBytes += chunk.byteLength
      hash.update(chunk)
      done(sizeBytes > maxBytes ? tooLarge() : null, chunk)
    },
  })
  await pipeline(response, measure, createWriteStream(target), { signal })
  if (!response.complete || (!Number.isNaN(said) && said !== sizeBytes))
    throw new Error(`the answer was cut off after ${sizeBytes} bytes`)
  return { sha256: hash.digest('hex'), sizeBytes }
}
