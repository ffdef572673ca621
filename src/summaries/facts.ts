import { DAY_MS } from '../kernel/time-spans.ts'
import { kindOf } from '../sources/schema.ts'
import type { ColumnSummary, DatasetSummary } from './schema.ts'
import { MAX_ROW_HASHES, type ColumnState, type SummaryState } from './state.ts'

const SHOWN_GAPS = 5

export function numberFacts({ type, rows, nulls, moments, buckets }: ColumnState): ColumnSummary['numbers'] {
  if (kindOf(type) !== 'number') return null
  let negatives = 0
  for (const [bucket, count] of Object.entries(buckets)) if (Number(bucket) < 0) negatives += count
  return { zeros: buckets['0'] ?? 0, negatives, notFinite: rows - nulls - (moments?.count ?? 0) }
}

export function lengthFacts({ lengths }: ColumnState): ColumnSummary['lengths'] {
  if (!lengths) return null
  const { count, sum, min, max, empty } = lengths
  return { min, max, mean: sum / count, empty }
}

export function dateFacts({ weekdays, hours, buckets, bucketMs }: ColumnState): ColumnSummary['dates'] {
  if (!weekdays || bucketMs === null) return null
  const days = [...new Set(Object.keys(buckets).map((key) => Math.floor((Number(key) * bucketMs) / DAY_MS)))]
  const gaps = days
    .sort((a, b) => a - b)
    .flatMap((day, index) => {
      const next = days[index + 1]
      return next === undefined || next === day + 1
        ? []
        : [{ fromMs: (day + 1) * DAY_MS, toMs: next * DAY_MS }]
    })
  return {
    weekdays,
    hours: hours ?? null,
    emptyDays: gaps.reduce((sum, { fromMs, toMs }) => sum + (toMs - fromMs) / DAY_MS, 0),
    gaps: gaps
      .sort((a, b) => b.toMs - b.fromMs - (a.toMs - a.fromMs) || a.fromMs - b.fromMs)
      .slice(0, SHOWN_GAPS),
  }
}

/**
 * The rows with the smallest hashes are a uniform sample of the distinct rows, with their counts; the share of repetitions among them is that among all.
 * The error is that of a ratio of two sample totals (Cochran, Sampling Techniques, 1977, §6.3).
 */
export function duplicatesOf({ rows, smallestRows }: SummaryState): DatasetSummary['duplicates'] {
  if (!smallestRows) return null
  const sampled = smallestRows.reduce((sum, [, count]) => sum + count, 0)
  const n = smallestRows.length
  if (n < MAX_ROW_HASHES) return { rows: sampled - n, exact: true, standardError: 0 }
  const share = (sampled - n) / sampled
  const squares = smallestRows.reduce((sum, [, count]) => sum + (count - 1 - share * count) ** 2, 0)
  const standardError = (rows * Math.sqrt((squares * n) / (n - 1))) / sampled
  return { rows: Math.round(rows * share), exact: false, standardError }
}
