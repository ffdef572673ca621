import { posix } from 'node:path'
import { AppError } from '../kernel/errors.ts'
import { MAX_KEY_LENGTH } from './schema.ts'

const KEY = /^[/\p{L}\p{N}_.\- :]+$/u

/** Throws `invalid` unless the text can name a metric, a param or a tag. */
export function requireKey(key: string, what: 'metric' | 'param' | 'tag'): void {
  if (!KEY.test(key))
    throw new AppError(
      'invalid',
      `Invalid ${what} name '${key}': it may hold letters, digits, underscores, dashes, periods, spaces, colons and slashes`,
      { details: { key } },
    )
  if (key.length > MAX_KEY_LENGTH)
    throw new AppError(
      'invalid',
      `A ${what} name may have ${MAX_KEY_LENGTH} characters; this has ${key.length}`,
    )
  if (posix.normalize(key) !== key || key.startsWith('..') || key.startsWith('/') || key === '.')
    throw new AppError(
      'invalid',
      `Invalid ${what} name '${key}': as a path it would be ${posix.normalize(key)}`,
    )
}

/** Throws `invalid` unless the path stays inside its root: no empty, `.` or `..` parts, nothing encoded, no backslashes. */
export function requireArtifactPath(path: string): void {
  const parts = path.split('/')
  const unsafe = parts.some((part) => part === '' || part === '.' || part === '..')
  // oxlint-disable-next-line no-control-regex
  if (unsafe || /[\u0000-\u001f\\]/.test(path) || /%(2e|2f|5c|00)/i.test(path) || /^[a-z]:/i.test(path))
    throw new AppError('invalid', 'Invalid path')
  if (path.length > 4096) throw new AppError('invalid', 'Invalid path: it may have 4096 characters')
}
