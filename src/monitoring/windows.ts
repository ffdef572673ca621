import { DAY_MS } from '../kernel/time-spans.ts'
import type { Trx } from '../ports/db/db.ts'
import {
  addInto,
  decodeProfile,
  encodeProfile,
  profileTotals,
  type Profile,
  type ProfileLayout,
} from '../statistics/profile.ts'
import { findWindow, upsertWindow, type WindowKey } from './store-windows.ts'

/** Counts to add to one hour of one variant, and to its day. */
export interface WindowAddition {
  deployment: string
  version: number
  variant: string
  hourMs: number
  layoutSha256: string
  layout: ProfileLayout
  profile: Profile
  labelSum: number
  lossSum: number
}

/** Adds counts to their hours and days. The caller's transaction makes it happen once. */
export async function addToWindows(
  trx: Trx,
  { projectId, additions }: { projectId: string; additions: readonly WindowAddition[] },
): Promise<void> {
  for (const addition of additions) await addTo(trx, projectId, addition, 'hour', addition.hourMs)
  for (const day of byDay(additions)) await addTo(trx, projectId, day, 'day', day.hourMs)
}

/** Sums over the hours of a day, so that a day is written once for each variant. */
function byDay(additions: readonly WindowAddition[]): WindowAddition[] {
  const days = new Map<string, WindowAddition>()
  for (const addition of additions) {
    const dayMs = addition.hourMs - (addition.hourMs % DAY_MS)
    const { deployment, version, variant, layoutSha256 } = addition
    const key = [deployment, version, variant, layoutSha256, dayMs].join('/')
    const known = days.get(key)
    if (known) {
      addInto(known.profile, addition.profile)
      known.labelSum += addition.labelSum
      known.lossSum += addition.lossSum
      continue
    }
    const { layoutHash, counts } = addition.profile
    days.set(key, { ...addition, hourMs: dayMs, profile: { layoutHash, counts: Float64Array.from(counts) } })
  }
  return [...days.values()]
}

async function addTo(
  trx: Trx,
  projectId: string,
  addition: WindowAddition,
  grain: 'hour' | 'day',
  startMs: number,
): Promise<void> {
  const { deployment, version, variant, layout, layoutSha256 } = addition
  const key: WindowKey = {
    project_id: projectId,
    deployment,
    version,
    variant,
    slice: 'all',
    grain,
    start_ms: startMs,
  }
  const known = await findWindow(trx, key)
  const profile = {
    layoutHash: addition.profile.layoutHash,
    counts: Float64Array.from(addition.profile.counts),
  }
  // A version that was given another layout starts a new count: cells of two layouts can't be added.
  const same = known?.layout_sha256 === layoutSha256 ? known : undefined
  if (same) addInto(profile, decodeProfile(layout, same.profile))
  const totals = profileTotals(profile)
  await upsertWindow(trx, {
    ...key,
    layout_sha256: layoutSha256,
    rows: totals.rows,
    labelled: totals.labelled,
    label_sum: (same?.label_sum ?? 0) + addition.labelSum,
    loss_sum: (same?.loss_sum ?? 0) + addition.lossSum,
    revision: (known?.revision ?? 0) + 1,
    profile: encodeProfile(profile),
  })
}
