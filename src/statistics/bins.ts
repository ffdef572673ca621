/**
 * Bins frozen when a model is trained. Numbers: bin i is [edges[i], edges[i+1]), the last one also holds its
 * upper edge; a constant is `[c, c]`. Categories: one bin each. JSON as it is, so that it travels with a version.
 */
export type FrozenBins =
  | { kind: 'number'; edges: readonly number[] }
  | { kind: 'category'; categories: readonly string[] }

/** Cells before the first bin: [null, NaN, underflow] for numbers (overflow comes last), [null, unseen] for categories. */
export const NUMBER_CELLS_BEFORE = 3
export const CATEGORY_CELLS_BEFORE = 2

/** Frozen bins made ready for `binIndex`. */
export type PreparedBins = {
  readonly kind: 'number' | 'category'
  /** Number of cells, the special ones included. */
  readonly cells: number
  readonly edges: Float64Array
  readonly index: ReadonlyMap<string, number>
}

/**
 * Bins of about equal counts over a sample, or over a list of its quantiles (from minimum to maximum, a few hundred
 * or more). With at most `bins` distinct values each gets a bin of its own, and so does a value that holds more than a
 * bin's share. Edges lie midway between neighbouring values, so that rounding to 32 bits moves no value to another bin.
 * Values that are not finite are left out; an empty sample gives `[0, 0]`.
 */
export function freezeNumericBins(sample: ArrayLike<number>, { bins = 20 } = {}): FrozenBins {
  const sorted = Float64Array.from(sample).filter((value) => Number.isFinite(value))
  sorted.sort()
  if (sorted.length === 0) return { kind: 'number', edges: [0, 0] }
  const { values, counts } = distinct(sorted)
  const starts = values.length <= bins ? values.map((_, i) => i) : equalShares(counts, sorted.length, bins)
  const edges = starts.map((start) =>
    start === 0 ? values[0]! : between(values[start - 1]!, values[start]!),
  )
  edges.push(values.at(-1)!)
  return { kind: 'number', edges }
}

function distinct(sorted: Float64Array): { values: number[]; counts: number[] } {
  const values: number[] = []
  const counts: number[] = []
  for (const value of sorted) {
    if (values.length > 0 && values.at(-1) === value) counts[counts.length - 1]!++
    else {
      values.push(value)
      counts.push(1)
    }
  }
  return { values, counts }
}

/** Where each bin starts, walking up: a bin closes when it has its share of what is left, or before a value with more. */
function equalShares(counts: readonly number[], total: number, bins: number): number[] {
  const starts = [0]
  let left = total
  let inBin = 0
  for (let i = 0; i < counts.length; i++) {
    const share = (left + inBin) / Math.max(1, bins - starts.length + 1)
    const full = inBin >= share || (inBin > 0 && counts[i]! >= share) || inBin + counts[i]! / 2 > share
    if (full && inBin > 0 && starts.length < bins) {
      starts.push(i)
      inBin = 0
    }
    inBin += counts[i]!
    left -= counts[i]!
  }
  return starts
}

function between(low: number, high: number): number {
  const middle = low / 2 + high / 2
  return middle > low && middle < high ? middle : high
}

/** `count` bins of equal width over [low, high], for scores whose range is known, such as probabilities. */
export function equalWidthBins(low: number, high: number, count: number): FrozenBins {
  return {
    kind: 'number',
    edges: Array.from({ length: count + 1 }, (_, i) => (low * (count - i) + high * i) / count),
  }
}

/** The `max` most frequent categories, most frequent first (ties by name); the others will count as unseen. */
export function freezeCategoryBins(
  counts: Iterable<readonly [category: string, count: number]>,
  { max = 50 } = {},
): FrozenBins {
  const ranked = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  return { kind: 'category', categories: ranked.slice(0, max).map(([category]) => category) }
}

export function prepareBins(bins: FrozenBins): PreparedBins {
  if (bins.kind === 'number') {
    const cells = NUMBER_CELLS_BEFORE + bins.edges.length
    return { kind: 'number', cells, edges: Float64Array.from(bins.edges), index: new Map() }
  }
  return {
    kind: 'category',
    cells: CATEGORY_CELLS_BEFORE + bins.categories.length,
    edges: new Float64Array(0),
    index: new Map(bins.categories.map((category, i) => [category, CATEGORY_CELLS_BEFORE + i])),
  }
}

/**
 * The cell of any value, O(log bins). Null and undefined are cell 0. Booleans and bigints count as numbers; anything else
 * in numeric bins is NaN. In category bins a NaN is null and other values go by their text.
 */
export function binIndex(bins: PreparedBins, value: unknown): number {
  if (value === null || value === undefined) return 0
  if (bins.kind === 'number') {
    if (typeof value === 'number') return numberCell(bins.edges, value)
    if (typeof value === 'boolean' || typeof value === 'bigint') return numberCell(bins.edges, Number(value))
    return 1
  }
  if (typeof value === 'string') return bins.index.get(value) ?? 1
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return Number.isNaN(value) ? 0 : (bins.index.get(String(value)) ?? 1)
  return 1
}

function numberCell(edges: Float64Array, value: number): number {
  const last = edges.length - 1
  if (value < edges[0]!) return 2
  if (value > edges[last]!) return last + NUMBER_CELLS_BEFORE
  if (value !== value) return 1
  let low = 0
  let high = last
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (value >= edges[middle]!) low = middle
    else high = middle
  }
  return low + NUMBER_CELLS_BEFORE
}

/** A name for every cell, in cell order, for tables and charts. */
export function cellLabels(bins: FrozenBins): string[] {
  if (bins.kind === 'category') return ['null', 'unseen', ...bins.categories]
  const { edges } = bins
  const last = edges.length - 1
  const inner = edges.slice(0, -1).map((low, i) => {
    if (low === edges[i + 1]) return `${low}`
    return `${short(low)} … ${short(edges[i + 1]!)}`
  })
  return ['null', 'NaN', `< ${short(edges[0]!)}`, ...inner, `> ${short(edges[last]!)}`]
}

function short(value: number): string {
  return String(Number(value.toPrecision(6)))
}
