import type { Context } from '../http/context.ts'
import { featuresOf, scoreTable, type FeatureColumn, type Table } from '../model-files/model-files.ts'
import type { InferenceSession } from '../ports/inference/inference.ts'
import { createRandom, randomInteger } from '../statistics/random.ts'
import { auc } from '../statistics/ranking.ts'
import type { Task } from './definition.ts'
import type { EvaluationSubject, FeatureImportance } from './schema.ts'
import { listEvaluationsOf } from './store-evaluations.ts'

const ROWS = 10_000
/** Rows × features that are scored at most: the more features, the fewer rows. */
const MAX_SCORED = 2_000_000
const LEAST_ROWS = 500
const LOOKED_THROUGH = 5

/**
 * How much of what a model knows is lost when one feature's values are shuffled over the rows of the holdout (permutation
 * importance, Breiman 2001): the share of AUC above one half, or of the variance that a regression explains. Largest first, deterministic;
 * undefined when the model knows nothing.
 */
export async function permutationImportance(
  session: InferenceSession,
  table: Table,
  { task, features: named }: { task: Task; features?: readonly string[] | undefined },
): Promise<FeatureImportance | undefined> {
  const features = featuresOf(session, named)
  const sample = everyNth(
    table,
    Math.max(LEAST_ROWS, Math.min(ROWS, Math.floor(MAX_SCORED / features.length))),
  )
  const knowledge = async (replaced?: Readonly<Record<string, FeatureColumn>>): Promise<number> => {
    const scores = await scoreTable(session, sample, { task, features: named, ...(replaced && { replaced }) })
    return task === 'binary' ? auc(scores, sample.labels) - 0.5 : explained(scores, sample.labels)
  }
  const whole = await knowledge()
  if (!(whole > 0)) return undefined
  const shares: FeatureImportance['features'] = []
  for (const feature of features) {
    const without = await knowledge({ [feature]: shuffled(sample.columns[feature]!) })
    shares.push({ feature, share: (whole - without) / whole })
  }
  return {
    of: task === 'binary' ? 'auc' : 'variance',
    rows: sample.rows,
    features: shares.sort((a, b) => b.share - a.share),
  }
}

/** Variance of the labels that the scores explain, in squared units of the label. */
function explained(scores: Float64Array, labels: Float64Array): number {
  const mean = labels.reduce((sum, label) => sum + label, 0) / labels.length
  let gained = 0
  for (let row = 0; row < labels.length; row++)
    gained += (labels[row]! - mean) ** 2 - (labels[row]! - scores[row]!) ** 2
  return gained / labels.length
}

export function everyNth(table: Table, rows: number): Table {
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

/** Of a version, by its latest evaluation that measured it; undefined when none did. */
export async function findImportance(
  { db }: Pick<Context, 'db'>,
  { modelVersionId }: { modelVersionId: string },
): Promise<FeatureImportance | undefined> {
  for (const evaluation of await listEvaluationsOf(db.read, modelVersionId, LOOKED_THROUGH)) {
    const found = evaluation.subjects
      .filter((subject) => subject.modelVersionId === modelVersionId)
      .map(importanceOf)
      .find((importance) => importance !== undefined)
    if (found) return found
  }
  return undefined
}

/** Evaluations from before it was stored by itself have it beside what speaks for a leak. */
function importanceOf({ importance, leak }: EvaluationSubject): FeatureImportance | undefined {
  if (importance || !leak || leak.importance.length === 0) return importance
  return { of: 'auc', rows: ROWS, features: leak.importance }
}
