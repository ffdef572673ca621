import type { Deployment, Rollout, TrafficHour } from '../answers.ts'
import { share } from '../format.ts'

export const hourMs = 3_600_000

export interface VersionTraffic {
  version: number
  counts: number[]
  errors: number[]
}

/** Each hour of the range, also those in which nobody asked. */
export function hoursOf(traffic: TrafficHour[], fromMs: number, toMs: number): number[] {
  const first = Math.min(...traffic.map((one) => one.hourMs))
  const last = Math.max(...traffic.map((one) => one.hourMs))
  const hours: number[] = []
  for (let ms = Math.max(first, fromMs - hourMs); ms <= Math.min(last, toMs); ms += hourMs) hours.push(ms)
  return hours
}

/** A version keeps its row whether it answered as canary or as stable. A shadow answers nobody, so it is kept apart. */
export function byVersion(traffic: TrafficHour[], hours: number[], shadow: boolean): VersionTraffic[] {
  const index = new Map(hours.map((ms, at) => [ms, at]))
  const found = new Map<number, VersionTraffic>()
  for (const one of traffic) {
    const at = index.get(one.hourMs)
    if (at === undefined || (one.variant === 'shadow') !== shadow) continue
    const row = found.get(one.version) ?? {
      version: one.version,
      counts: hours.map(() => 0),
      errors: hours.map(() => 0),
    }
    row.counts[at] = (row.counts[at] ?? 0) + one.n
    row.errors[at] = (row.errors[at] ?? 0) + one.errors
    found.set(one.version, row)
  }
  return [...found.values()].sort((a, b) => a.version - b.version)
}

/** Wilson's 95 % interval of a share; wide where there are few rows, and never of no width at zero errors. */
export function wilson(hits: number, n: number): { value: number; lower: number; upper: number } {
  const z = 1.96
  const p = hits / n
  const middle = (p + z ** 2 / (2 * n)) / (1 + z ** 2 / n)
  const half = (z / (1 + z ** 2 / n)) * Math.sqrt((p * (1 - p)) / n + z ** 2 / (4 * n ** 2))
  return { value: p, lower: Math.max(0, middle - half), upper: Math.min(1, middle + half) }
}

export function stateOf(deployment: Deployment): string {
  if (deployment.stable === null) return 'nothing deployed'
  return deployment.rollout?.state ?? 'serving'
}

export function stageName(rollout: Rollout, index = rollout.stage): string {
  const stage = rollout.stages[index]
  if (stage === undefined) return 'promoted'
  return stage.mode === 'shadow' ? 'shadow' : `canary ${share(stage.weight / 10_000)}`
}
