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

/** How many characters at the end of a text may be the beginning of a secret, whose rest is still to come. */
export function begunSecret(text: string, secrets: readonly string[]): number {
  const longest = Math.max(0, ...secrets.map(({ length }) => length))
  for (let length = Math.min(text.length, longest - 1); length > 0; length--)
    if (secrets.some((secret) => secret.length > length && secret.startsWith(text.slice(-length))))
      return length
  return 0
}

/** A text without the values of secrets. */
export function redact(text: string, secrets: readonly string[]): string {
  // One that begins with another goes first, or its rest would stay.
  const longestFirst = secrets.filter((secret) => secret !== '').sort((a, b) => b.length - a.length)
  return longestFirst.reduce((clean, secret) => clean.replaceAll(secret, '•••'), text)
}
