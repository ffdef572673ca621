import { AppError } from '../kernel/errors.ts'

export const SESSION_COOKIE = 'tidemill_session'
export const TOKEN_PREFIX = 'tmt_'

/** What a request says about who sends it. */
export type Credential =
  | { kind: 'token'; token: string }
  | { kind: 'password'; name: string; password: string }
  | { kind: 'session'; secret: string }

/**
 * The credential of a request, from its Authorization header, else from its session cookie. In `Basic`, the form in which MLflow clients
 * send a user name and a password, an API token may stand for the password. Throws `unauthenticated` for a header that holds none.
 */
export function readCredential(
  authorization: string | undefined,
  cookie: string | undefined,
): Credential | undefined {
  if (authorization !== undefined) return readAuthorization(authorization)
  const secret = readCookie(cookie, SESSION_COOKIE)
  return secret === undefined ? undefined : { kind: 'session', secret }
}

export function readCookie(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return undefined
}

function readAuthorization(header: string): Credential {
  const [, scheme, value] = /^(\S+) +(\S+) *$/.exec(header) ?? []
  if (scheme?.toLowerCase() === 'bearer') return { kind: 'token', token: value! }
  if (scheme?.toLowerCase() === 'basic') {
    const text = Buffer.from(value!, 'base64').toString('utf8')
    const colon = text.indexOf(':')
    const password = text.slice(colon + 1)
    if (colon >= 0 && password.startsWith(TOKEN_PREFIX)) return { kind: 'token', token: password }
    if (colon > 0 && password !== '') return { kind: 'password', name: text.slice(0, colon), password }
  }
  throw new AppError(
    'unauthenticated',
    'The Authorization header is neither `Bearer <token>` nor `Basic` with a user name and a password or token',
  )
}
