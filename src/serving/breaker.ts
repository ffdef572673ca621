import { monotonicMs } from '../kernel/clock.ts'

const FAILURES = 5
const OPEN_MS = 5000

/** Keeps traffic from a candidate that fails: five failures in a row open it for five seconds, then one more does. */
export class Breaker {
  #failures = 0
  #openUntilMs = -Infinity
  trips = 0

  get closed(): boolean {
    return monotonicMs() >= this.#openUntilMs
  }

  succeeded(): void {
    this.#failures = 0
  }

  failed(): void {
    this.#failures += 1
    if (this.#failures < FAILURES) return
    this.#openUntilMs = monotonicMs() + OPEN_MS
    this.#failures = FAILURES - 1
    this.trips += 1
  }
}
