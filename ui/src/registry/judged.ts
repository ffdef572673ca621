import type { Bounds, Evaluation, EvaluationSubject, GateReport, ModelVersionDetail } from '../answers.ts'

/** The newest judgement is the one that counts. */
export function latestReport(version: ModelVersionDetail): GateReport | undefined {
  return version.gates.toSorted((a, b) => b.createdMs - a.createdMs)[0]
}

/** The evaluation in which this version was the candidate; else the newest in which it took part. */
export function ownEvaluation(version: ModelVersionDetail): Evaluation | undefined {
  const newest = version.evaluations.toSorted((a, b) => b.createdMs - a.createdMs)
  const judged = latestReport(version)?.evaluationId
  return (
    newest.find(({ id }) => id === judged) ??
    newest.find((one) => candidateOf(one)?.modelVersionId === version.id) ??
    newest[0]
  )
}

export function candidateOf(evaluation: Evaluation): EvaluationSubject | undefined {
  return evaluation.subjects.find(({ role }) => role === 'candidate')
}

export function boundsOf(subject: EvaluationSubject | undefined, metric: string): Bounds | undefined {
  const found = subject?.metrics[metric]
  return found && { value: found.estimate, lower: found.lower, upper: found.upper }
}

/** What people compare first. */
export function mainMetric(evaluation: Evaluation | undefined): string | undefined {
  const metrics = Object.keys((evaluation && candidateOf(evaluation)?.metrics) ?? {})
  return metrics.includes('auc') ? 'auc' : metrics[0]
}

export function metricName(metric: string): string {
  return metric === 'auc' ? 'AUC' : metric.replaceAll('_', ' ')
}

const words = { pass: 'passed', fail: 'declined', undecided: 'undecided' } as const

/** A gate that is not passed is a decision, not a fault: the model is declined. */
export function verdictWord(verdict: GateReport['verdict']): string {
  return words[verdict]
}
