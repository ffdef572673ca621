import type { OnlineRow, OnlineStats, OnlineWrite } from '../src/ports/online/online.ts'

interface Kept {
  row: OnlineRow
  pushed: boolean
}

/** What an online store must do, over one view, in the plainest way. */
export class NewestRows {
  #rows = new Map<string, Kept>()

  write(rows: readonly OnlineWrite[], pushed: boolean): void {
    for (const row of rows) put(this.#rows, row, pushed, 0)
  }

  /** Rows of `given`, then what is written meanwhile, then what came by itself before and is newer. */
  replace(given: readonly OnlineWrite[], meanwhile: readonly OnlineWrite[]): void {
    const staged = new Map<string, Kept>()
    for (const row of given) put(staged, row, false, 0)
    for (const row of meanwhile) {
      put(staged, row, true, 0)
      put(this.#rows, row, true, 0)
    }
    for (const [entityKey, { row, pushed }] of this.#rows) {
      if (pushed) put(staged, { entityKey, ...row }, true, 1)
    }
    this.#rows = staged
  }

  erase(keys: readonly string[]): void {
    for (const key of keys) this.#rows.delete(key)
  }

  row(key: string): OnlineRow | undefined {
    return this.#rows.get(key)?.row
  }

  stats(beforeMs: number): OnlineStats {
    const times = [...this.#rows.values()].map(({ row }) => row.eventMs)
    return {
      keys: times.length,
      newestMs: times.length === 0 ? null : Math.max(...times),
      older: times.filter((time) => time < beforeMs).length,
    }
  }
}

/** Writes what is later than the kept row by event time, then created time: by at least `margin`. */
function put(
  rows: Map<string, Kept>,
  { entityKey, ...row }: OnlineWrite,
  pushed: boolean,
  margin: number,
): void {
  const kept = rows.get(entityKey)?.row
  if (kept !== undefined) {
    const later = row.eventMs - kept.eventMs || row.createdMs - kept.createdMs
    if (later < margin) return
  }
  rows.set(entityKey, { row, pushed })
}
