import type { HistoryRow } from './store-history.ts'

interface Part {
  low: HistoryRow
  high: HistoryRow
}

/**
 * Thins a curve: of each of `parts` equal parts of the axis the lowest and the highest point stay, so that no peak is lost, and one NaN; and of
 * all the last one, for a curve ends at its last value. Of equal values the first step stays. Points are added in any order, and only what stays is kept.
 */
export class Thinning {
  readonly #axis: 'step' | 'timestamp_ms'
  readonly #first: number
  readonly #width: number
  readonly #parts = new Map<number, Part>()
  readonly #nans = new Map<number, HistoryRow>()
  #last: HistoryRow | undefined

  constructor(input: { axis: 'step' | 'timestamp_ms'; first: number; last: number; parts: number }) {
    this.#axis = input.axis
    this.#first = input.first
    this.#width = (input.last - input.first + 1) / input.parts
  }

  add(point: HistoryRow): void {
    if (!this.#last || this.#isBefore(this.#last, point)) this.#last = point
    const index = Math.floor((point[this.#axis] - this.#first) / this.#width)
    if (point.is_nan === 1) {
      const nan = this.#nans.get(index)
      if (!nan || isBefore(point, nan)) this.#nans.set(index, point)
      return
    }
    const part = this.#parts.get(index)
    if (!part) {
      this.#parts.set(index, { low: point, high: point })
      return
    }
    const { low, high } = part
    if (point.value < low.value || (point.value === low.value && isBefore(point, low))) part.low = point
    if (point.value > high.value || (point.value === high.value && isBefore(point, high))) part.high = point
  }

  /** What stays, along the axis. */
  points(): HistoryRow[] {
    const kept = new Set(this.#nans.values())
    for (const { low, high } of this.#parts.values()) kept.add(low).add(high)
    if (this.#last) kept.add(this.#last)
    return [...kept].sort((a, b) => (this.#isBefore(a, b) ? -1 : 1))
  }

  #isBefore(a: HistoryRow, b: HistoryRow): boolean {
    const along = a[this.#axis] - b[this.#axis]
    return along === 0 ? isBefore(a, b) : along < 0
  }
}

function isBefore(a: HistoryRow, b: HistoryRow): boolean {
  return a.step < b.step || (a.step === b.step && a.timestamp_ms < b.timestamp_ms)
}
