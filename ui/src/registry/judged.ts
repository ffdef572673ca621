import type { Bounds, Verdict } from '../answers.ts'

/** What people compare first. */
export function mainMetric(metrics: Record<string, Bounds>): string | undefined {
  return 'auc' in metrics ? 'auc' : Object.keys(metrics)[0]
}

export function metricName(metric: string): string {
  return metrics[metric] ?? metric.replaceAll('_', ' ')
}

const metrics: Record<string, string> = {
  auc: 'AUC',
  rmse: 'RMSE',
  mae: 'MAE',
  mse: 'MSE',
  macro_auc: 'macro AUC',
  macro_f1: 'macro F1',
}

const words: Record<Verdict, string> = { pass: 'passed', fail: 'declined', undecided: 'undecided' }

/** A gate that is not passed is a decision, not a fault: the model is declined. */
export function verdictWord(verdict: Verdict): string {
  return words[verdict]
}
