const LOWER =
  /(^|[^a-z])(loss|losses|err|error|errors|rmse|mse|mae|mape|smape|rmsle|logloss|nll|cross_?entropy|brier|ece|perplexity|ppl|wer|cer|fid|kl|divergence|distance|deviance|aic|bic|latency|duration|time|seconds|sec|ms|bytes|memory|cost|regret|fpr|fnr|misclassification)([^a-z]|$)|loss$/i

/** Whether less of a metric is better, as far as its name tells: `val/loss`, `rmse`, `latency_ms`. */
export function isBetterLower(key: string): boolean {
  return LOWER.test(key)
}
