import { sum } from '../kernel/sum.ts'
import { NUMBER_CELLS_BEFORE } from '../statistics/bins.ts'
import { scoresOfLabel, type Profile, type ProfileLayout } from '../statistics/profile.ts'
import { aucFromTable, rowLogLoss } from '../statistics/ranking.ts'
import type { DayValue } from '../statistics/blocks.ts'
import type { Reference } from './reference.ts'

/** How well the scores of one window rank its labels, and how well they fit. */
export interface Quality {
  auc: number
  /** Standard error of the AUC by its rows alone (Hanley and McNeil 1982). */
  standardError: number
  /** Mean log loss over the score bins, each at its middle. */
  logLoss: number
  meanScore: number
  rate: number
  positives: number
  negatives: number
}

/** From the (score × label) cells of a profile; undefined while one of the classes has no row. */
export function qualityOf(layout: ProfileLayout, profile: Profile): Quality | undefined {
  if (layout.score.kind !== 'number') return undefined
  const positiveCells = ascending(scoresOfLabel(layout, profile, '1'))
  const negativeCells = ascending(scoresOfLabel(layout, profile, '0'))
  const positives = sum(positiveCells)
  const negatives = sum(negativeCells)
  if (positives < 1 || negatives < 1) return undefined
  const { auc } = aucFromTable(positiveCells, negativeCells)
  const centres = centresOf(layout.score.edges)
  let [loss, score] = [0, 0]
  for (let i = 0; i < centres.length; i++) {
    loss +=
      positiveCells[i]! * rowLogLoss(centres[i]!, 1, 0.01) +
      negativeCells[i]! * rowLogLoss(centres[i]!, 0, 0.01)
    score += (positiveCells[i]! + negativeCells[i]!) * centres[i]!
  }
  const rows = positives + negatives
  return {
    auc,
    standardError: Math.sqrt(hanleyMcNeil(auc, positives, negatives)),
    logLoss: loss / rows,
    meanScore: score / rows,
    rate: positives / rows,
    positives,
    negatives,
  }
}

/** AUC of each reference day with rows of both classes, and the variance of one row's contribution to it. */
export function referenceRanking({ layout, days }: Reference): { values: DayValue[]; rowVariance: number } {
  const values: DayValue[] = []
  let variance = 0
  for (const { day, profile } of days) {
    const quality = qualityOf(layout, profile)
    if (!quality) continue
    const rows = quality.positives + quality.negatives
    values.push({ day, value: quality.auc, rows })
    variance += quality.standardError ** 2 * rows
  }
  return { values, rowVariance: values.length === 0 ? 0 : variance / values.length }
}

function hanleyMcNeil(auc: number, positives: number, negatives: number): number {
  const q1 = auc / (2 - auc)
  const q2 = (2 * auc * auc) / (1 + auc)
  const pairs = positives * negatives
  const variance =
    (auc * (1 - auc) + (positives - 1) * (q1 - auc * auc) + (negatives - 1) * (q2 - auc * auc)) / pairs
  return Math.max(variance, 0.25 / pairs)
}

/** Underflow, bins, overflow: the cells that have an order. Rows without a score rank nowhere. */
function ascending(cells: Float64Array): Float64Array {
  return cells.subarray(NUMBER_CELLS_BEFORE - 1)
}

function centresOf(edges: readonly number[]): number[] {
  const middles = edges.slice(0, -1).map((low, i) => (low + edges[i + 1]!) / 2)
  return [edges[0]!, ...middles, edges.at(-1)!]
}
