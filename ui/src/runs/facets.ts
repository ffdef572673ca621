import type { Metric } from '../answers.ts'
import { runColour } from '../palette.ts'

/** The last values as numbers, by name, without what the machine measured of itself. */
export function metricValues({
  metrics,
}: {
  metrics: readonly Metric[]
}): { key: string; value: number; step: number }[] {
  return metrics
    .filter(({ key }) => !key.startsWith('system/'))
    .map(({ key, value, step }) => ({ key, value: Number(value), step }))
    .sort((a, b) => a.key.localeCompare(b.key))
}

/** Eight colours are not enough for all: the second and third run with one colour are dashed. */
export function dashes(runIds: readonly string[]): Map<string, { dash?: number[] }> {
  const seen = new Map<string, number>()
  return new Map(
    runIds.map((id) => {
      const colour = runColour(id)
      const earlier = seen.get(colour) ?? 0
      seen.set(colour, earlier + 1)
      return [id, earlier === 0 ? {} : { dash: earlier % 2 === 1 ? [6, 3] : [2, 3] }]
    }),
  )
}
