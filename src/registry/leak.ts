import type { InferenceSession } from '../ports/inference/inference.ts'
import { freezeCategoryBins, freezeNumericBins, binIndex, prepareBins } from '../statistics/bins.ts'
import { auc } from '../statistics/ranking.ts'
import { featuresOf, type FeatureColumn, type Table } from '../model-files/model-files.ts'
import { everyNth } from './importance.ts'
import type { FeatureImportance, LeakEvidence } from './schema.ts'

const SAMPLE_ROWS = 40_000
/** A mean over few rows is drawn to the overall mean as by this many more. */
const PRIOR_ROWS = 20

/** Where the table says when a feature's value was known, next to the moment of the prediction; both in ms since the epoch. */
export interface KnownTimes {
  eventTime: Float64Array
  knownAt: Readonly<Record<string, Float64Array>>
}

/** What speaks for the answer being among the features of a binary model. Deterministic. */
export function gatherLeakEvidence(
  session: InferenceSession,
  table: Table,
  {
    features: named,
    known,
    importance,
  }: {
    features?: readonly string[] | undefined
    known?: KnownTimes | undefined
    importance?: FeatureImportance | undefined
  },
): LeakEvidence {
  const features = featuresOf(session, named)
  const sample = everyNth(table, SAMPLE_ROWS)
  const featureAuc = features.map((feature) => ({
    feature,
    auc: aucOfFeature(sample, sample.columns[feature]!),
  }))
  return {
    featureAuc: featureAuc.sort((a, b) => b.auc - a.auc),
    importance: importance?.features ?? [],
    late: known ? lateFeatures(known) : [],
  }
}

/**
 * The AUC of ranking rows by the mean label of their bin of this feature, where the means come from other blocks than the
 * rows: each half of the blocks is scored by the other half. Half when there is nothing to rank.
 */
export function aucOfFeature(
  { labels, block }: Pick<Table, 'labels' | 'block'>,
  column: FeatureColumn,
): number {
  const cells = cellsOf(column)
  const prior = labels.reduce((sum, label) => sum + label, 0) / labels.length
  const sums = new Map<number, { rows: number; sum: number }>()
  const key = (half: number, cell: number): number => cell * 2 + half
  for (let row = 0; row < labels.length; row++) {
    const at = key(block[row]! % 2, cells[row]!)
    const known = sums.get(at)
    if (known) {
      known.rows++
      known.sum += labels[row]!
    } else sums.set(at, { rows: 1, sum: labels[row]! })
  }
  const scores = Float64Array.from(cells, (cell, row) => {
    const { rows, sum } = sums.get(key(1 - (block[row]! % 2), cell)) ?? { rows: 0, sum: 0 }
    return (sum + prior * PRIOR_ROWS) / (rows + PRIOR_ROWS)
  })
  const result = auc(scores, labels)
  return Number.isNaN(result) ? 0.5 : result
}

function cellsOf(column: FeatureColumn): Uint32Array {
  if (!Array.isArray(column)) {
    const bins = prepareBins(freezeNumericBins(column, { bins: 64 }))
    return Uint32Array.from(column, (value) => binIndex(bins, value))
  }
  const counts = new Map<string, number>()
  for (const value of column) counts.set(value, (counts.get(value) ?? 0) + 1)
  const bins = prepareBins(freezeCategoryBins(counts, { max: 2000 }))
  return Uint32Array.from(column, (value) => binIndex(bins, value))
}

function lateFeatures({ eventTime, knownAt }: KnownTimes): LeakEvidence['late'] {
  return Object.entries(knownAt).flatMap(([feature, times]) => {
    let rows = 0
    for (let row = 0; row < times.length; row++) if (times[row]! > eventTime[row]!) rows++
    return rows === 0 ? [] : [{ feature, rows, share: rows / times.length }]
  })
}
