import type { Metric } from '../tracking/schema.ts'

export type Lifecycle = 'active' | 'deleted'
export type RunStatus = 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED'
export type Stage = 'None' | 'Staging' | 'Production' | 'Archived'

const RUN_STATUSES: readonly RunStatus[] = ['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED']
const STAGES: readonly Stage[] = ['None', 'Staging', 'Production', 'Archived']

/** MLflow's stores keep an infinity as the greatest double of its sign, and NaN as 0 with a mark. */
export function metricValue(stored: number, isNan = false): number {
  if (isNan) return Number.NaN
  if (stored === Number.MAX_VALUE) return Infinity
  // Adding zero makes -0 the 0 that databases keep.
  return stored === -Number.MAX_VALUE ? -Infinity : stored + 0
}

export function runStatus(status: unknown): RunStatus {
  return RUN_STATUSES.find((known) => known === status) ?? 'FINISHED'
}

export function stageOf(stage: string): Stage {
  return STAGES.find((known) => known.toLowerCase() === stage.toLowerCase()) ?? 'None'
}

export function lifecycleOf(stage: unknown): Lifecycle {
  return stage === 'deleted' ? 'deleted' : 'active'
}

/**
 * A checksum of metric points that does not depend on their order: each point is mixed into 128 bits, and the mixes are added. Two stores that order text
 * differently agree, and it goes on from where it stopped.
 */
export class PointsChecksum {
  count: number
  readonly #sums: number[]
  readonly #doubles = new Float64Array(4)
  readonly #words = new Uint32Array(this.#doubles.buffer)
  readonly #keys = new Map<string, number>()

  constructor(saved: { count: number; sums: readonly number[] } = { count: 0, sums: [0, 0, 0, 0] }) {
    this.count = saved.count
    this.#sums = [...saved.sums]
  }

  add({ key, value, timestampMs, step }: Metric): void {
    const isNan = Number.isNaN(value)
    this.#doubles.set([timestampMs, step, isNan ? 0 : value, isNan ? 1 : 0])
    let mix = this.#hashKey(key)
    for (let lane = 0; lane < 4; lane++) {
      mix = Math.imul(mix ^ (lane + 1), 0x9e3779b1) >>> 0
      for (const word of this.#words) {
        mix = Math.imul(mix ^ word, 0x85ebca6b) >>> 0
        mix = (mix ^ (mix >>> 13)) >>> 0
      }
      this.#sums[lane] = (this.#sums[lane]! + mix) >>> 0
    }
    this.count += 1
  }

  save(): { count: number; sums: number[] } {
    return { count: this.count, sums: [...this.#sums] }
  }

  toString(): string {
    return `${this.count}:${this.#sums.map((sum) => sum.toString(16).padStart(8, '0')).join('')}`
  }

  #hashKey(key: string): number {
    const known = this.#keys.get(key)
    if (known !== undefined) return known
    let hash = 0x811c9dc5
    for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193) >>> 0
    this.#keys.set(key, hash)
    return hash
  }
}
