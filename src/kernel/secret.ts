import { z } from 'zod'
import { AppError } from './errors.ts'

/** The name of an environment variable of the worker, as a definition gives it. Those of this program are not for others. */
export const secretName = z
  .string()
  .regex(
    /^(?!TIDEMILL_)[A-Za-z_][A-Za-z0-9_]*$/,
    'name an environment variable of the worker; those of Tidemill itself (TIDEMILL_…) are for nobody else',
  )

/** Throws `unavailable` for a secret that the worker lacks. Its value is never stored or logged. */
export function requireSecret(name: string): string {
  const value = secretName.safeParse(name).success ? process.env[name] : undefined
  if (value !== undefined && value !== '') return value
  throw new AppError(
    'unavailable',
    `The secret ${name} is not set: give the worker an environment variable ${name}`,
  )
}

/** A text without the values of secrets. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce((clean, secret) => (secret === '' ? clean : clean.replaceAll(secret, '•••')), text)
}
