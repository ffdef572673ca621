import { HOUR_MS } from '../kernel/time-spans.ts'
import {
  emptyProfile,
  encodeProfile,
  observe,
  type Profile,
  type ProfileLayout,
} from '../statistics/profile.ts'
import type { Column, LoggedFeature, ProfileCount } from '../prediction-log/prediction-log.ts'

/** Counts the rows of one route over its layout, hour by hour; each batch takes away what it added. */
export class ProfileCounter {
  readonly #layout: ProfileLayout
  /** For each feature of the layout its place among the variant's; -1 for one the variant does not have. */
  readonly #places: readonly number[]
  readonly #values: unknown[]
  readonly #full: { hourMs: number; profile: Uint8Array }[] = []
  readonly #profile: Profile
  #hourMs = -1
  #rows = 0

  constructor(layout: ProfileLayout, features: readonly LoggedFeature[]) {
    this.#layout = layout
    this.#places = layout.features.map(({ name }) => features.findIndex((feature) => feature.name === name))
    this.#values = this.#places.map(() => null)
    this.#profile = emptyProfile(layout)
  }

  add(
    features: readonly (Column | undefined)[],
    row: number,
    score: number,
    violations: number,
    timeMs: number,
  ): void {
    const hourMs = timeMs - (timeMs % HOUR_MS)
    if (hourMs !== this.#hourMs) {
      this.#finishHour()
      this.#hourMs = hourMs
    }
    for (let i = 0; i < this.#places.length; i++) {
      const column = this.#places[i]! < 0 ? undefined : features[this.#places[i]!]
      this.#values[i] = column === undefined ? null : column[row]
    }
    observe(this.#layout, this.#profile, this.#values, Number.isNaN(score) ? null : score, violations)
    this.#rows += 1
  }

  /** Whether there is something to take. */
  get counted(): boolean {
    return this.#rows > 0 || this.#full.length > 0
  }

  #finishHour(): void {
    if (this.#rows === 0) return
    this.#full.push({ hourMs: this.#hourMs, profile: encodeProfile(this.#profile) })
    this.#profile.counts.fill(0)
    this.#rows = 0
  }

  /** What was counted since the last call. */
  take(route: number): ProfileCount[] {
    this.#finishHour()
    const taken = this.#full.map((count) => ({ route, ...count }))
    this.#full.length = 0
    return taken
  }
}
