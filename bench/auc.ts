/** Area under the ROC curve by ranks; ties count half. */
export function rankAuc(target: Float64Array, scores: Float64Array): number {
  const order = Uint32Array.from(scores, (_, row) => row).sort((a, b) => scores[a]! - scores[b]!)
  let positives = 0
  let rankSum = 0
  for (let from = 0, to = 0; from < order.length; from = to) {
    let own = 0
    for (to = from; to < order.length && scores[order[to]!] === scores[order[from]!]; to++)
      own += target[order[to]!]!
    rankSum += (own * (from + 1 + to)) / 2
    positives += own
  }
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * (target.length - positives))
}
