import { ByteReader, type ByteWriter } from './byte-writer.ts'

/** What gateways count for a rollout; each for each request, in a second of event time. */
const rolloutMetrics = ['error', 'latency_slow', 'violation', 'disagree', 'score_diff'] as const
export type RolloutMetric = (typeof rolloutMetrics)[number]

/** Additive: sums over gateways, seconds and segments are exact. */
export interface RolloutCount {
  route: number
  metric: RolloutMetric
  /** Seconds since the epoch. */
  second: number
  n: number
  sum: number
  sumSq: number
}

/** Profile counts of the rows of one route within one hour of event time, as `encodeProfile` makes them. */
export interface ProfileCount {
  route: number
  hourMs: number
  profile: Uint8Array
}

/** What a micro-batch adds to the rollout's counters. */
export class RolloutCounter {
  readonly #counts: RolloutCount[] = []

  get size(): number {
    return this.#counts.length
  }

  add(route: number, metric: RolloutMetric, timeMs: number, value: number): void {
    const second = Math.floor(timeMs / 1000)
    for (const count of this.#counts) {
      if (count.route !== route || count.metric !== metric || count.second !== second) continue
      count.n += 1
      count.sum += value
      count.sumSq += value * value
      return
    }
    this.#counts.push({ route, metric, second, n: 1, sum: value, sumSq: value * value })
  }

  clear(): void {
    this.#counts.length = 0
  }

  get counts(): readonly RolloutCount[] {
    return this.#counts
  }
}

export function writeCounts(
  writer: ByteWriter,
  profiles: readonly ProfileCount[],
  counts: readonly RolloutCount[],
): void {
  writer.u16(profiles.length)
  for (const { route, hourMs, profile } of profiles) {
    writer.u16(route)
    writer.f64(hourMs)
    writer.u32(profile.length)
    writer.raw(profile)
  }
  writer.u16(counts.length)
  for (const { route, metric, second, n, sum, sumSq } of counts) {
    writer.u16(route)
    writer.u8(rolloutMetrics.indexOf(metric))
    writer.f64(second)
    writer.f64(n)
    writer.f64(sum)
    writer.f64(sumSq)
  }
}

export function readCounts(payload: Uint8Array): { profiles: ProfileCount[]; counts: RolloutCount[] } {
  const reader = new ByteReader(payload)
  const profiles: ProfileCount[] = []
  for (let left = reader.u16(); left > 0; left--) {
    profiles.push({ route: reader.u16(), hourMs: reader.f64(), profile: reader.raw(reader.u32()) })
  }
  const counts: RolloutCount[] = []
  for (let left = reader.u16(); left > 0; left--) {
    counts.push({
      route: reader.u16(),
      metric: rolloutMetrics[reader.u8()]!,
      second: reader.f64(),
      n: reader.f64(),
      sum: reader.f64(),
      sumSq: reader.f64(),
    })
  }
  return { profiles, counts }
}
