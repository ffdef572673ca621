import { AppError } from '../kernel/errors.ts'

const LOOPBACK_HOSTS = new Set(['127.0.0.1', 'localhost', '[::1]', '::1'])

function isLoopback(host: string): boolean {
  return LOOPBACK_HOSTS.has(host) || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/** Refuses an address that others could reach: there is no sign-in yet. */
export function requireLoopback(host: string): void {
  if (isLoopback(host)) return
  throw new AppError(
    'invalid',
    `host is ${host}: beyond loopback the gateway needs authentication, which this version does not have. Use 127.0.0.1.`,
  )
}

/** Throws `denied` unless the Host header names loopback and a browser's page is of this very host. */
export function checkCaller(host: string | undefined, origin: string | undefined, reads: boolean): void {
  if (host !== undefined && !isLoopback(hostName(host))) {
    throw new AppError('denied', `The Host header names ${host}; this gateway answers on loopback only`)
  }
  if (!reads && origin !== undefined && originHost(origin) !== host) {
    throw new AppError('denied', `A page of ${origin} may not call this gateway`)
  }
}

function hostName(host: string): string {
  const colon = host.lastIndexOf(':')
  return colon > host.lastIndexOf(']') ? host.slice(0, colon) : host
}

function originHost(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).host : ''
}
