type Numbers = ArrayLike<number>

/** Row positions by score, highest first. */
function descending(scores: Numbers): Uint32Array {
  const order = Uint32Array.from({ length: scores.length }, (_, i) => i)
  return order.sort((a, b) => scores[b]! - scores[a]!)
}

/** Scores of the rows with label 1 and with label 0, each ascending. */
export function splitByLabel(
  scores: Numbers,
  labels: Numbers,
): { positives: Float64Array; negatives: Float64Array } {
  let count = 0
  for (let i = 0; i < labels.length; i++) if (labels[i]! > 0.5) count++
  const positives = new Float64Array(count)
  const negatives = new Float64Array(labels.length - count)
  let [p, n] = [0, 0]
  for (let i = 0; i < labels.length; i++) {
    if (labels[i]! > 0.5) positives[p++] = scores[i]!
    else negatives[n++] = scores[i]!
  }
  return { positives: positives.sort(), negatives: negatives.sort() }
}

/** Mann–Whitney U of two ascending samples: pairs where the positive scores higher, ties counted half. Exact. */
export function countWins(positives: Float64Array, negatives: Float64Array): number {
  let wins = 0
  let below = 0
  let notAbove = 0
  for (const score of positives) {
    while (below < negatives.length && negatives[below]! < score) below++
    if (notAbove < below) notAbove = below
    while (notAbove < negatives.length && negatives[notAbove] === score) notAbove++
    wins += (below + notAbove) / 2
  }
  return wins
}

/** Area under the ROC curve, exact with ties. Labels are 0 and 1. NaN when one class is absent. */
export function auc(scores: Numbers, labels: Numbers, weights?: Numbers): number {
  if (weights) return weightedAuc(scores, labels, weights)
  const { positives, negatives } = splitByLabel(scores, labels)
  return countWins(positives, negatives) / (positives.length * negatives.length)
}

function weightedAuc(scores: Numbers, labels: Numbers, weights: Numbers): number {
  const order = descending(scores)
  let [wins, above, positive, negative] = [0, 0, 0, 0]
  for (let i = 0; i < order.length;) {
    const score = scores[order[i]!]!
    let [tiedPositive, tiedNegative] = [0, 0]
    for (; i < order.length && scores[order[i]!] === score; i++) {
      const row = order[i]!
      if (labels[row]! > 0.5) tiedPositive += weights[row]!
      else tiedNegative += weights[row]!
    }
    wins += tiedNegative * (above + tiedPositive / 2)
    above += tiedPositive
    positive += tiedPositive
    negative += tiedNegative
  }
  return wins / (positive * negative)
}

/**
 * AUC from score-bin counts of the two classes, ascending by score. Pairs inside a bin count half, so it is off by at most
 * `resolution` = half the share of such pairs.
 */
export function aucFromTable(positives: Numbers, negatives: Numbers): { auc: number; resolution: number } {
  let [wins, tied, below, positive] = [0, 0, 0, 0]
  for (let i = 0; i < positives.length; i++) {
    wins += positives[i]! * (below + negatives[i]! / 2)
    tied += positives[i]! * negatives[i]!
    below += negatives[i]!
    positive += positives[i]!
  }
  const pairs = positive * below
  return { auc: wins / pairs, resolution: tied / pairs / 2 }
}

/** Log loss of one row in nats; the probability is clipped to [clip, 1 − clip], which bounds the loss. */
export function rowLogLoss(probability: number, label: number, clip = 1e-6): number {
  const p = Math.min(1 - clip, Math.max(clip, label > 0.5 ? probability : 1 - probability))
  return -Math.log(p)
}

/** Mean clipped log loss in nats. */
export function logLoss(
  scores: Numbers,
  labels: Numbers,
  options: { clip?: number; weights?: Numbers } = {},
): number {
  const { clip = 1e-6, weights } = options
  let [sum, all] = [0, 0]
  for (let i = 0; i < scores.length; i++) {
    const weight = weights ? weights[i]! : 1
    sum += weight * rowLogLoss(scores[i]!, labels[i]!, clip)
    all += weight
  }
  return sum / all
}

