import { z } from 'zod'
import { durationMs, type Duration } from '../kernel/duration.ts'

/**
 * When a column's value is known, as a project version stores it: what another column says, what SQL over the row says
 * (DuckDB, a TIMESTAMP or DATE), or a while after the row's time. Never before the row's time.
 */
export const knownAt = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('column'),
    column: z.string().min(1),
    withinMs: z.number().positive().optional(),
  }),
  z.strictObject({
    type: z.literal('sql'),
    sql: z.string().min(1),
    withinMs: z.number().positive().optional(),
  }),
  z.strictObject({ type: z.literal('after'), afterMs: z.number().nonnegative() }),
])
export type KnownAt = z.infer<typeof knownAt>

/** As a project writes it. `within` promises that the value is known at most that long after the row's time. */
export type KnownAtOption =
  | { column: string; within?: Duration }
  | { sql: string; within?: Duration }
  | { after: Duration }

export function toKnownAt(option: KnownAtOption): KnownAt {
  if ('after' in option) return knownAt.parse({ type: 'after', afterMs: durationMs.parse(option.after) })
  const { within, ...where } = option
  const type = 'column' in where ? 'column' : 'sql'
  return knownAt.parse({
    type,
    ...where,
    ...(within !== undefined && { withinMs: durationMs.parse(within) }),
  })
}

/**
 * When the columns of a dataset are known that are known later than the row's time: as declared, and a column that tells
 * when another is known is known at the moment that it tells.
 */
export function knownColumns(
  knownAt: Readonly<Record<string, KnownAt>> | undefined,
): Readonly<Record<string, KnownAt>> {
  const moments = Object.values(knownAt ?? {}).flatMap((known) => (known.type === 'column' ? [known] : []))
  return { ...Object.fromEntries(moments.map((known) => [known.column, known])), ...knownAt }
}

/** The longest time from a row's time to the moment when the value is known, ms; null when nothing bounds it. */
export function longestWaitMs(known: KnownAt): number | null {
  return known.type === 'after' ? known.afterMs : (known.withinMs ?? null)
}
