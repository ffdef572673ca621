import type { Config } from '../kernel/config.ts'
import { AppError } from '../kernel/errors.ts'
import { isLoopback } from '../kernel/loopback.ts'

type Edge = Pick<Config, 'host' | 'publicUrl' | 'signIn'>

/** What an edge knows of a request before it knows who calls. */
export interface Origin {
  /** The Host header. */
  host: string | undefined
  /** The Origin header: the page of the browser that sends this. */
  origin: string | undefined
  /** The Sec-Fetch-Site header, which pages can't set. */
  fetchSite: string | undefined
  method: string
}

/** Beyond loopback, behind a reverse proxy and where the settings say so, nobody acts without signing in. */
export function isSignInRequired({ host, publicUrl, signIn }: Edge): boolean {
  return signIn === 'required' || publicUrl !== undefined || !isLoopback(host)
}

/**
 * Throws `denied` unless the Host header may name this process, and, for what changes state, unless a browser sends it from a page of
 * this very process. A page that rebinds a name to this machine has a Host header of its own.
 */
export function checkOrigin({ host, origin, fetchSite, method }: Origin, edge: Edge): void {
  if (host !== undefined && !isOwnHost(host, edge)) {
    throw new AppError('denied', `The Host header names ${host}; this process answers as ${ownName(edge)}`)
  }
  if (isRead(method)) return
  if (origin !== undefined && origin !== edge.publicUrl && hostOf(origin) !== host?.toLowerCase()) {
    throw new AppError('denied', `A page of ${origin} may not change anything here`)
  }
  if (fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none') {
    throw new AppError('denied', 'A page of another site may not change anything here')
  }
}

/**
 * Throws `denied` for a change that a cookie alone would authorise, unless the browser says that a page of this process sends it: cookies
 * travel with requests that other sites cause.
 */
export function requireOwnPage({ origin, fetchSite, method }: Omit<Origin, 'host'>): void {
  if (isRead(method) || origin !== undefined || fetchSite === 'same-origin') return
  throw new AppError('denied', 'A change by cookie must come from a page; programs send a token instead')
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}

/** Where the process is bound to all addresses, the names it has are not known; sign-in protects it there. */
function isOwnHost(host: string, { host: bound, publicUrl }: Edge): boolean {
  const name = nameOf(host)
  if (isLoopback(name)) return true
  if (publicUrl !== undefined && hostOf(publicUrl) === host.toLowerCase()) return true
  return !isLoopback(bound)
}

function ownName({ publicUrl }: Edge): string {
  return publicUrl === undefined ? 'loopback only' : `${publicUrl} and loopback only`
}

/** A Host header without its port. */
function nameOf(host: string): string {
  const colon = host.lastIndexOf(':')
  return colon > host.lastIndexOf(']') ? host.slice(0, colon) : host
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : ''
}

/**
 * The address a request comes from. Behind a reverse proxy it is what the proxy that stands before this process appended last; anybody
 * could have written what stands before it.
 */
export function addressOf(env: unknown, headers: Headers, { publicUrl }: Pick<Config, 'publicUrl'>): string {
  const { incoming } = (env ?? {}) as { incoming?: { socket?: { remoteAddress?: string } } }
  const socket = incoming?.socket?.remoteAddress ?? ''
  const forwarded = headers.get('x-forwarded-for')?.split(',').at(-1)?.trim()
  return publicUrl !== undefined && forwarded !== undefined && forwarded !== ''
    ? forwarded.slice(0, 100)
    : socket
}

/**
 * The challenge of a 401. A browser would answer `Basic` with a dialog of its own in front of the page that lets people sign in, so it is
 * only said to programs.
 */
export function challengeOf(headers: Readonly<Record<string, string | string[] | undefined>>): string {
  const { 'sec-fetch-site': site, 'user-agent': agent } = headers
  const isBrowser = site !== undefined || (typeof agent === 'string' && agent.startsWith('Mozilla/'))
  return isBrowser ? 'Bearer' : 'Bearer, Basic realm="Tidemill"'
}
