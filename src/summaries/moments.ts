/** Of finite numbers; `m2` is the sum of squares about the mean. */
export interface Moments {
  count: number
  mean: number
  m2: number
}

/** Of the rows in which two columns of numbers are finite; `c` is the sum of products about the means. */
export interface PairState {
  x: string
  y: string
  count: number
  meanX: number
  meanY: number
  m2X: number
  m2Y: number
  c: number
}

/** Chan, Golub and LeVeque, Updating formulae and a pairwise algorithm for computing sample variances (1979). */
export function mergeMoments(a: Moments | null, b: Moments | null): Moments | null {
  if (!a || !b) return a ?? b
  const count = a.count + b.count
  const difference = b.mean - a.mean
  return {
    count,
    mean: a.mean + (difference * b.count) / count,
    m2: a.m2 + b.m2 + (difference * difference * a.count * b.count) / count,
  }
}

/** The same for sums of products (Pébay 2008). */
export function mergePair(a: PairState, b: PairState): PairState {
  if (a.count === 0 || b.count === 0) return a.count === 0 ? b : a
  const count = a.count + b.count
  const weight = (a.count * b.count) / count
  const [dx, dy] = [b.meanX - a.meanX, b.meanY - a.meanY]
  return {
    x: a.x,
    y: a.y,
    count,
    meanX: a.meanX + (dx * b.count) / count,
    meanY: a.meanY + (dy * b.count) / count,
    m2X: a.m2X + b.m2X + dx * dx * weight,
    m2Y: a.m2Y + b.m2Y + dy * dy * weight,
    c: a.c + b.c + dx * dy * weight,
  }
}

/** Pearson's correlation; null where a column does not vary. */
export function correlationOf({ count, m2X, m2Y, c }: PairState): number | null {
  if (count < 2 || m2X <= 0 || m2Y <= 0) return null
  return Math.min(1, Math.max(-1, c / Math.sqrt(m2X * m2Y)))
}
