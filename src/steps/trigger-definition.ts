import { z } from 'zod'
import { durationMs, type Duration } from '../kernel/duration.ts'

const name = z.string().min(1).max(100)
const coolDownMs = z.number().min(0)

/** What starts a pipeline besides a request: the JSON form. */
export const triggerSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('cron'), pattern: z.string(), timezone: z.string().default('UTC') }),
  z.strictObject({ kind: z.literal('new_data'), dataset: name, minRows: z.int().min(1), coolDownMs }),
  z.strictObject({ kind: z.literal('drift'), deployment: name, coolDownMs }),
  z.strictObject({ kind: z.literal('degraded'), deployment: name, coolDownMs }),
])
export type Trigger = z.infer<typeof triggerSchema>

/** Something that has a name in the project: its definition, or the name itself. */
export type Reference = string | { readonly name: string }

export function nameOf(reference: Reference): string {
  return typeof reference === 'string' ? reference : reference.name
}

/** Starts at the times of a cron pattern (five or six fields), in domain time. */
export function cron(pattern: string, options: { timezone?: string } = {}): Trigger {
  return { kind: 'cron', pattern, timezone: options.timezone ?? 'UTC' }
}

/** Starts when versions of a dataset have added at least `minRows` rows since the last start. */
export function newData(
  dataset: Reference,
  options: { minRows?: number; coolDown?: Duration } = {},
): Trigger {
  const { minRows = 1, coolDown = '0s' } = options
  return { kind: 'new_data', dataset: nameOf(dataset), minRows, coolDownMs: durationMs.parse(coolDown) }
}

/** Starts when the inputs or the base rate of a deployment have changed: an alert of kind `drift` or `base_rate`. */
export function drift(deployment: Reference, options: { coolDown?: Duration } = {}): Trigger {
  const coolDownMs = durationMs.parse(options.coolDown ?? '1d')
  return { kind: 'drift', deployment: nameOf(deployment), coolDownMs }
}

/** Starts when the measured quality of a deployment is below what its monitor expects: an alert of kind `quality`. */
export function degraded(deployment: Reference, options: { coolDown?: Duration } = {}): Trigger {
  const coolDownMs = durationMs.parse(options.coolDown ?? '1d')
  return { kind: 'degraded', deployment: nameOf(deployment), coolDownMs }
}
