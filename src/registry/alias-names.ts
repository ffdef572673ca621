import { AppError } from '../kernel/errors.ts'
import type { Stage } from './tables.ts'

/** The version that is deployed, and the one that should take its place. */
export const CHAMPION = 'champion'
export const CHALLENGER = 'challenger'

/** What MLflow's stages mean: where an alias is protected, so is the stage that says the same. */
export const STAGE_ALIAS: Readonly<Partial<Record<Stage, string>>> = {
  Production: CHAMPION,
  Staging: CHALLENGER,
}

/** Throws `invalid` unless the alias can be set: `latest` and names of versions mean something else. */
export function requireAliasName(alias: string): void {
  requireAliasCharacters(alias)
  if (/^v\d+$/i.test(alias))
    throw new AppError('invalid', `Version alias name '${alias}' is reserved: it looks like a version number`)
  if (alias.toLowerCase() === 'latest')
    throw new AppError('invalid', "'latest' alias name (case insensitive) is reserved.")
}

export function requireAliasCharacters(alias: string): void {
  if (!/^[\p{L}\p{N}_-]+$/u.test(alias))
    throw new AppError(
      'invalid',
      `Invalid alias name: '${alias}'. It may hold letters, digits, underscores and dashes.`,
    )
  if (alias.length > 255) throw new AppError('invalid', 'An alias may have 255 characters')
}
