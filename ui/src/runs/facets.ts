import type { KeyValue, Metric, MetricHistory, RunItem } from '../answers.ts'
import type { Curve } from '../charts/Curves.tsx'
import { decimal } from '../format.ts'
import { runColour } from '../palette.ts'

export function metricOf(run: RunItem, key: string): number | undefined {
  const value = run.metrics.find((metric) => metric.key === key)?.value
  return value === undefined ? undefined : Number(value)
}

export function paramOf(run: RunItem, key: string): string | undefined {
  return run.params.find((param) => param.key === key)?.value
}

export function written(value: number | undefined): string {
  if (value === undefined) return ''
  return Number.isInteger(value) ? decimal(value) : decimal(value, 4)
}

/** The keys that most runs have, most frequent first, then by name. */
export function commonKeys(lists: (KeyValue | Metric)[][], limit: number): string[] {
  const counts = new Map<string, number>()
  for (const list of lists) for (const { key } of list) counts.set(key, (counts.get(key) ?? 0) + 1)
  return [...counts]
    .sort(([a, n], [b, m]) => m - n || a.localeCompare(b))
    .slice(0, limit)
    .map(([key]) => key)
}

/** Tags that machines wrote for machines don't help a reader. */
export function readableTags(tags: KeyValue[]): KeyValue[] {
  return tags.filter((tag) => !tag.key.startsWith('mlflow.') || tag.key.startsWith('mlflow.source'))
}

export function toCurve(run: Pick<RunItem, 'id' | 'name'>, points: MetricHistory['points']): Curve {
  const finite = points.filter(([, , value]) => value !== null)
  return {
    name: run.name,
    colour: runColour(run.id),
    xs: finite.map(([step]) => step),
    ys: finite.map(([, , value]) => value ?? Number.NaN),
  }
}