/** Mean squared error: the Brier score when the scores are probabilities and the labels 0 and 1. */
export function meanSquaredError(scores: Numbers, labels: Numbers, weights?: Numbers): number {
  let [sum, all] = [0, 0]
  for (let i = 0; i < scores.length; i++) {
    const weight = weights ? weights[i]! : 1
    sum += weight * (scores[i]! - labels[i]!) ** 2
    all += weight
  }
  return sum / all
}

/** Precision, recall and F1 of the rule score ≥ threshold. A ratio without cases is 0. */
export function scoresAtThreshold(
  scores: Numbers,
  labels: Numbers,
  threshold: number,
): { precision: number; recall: number; f1: number } {
  let [hits, alarms, positives] = [0, 0, 0]
  for (let i = 0; i < scores.length; i++) {
    const positive = labels[i]! > 0.5
    if (positive) positives++
    if (scores[i]! < threshold) continue
    alarms++
    if (positive) hits++
  }
  return precisionRecall(hits, alarms, positives)
}

/** The same from a table; the threshold is the lower edge of bin `from`. */
export function scoresFromTable(
  positives: Numbers,
  negatives: Numbers,
  from: number,
): { precision: number; recall: number; f1: number } {
  let [hits, alarms, all] = [0, 0, 0]
  for (let i = 0; i < positives.length; i++) {
    all += positives[i]!
    if (i < from) continue
    hits += positives[i]!
    alarms += positives[i]! + negatives[i]!
  }
  return precisionRecall(hits, alarms, all)
}

function precisionRecall(hits: number, alarms: number, positives: number) {
  return {
    precision: alarms > 0 ? hits / alarms : 0,
    recall: positives > 0 ? hits / positives : 0,
    f1: alarms + positives > 0 ? (2 * hits) / (alarms + positives) : 0,
  }
}

/** Average precision Σ (R_k − R_{k−1})·P_k over distinct scores (no interpolation), as scikit-learn defines it. */
export function averagePrecision(scores: Numbers, labels: Numbers): number {
  const order = descending(scores)
  let [hits, sum] = [0, 0]
  for (let i = 0; i < order.length;) {
    const score = scores[order[i]!]!
    const before = hits
    for (; i < order.length && scores[order[i]!] === score; i++) if (labels[order[i]!]! > 0.5) hits++
    sum += ((hits - before) * hits) / i
  }
  return hits === 0 ? 0 : sum / hits
}

/** The share of positives among all labelled rows of a table. NaN when it is empty. */
export function baseRate(positives: Numbers, negatives: Numbers): number {
  let [positive, all] = [0, 0]
  for (let i = 0; i < positives.length; i++) {
    positive += positives[i]!
    all += positives[i]! + negatives[i]!
  }
  return positive / all
}

/**
 * Calibration from a table: `centres` are the bins' scores. Bins are pooled in order into about `groups` groups of equal
 * rows, as a near-empty bin would only show noise. `error` is Σ rows·|observed − predicted| / rows (ECE).
 */
export function calibration(
  positives: Numbers,
  negatives: Numbers,
  centres: Numbers,
  { groups = 10 } = {},
): { error: number; groups: { predicted: number; observed: number; rows: number }[] } {
  let all = 0
  for (let i = 0; i < positives.length; i++) all += positives[i]! + negatives[i]!
  const result: { predicted: number; observed: number; rows: number }[] = []
  let [error, done, rows, positive, predicted] = [0, 0, 0, 0, 0]
  for (let i = 0; i < positives.length; i++) {
    const cell = positives[i]! + negatives[i]!
    rows += cell
    positive += positives[i]!
    predicted += cell * centres[i]!
    if (rows === 0 || done + rows < (all * (result.length + 1)) / groups) continue
    result.push({ predicted: predicted / rows, observed: positive / rows, rows })
    error += Math.abs(predicted - positive) / all
    done += rows
    rows = positive = predicted = 0
  }
  return { error, groups: result }
}
