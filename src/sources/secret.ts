import { AppError } from '../kernel/errors.ts'

/** A secret that a definition names: an environment variable of the worker. Its value is never stored or logged. */
export function requireSecret(name: string): string {
  const value = process.env[name]
  if (value !== undefined && value !== '') return value
  throw new AppError(
    'unavailable',
    `The secret ${name} is not set: it is an environment variable of the worker`,
  )
}
