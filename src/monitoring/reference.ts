import { DAY_MS } from '../kernel/time-spans.ts'
import type { Context } from '../http/context.ts'
import { readReferenceProfile } from '../registry/registry.ts'
import { decodeProfile, prepareLayout, type Profile, type ProfileLayout } from '../statistics/profile.ts'

/** What a version's reference profile holds, read once: the frozen bins, and how each reference day looked. */
export interface Reference {
  layout: ProfileLayout
  days: readonly ReferenceDay[]
  total: Profile
}

export interface ReferenceDay {
  /** Whole days since the epoch. */
  day: number
  rows: number
  labelSum: number
  profile: Profile
}

/** The reference profile that travels with a model version. Throws `invalid` for a blob that is none. */
export async function loadReference(
  context: Pick<Context, 'artifacts'>,
  layoutSha256: string,
): Promise<Reference> {
  const stored = await readReferenceProfile(context, layoutSha256)
  const layout = prepareLayout(stored.layout)
  const read = (text: string): Profile => decodeProfile(layout, Buffer.from(text, 'base64'))
  return {
    layout,
    total: read(stored.total),
    days: stored.days.map(({ day, rows, labelSum, profile }) => ({
      day: Math.floor(Date.parse(`${day}T00:00:00Z`) / DAY_MS),
      rows,
      labelSum,
      profile: read(profile),
    })),
  }
}

export function dayNumber(ms: number): number {
  return Math.floor(ms / DAY_MS)
}
