import { localOwner, type Actor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'

const LOOPBACK_HOSTS = new Set(['127.0.0.1', 'localhost', '[::1]', '::1'])

function isLoopback(host: string): boolean {
  return LOOPBACK_HOSTS.has(host) || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/**
 * Who calls. Without users there is the local owner alone, and only on loopback: the Host header must name it
 * (a web page that rebinds a name can't), and a browser may change state only from a page of this server.
 */
export function authenticateLocal(request: Request): Actor {
  const host = new URL(`http://${request.headers.get('host') ?? 'localhost'}`).hostname
  if (!isLoopback(host)) {
    throw new AppError('denied', `The Host header names ${host}; this server answers on loopback only`)
  }
  const origin = request.headers.get('origin')
  const reads = request.method === 'GET' || request.method === 'HEAD'
  if (!reads && origin !== null && new URL(origin).host !== request.headers.get('host')) {
    throw new AppError('denied', `A page of ${origin} may not change anything here`)
  }
  return localOwner
}

/** Refuses an address that others could reach: there is no sign-in yet. */
export function requireLoopback(host: string): void {
  if (isLoopback(host)) return
  throw new AppError(
    'invalid',
    `host is ${host}: beyond loopback Tidemill needs authentication, which this version does not have. Use 127.0.0.1.`,
  )
}
