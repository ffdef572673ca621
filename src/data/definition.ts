import { z } from 'zod'
import { durationMs, type Duration } from '../kernel/duration.ts'
import { expectation, type Expectation } from '../expectations/definition.ts'
import { personalPolicies, type PersonalPolicies } from '../privacy/definition.ts'
import { sourceDefinition, type SourceDefinition } from '../sources/definition.ts'
import { knownAt, toKnownAt, type KnownAtOption } from './known-at.ts'

export { knownAt, knownColumns, longestWaitMs } from './known-at.ts'

const nameSchema = z
  .string()
  .regex(/^[a-zA-Z][a-zA-Z0-9_-]{0,99}$/, 'a name starts with a letter and has letters, digits, _ and -')

/** A dataset as a project version stores it. */
export const datasetDefinition = z
  .strictObject({
    kind: z.literal('dataset'),
    name: nameSchema,
    source: sourceDefinition,
    time: z.string().min(1).optional(),
    /** By column; a column that is not named is known at the row's time. */
    knownAt: z.record(z.string().min(1), knownAt).optional(),
    probeEveryMs: z.number().int().min(100).optional(),
    keep: z
      .strictObject({
        versions: z.number().int().min(1).optional(),
        days: z.number().positive().max(36_500).optional(),
        runDays: z.number().positive().max(36_500).optional(),
      })
      .refine(
        ({ versions, days }) => (versions ?? days) !== undefined,
        'say how many versions, how many days, or both',
      )
      .optional(),
    owner: z.string().min(1).max(200).optional(),
    description: z.string().max(2_000).optional(),
    tags: z.array(z.string().min(1).max(100)).max(50).optional(),
    expect: z.array(expectation),
    personal: personalPolicies.optional(),
  })
  .refine(({ time, personal }) => isTimeKept(time, personal), {
    path: ['personal'],
    error: 'the time column must stay a time: keep it, or let it be the first day of its month',
  })
  .refine(({ time, knownAt }) => knownAt === undefined || time !== undefined, {
    path: ['knownAt'],
    error: 'knownAt needs `time`: a value is known at the time of its row, or later',
  })

export type DatasetDefinition = z.infer<typeof datasetDefinition>

function isTimeKept(time: string | undefined, personal: PersonalPolicies | undefined): boolean {
  const policy = time === undefined ? undefined : personal?.[time]
  return (
    policy === undefined ||
    policy === 'keep' ||
    policy === false ||
    (typeof policy === 'object' && 'to' in policy && policy.to === 'month')
  )
}

/** What the room `data` contributes to a project's JSON document. */
export const dataDefinitions = z.strictObject({ datasets: z.array(datasetDefinition) })

/**
 * A named table whose versions are immutable. `time` names the column that holds each row's time (a timestamp or
 * a date, UTC, never null). Each arriving file is held against `expect` before it becomes part of a version.
 * `probeEvery` lets the server look for new files at that interval. `personal` says what is done with columns that tell of people
 * before they are stored: `{ email: 'hash', name: 'drop', phone: 'mask', born: { to: 'year' }, notes: 'keep', order: false }`.
 * `keep` lets old versions go: those that are not among the newest `versions` and are older than `days` (with one of them, by that
 * alone). The newest version stays, and so does every version that something refers to; with `runDays` runs that have ended and began longer ago do not count.
 * `owner`, `description` and `tags` are for people.
 * `knownAt` says of columns when their values are known, where that is later than the row's time: features and training
 * sets never use them before.
 *
 * @example
 * dataset('flights', {
 *   source: files('feed/flights.parquet'),
 *   time: 'departed',
 *   knownAt: { delay: { column: 'landed', within: '20h' }, refund: { after: '30d' } },
 * })
 */
export function dataset(
  name: string,
  options: {
    source: SourceDefinition
    time?: string
    knownAt?: Readonly<Record<string, KnownAtOption>>
    expect?: readonly Expectation[]
    probeEvery?: Duration
    keep?: { versions?: number; days?: number; runDays?: number }
    owner?: string
    description?: string
    tags?: readonly string[]
    personal?: PersonalPolicies
  },
): DatasetDefinition {
  const { source, time, knownAt, expect = [], probeEvery, ...more } = options
  const known = Object.entries(knownAt ?? {}).map(([column, option]) => [column, toKnownAt(option)] as const)
  return datasetDefinition.parse({
    kind: 'dataset',
    name,
    source,
    ...(time !== undefined && { time }),
    ...(known.length > 0 && { knownAt: Object.fromEntries(known) }),
    ...(probeEvery !== undefined && { probeEveryMs: durationMs.parse(probeEvery) }),
    expect,
    ...more,
  })
}
