/** Domain time: event times, schedules, windows, cool-downs. Milliseconds since the epoch. */
export interface Clock {
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }

/** A clock that stands still until it is set: in tests, and in a replay, where a driver steps it. */
export class ManualClock implements Clock {
  #nowMs: number

  constructor(nowMs: number) {
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#nowMs
  }

  set(nowMs: number): void {
    this.#nowMs = nowMs
  }

  advance(ms: number): void {
    this.#nowMs += ms
  }
}

/** Time for timeouts and latencies inside one process. Never stored. */
export function monotonicMs(): number {
  return performance.now()
}
