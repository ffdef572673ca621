import type { InferenceSession } from '../ports/inference/inference.ts'
import { freezeCategoryBins, freezeNumericBins, binIndex, prepareBins } from '../statistics/bins.ts'
import { createRandom, randomInteger } from '../statistics/random.ts'
import { auc } from '../statistics/ranking.ts'
import { featuresOf, scoreTable, type FeatureColumn, type Table } from '../model-files/model-files.ts'
import type { LeakEvidence } from './schema.ts'

const SAMPLE_ROWS = 40_000
const IMPORTANCE_ROWS = 10_000
/** A mean over few rows is drawn to the overall mean as by this many more. */
const PRIOR_ROWS = 20

/** Where the table says when a feature's value was known, next to the moment of the prediction; both in ms since the epoch. */
export interface KnownTimes {
  eventTime: Float64Array
  knownAt: Readonly<Record<string, Float64Array>>
}

/** What speaks for the answer being among the features of a binary model. Deterministic. */
export async function gatherLeakEvidence(
  session: InferenceSession,
  table: Table,
  { features: named, known }: { features?: readonly string[] | undefined; known?: KnownTimes | undefined },
): Promise<LeakEvidence> {
  const features = featuresOf(session, named)
  const sample = everyNth(table, SAMPLE_ROWS)
  const featureAuc = features.map((feature) => ({
    feature,
    auc: aucOfFeature(sample, sample.columns[feature]!),
  }))
  return {
    featureAuc: featureAuc.sort((a, b) => b.auc - a.auc),
    importance: await permutationImportance(session, everyNth(table, IMPORTANCE_ROWS), features, named),
    late: known ? lateFeatures(known) : [],
  }
}

function everyNth(table: Table, rows: number): Table {
  const step = Math.max(1, Math.ceil(table.rows / rows))
  const take = (column: FeatureColumn): FeatureColumn =>
    Array.isArray(column)
      ? column.filter((_, row) => row % step === 0)
      : column.filter((_, row) => row % step === 0)
  const labels = table.labels.filter((_, row) => row % step === 0)
  return {
    rows: labels.length,
    labels,
    block: table.block.filter((_, row) => row % step === 0),
    days: table.days,
    columns: Object.fromEntries(Object.entries(table.columns).map(([name, column]) => [name, take(column)])),
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

/** The share of (AUC − ½) that is lost when one feature's values are shuffled over the rows. */
async function permutationImportance(
  session: InferenceSession,
  table: Table,
  features: readonly string[],
  named: readonly string[] | undefined,
): Promise<LeakEvidence['importance']> {
  const task = 'binary'
  const whole = auc(await scoreTable(session, table, { task, features: named }), table.labels) - 0.5
  if (!(whole > 0)) return []
  const importance: LeakEvidence['importance'] = []
  for (const feature of features) {
    const replaced = { [feature]: shuffled(table.columns[feature]!) }
    const without =
      auc(await scoreTable(session, table, { task, features: named, replaced }), table.labels) - 0.5
    importance.push({ feature, share: (whole - without) / whole })
  }
  return importance.sort((a, b) => b.share - a.share)
}

function shuffled(column: FeatureColumn): FeatureColumn {
  const random = createRandom(1)
  const result = column.slice()
  for (let i = result.length - 1; i > 0; i--) {
    const j = randomInteger(random, i + 1)
    const kept = result[i]!
    result[i] = result[j]!
    result[j] = kept
  }
  return result
}

function lateFeatures({ eventTime, knownAt }: KnownTimes): LeakEvidence['late'] {
  return Object.entries(knownAt).flatMap(([feature, times]) => {
    let rows = 0
    for (let row = 0; row < times.length; row++) if (times[row]! > eventTime[row]!) rows++
    return rows === 0 ? [] : [{ feature, rows, share: rows / times.length }]
  })
}
