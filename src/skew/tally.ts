import type { Checked } from './check.ts'
import type { SkewExample } from './schema.ts'
import type { SkewCountRow } from './tables.ts'

type HourCount = Omit<SkewCountRow, 'examples_json'> & { examples: SkewExample[] }

const MAX_MISMATCHES = 3
const MAX_LATE = 1

/** Counts and a few examples of each feature that is computed, in one hour of the sample. */
export function tallyHour(
  { spec, sample, values, differences }: Checked,
  key: { projectId: string; deployment: string; model: string; version: number; startMs: number },
): { sampled: number; counts: HourCount[] } {
  const rows = new Set(sample.rows.flatMap(({ hourMs }, row) => (hourMs === key.startMs ? [row] : [])))
  const counts = spec.features.flatMap(({ name, from, source }, feature): HourCount[] => {
    if (from === 'request' || rows.size === 0) return []
    const own = differences.filter((each) => each.feature === feature && rows.has(each.row))
    const count = (kind: string): number => own.filter(({ explanation }) => explanation === kind).length
    const example = ({ row }: { row: number }, kind: SkewExample['kind']): SkewExample => {
      const { predictionId, request, timeMs, ages, served } = sample.rows[row]!
      return {
        kind,
        predictionId,
        inputs: Object.fromEntries(inputsOf(spec, source).map((input) => [input, request[input] ?? null])),
        timeMs,
        ageMs: ages[source] ?? null,
        served: served[feature]!,
        recomputed: values[row]![feature]!,
      }
    }
    const examples = (kind: SkewExample['kind'], most: number): SkewExample[] =>
      own
        .filter(({ explanation }) => explanation === kind)
        .slice(0, most)
        .map((each) => example(each, kind))
    return [
      {
        project_id: key.projectId,
        deployment: key.deployment,
        model: key.model,
        version: key.version,
        start_ms: key.startMs,
        feature: name,
        source,
        checked: rows.size - count('unchecked'),
        mismatched: count('mismatch'),
        late: count('late'),
        unchecked: count('unchecked'),
        examples: [...examples('mismatch', MAX_MISMATCHES), ...examples('late', MAX_LATE)],
      },
    ]
  })
  return { sampled: rows.size, counts }
}

function inputsOf({ views, onDemand }: Checked['spec'], source: string): string[] {
  const view = views.find((each) => each.view === source)
  if (view) return [view.entityKey]
  return onDemand.find(({ name }) => name === source)?.inputs.map(({ name }) => name) ?? []
}
