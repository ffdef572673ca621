/** What one kind of work took on one server, over all rounds. */
export interface Measured {
  takenMs: number[]
  elapsedMs: number
  /** How many things each piece of work did: 1,000 for a batch of 1,000 metrics. */
  size: number
  /** True when one piece was given up at the limit. */
  timedOut: boolean
}

export interface Figures {
  count: number
  p50Ms: number
  p95Ms: number
  perSecond: number
  timedOut: boolean
}

/** Closed loop: each client does its next piece when the last is done, until the time is over; each at least one piece. */
export async function drive(
  clients: number,
  forMs: number,
  piece: (client: number) => Promise<unknown>,
): Promise<Pick<Measured, 'takenMs' | 'elapsedMs'>> {
  const takenMs: number[] = []
  const started = performance.now()
  const client = async (index: number): Promise<void> => {
    do {
      const start = performance.now()
      await piece(index)
      takenMs.push(performance.now() - start)
    } while (performance.now() - started < forMs)
  }
  await Promise.all(Array.from({ length: clients }, (_, index) => client(index)))
  return { takenMs, elapsedMs: performance.now() - started }
}

export function figuresOf({ takenMs, elapsedMs, size, timedOut }: Measured): Figures {
  const sorted = takenMs.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN
  return {
    count: sorted.length,
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    perSecond: (sorted.length * size) / (elapsedMs / 1000),
    timedOut,
  }
}
