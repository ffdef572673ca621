import { rowLogLoss } from '../statistics/ranking.ts'

/** Probabilities are clipped to [.01, .99], so that one row's log loss is at most 4.6. */
const LOSS_CLIP = 0.01
/** What the probabilities of a row may miss one by, as sums of 32-bit floats do. */
const WHOLE = 1e-3

/** What is known of the answer that a label came for. */
export interface Answer {
  score: number | null
  decision: string | null
  /** Of each class in order; null where none were given, as where the policy answered. */
  probabilities: readonly (number | null)[] | null
}

/** How the loss of a row is taken. */
export interface LossRule {
  task: string
  /** Of a multiclass version: its classes in the order of its probabilities, and whether it gives probabilities at all. */
  classes?: readonly string[]
  decidesOnly?: boolean
}

/**
 * The loss of one row; null where it has none. Clipped log loss of a binary or multiclass task, squared error of a regression or forecast; of a
 * multiclass version that gives decisions alone 1 for a wrong one and 0 for a right one.
 */
export function rowLoss(rule: LossRule, answer: Answer, label: number | string | null): number | null {
  if (label === null) return null
  if (rule.task === 'multiclass') return classLoss(rule, answer, String(label))
  const { score } = answer
  if (score === null || !Number.isFinite(score) || typeof label !== 'number') return null
  if (rule.task === 'binary') return rowLogLoss(score, label, LOSS_CLIP)
  return rule.task === 'regression' || rule.task === 'forecast' ? (score - label) ** 2 : null
}

function classLoss({ classes, decidesOnly }: LossRule, answer: Answer, label: string): number | null {
  const { decision, score, probabilities } = answer
  if (decidesOnly) return decision === null ? null : Number(decision !== label)
  if (probabilities === null) {
    // The policy answered: its score is the chance of its decision.
    if (decision === null) return null
    const chance = score !== null && Number.isFinite(score) ? score : 1
    const others = Math.max(1, (classes?.length ?? 2) - 1)
    return rowLogLoss(decision === label ? chance : (1 - chance) / others, 1, LOSS_CLIP)
  }
  if (!isDistribution(probabilities)) return null
  const place = classes ? classes.indexOf(label) : Number(label)
  return rowLogLoss(probabilities[place] ?? 0, 1, LOSS_CLIP)
}

/** Scores before a softmax are no probabilities. */
function isDistribution(values: readonly (number | null)[]): values is readonly number[] {
  const isEach = values.every((value) => value !== null && value >= 0 && value <= 1 + WHOLE)
  return isEach && Math.abs(values.reduce<number>((sum, value) => sum + value!, 0) - 1) <= WHOLE
}
