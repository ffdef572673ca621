import { join } from 'node:path'
import { listMaterializationStates, type MaterializationState } from '../materialization/materialization.ts'
import type { FeatureServiceSpec, FeatureValue, ViewSpec } from '../features/schema.ts'
import type { Context } from '../http/context.ts'
import { parquetScan } from '../ports/analytics/analytics.ts'
import { agrees } from './compare.ts'
import { recompute, type Recompute, type RecomputeLimits } from './recompute.ts'
import { readRecomputed, type Sample } from './sample.ts'

/** Versions of a dataset that are read to explain what one sample of a view differs by. */
const MAX_VERSIONS = 72

/** Of a served value that differs from what the data give now. */
export type Explanation = 'mismatch' | 'late' | 'unchecked'

export interface Difference {
  /** Places of the sampled row and of the feature. */
  row: number
  feature: number
}

export interface ExplainView {
  projectId: string
  spec: FeatureServiceSpec
  view: ViewSpec
  sample: Sample
  differences: readonly Difference[]
  tolerance: number
  snapshotDirectory: string
  folder: string
  limits: RecomputeLimits
}

/** What the online store may have held when a row was served: the view of this version, read as of that moment. */
interface Candidate {
  row: number
  momentMs: number
  versionId: string
}

/**
 * Tells data that came late from skew: a value is late when the version of the dataset that was online at the served time, read
 * up to the moment to which it was online, gives what was served. A request may have seen a state just before it was written
 * down, so the one that followed counts too. Where no such state is known any more the difference is unchecked.
 */
export async function explainView(
  context: Pick<Context, 'db' | 'artifacts' | 'analytics'>,
  input: ExplainView,
): Promise<Explanation[]> {
  const { projectId, view, sample, differences } = input
  const rows = [...new Set(differences.map(({ row }) => row))]
  const times = rows.map((row) => sample.rows[row]!.timeMs)
  const states = await listMaterializationStates(context.db.read, {
    projectId,
    view,
    fromMs: Math.min(...times),
    toMs: Math.max(...times),
  })
  const candidates = rows.flatMap((row) =>
    statesAt(states, sample.rows[row]!.timeMs).map(({ cursorMs, datasetVersionId }): Candidate => ({
      row,
      momentMs: Math.min(sample.rows[row]!.timeMs, cursorMs),
      versionId: datasetVersionId,
    })),
  )
  const groups = [...Map.groupBy(candidates, ({ versionId }) => versionId)]
    .sort(([, a], [, b]) => b.length - a.length)
    .slice(0, MAX_VERSIONS)
    .map(([versionId, group]) => readingOf(input, versionId, group))
  const isKnown = await recompute(
    context,
    groups.map(({ wanted }) => wanted),
    input.limits,
  )
  const late = new Set<number>()
  const judged = new Set<number>()
  for (const [index, reading] of groups.entries()) {
    if (!isKnown[index]) continue
    const found = await valuesOf(context, input, reading)
    for (const [place, { row }] of reading.candidates.entries()) {
      judged.add(row)
      for (const [index, difference] of differences.entries()) {
        if (difference.row !== row) continue
        const { kind } = input.spec.features[difference.feature]!
        const served = sample.rows[row]!.served[difference.feature]!
        if (agrees(kind, served, found(place, difference.feature), input.tolerance)) late.add(index)
      }
    }
  }
  return differences.map(({ row }, index) =>
    late.has(index) ? 'late' : judged.has(row) ? 'mismatch' : 'unchecked',
  )
}

/** All states of the last moment at or before `timeMs`, and the first one after it. */
export function statesAt(
  states: readonly MaterializationState[],
  timeMs: number,
): readonly MaterializationState[] {
  const before = states.filter(({ atMs }) => atMs <= timeMs)
  const last = before.at(-1)?.atMs
  const next = states.find(({ atMs }) => atMs > timeMs)
  return [...before.filter(({ atMs }) => atMs === last), ...(next ? [next] : [])]
}

/** One version of the dataset, as of the moments of its candidates. */
interface Reading {
  candidates: readonly Candidate[]
  wanted: Recompute
  /** How much later than the moment each candidate was served, ms. */
  lags: readonly number[]
}

function readingOf(input: ExplainView, versionId: string, candidates: readonly Candidate[]): Reading {
  const { projectId, spec, view, sample, snapshotDirectory, folder } = input
  const lags = candidates.map(({ row, momentMs }) => sample.rows[row]!.timeMs - momentMs)
  const features = spec.features.filter(({ from, source }) => from === 'view' && source === view.view)
  // The ttl counts from the served time, which is later than the moment as of which the view is read.
  const wider = { ...view, ttlMs: view.ttlMs + Math.max(...lags) }
  const moments = candidates.map(({ row, momentMs }, place) => `(${row + 1}, ${momentMs}, ${place})`)
  return {
    candidates,
    lags,
    wanted: {
      projectId,
      spec: { ...spec, views: [wider], onDemand: [], features },
      spine: {
        sql: `SELECT s.* REPLACE (make_timestamp(m.moment * 1000) AS __at), m.place AS __place
          FROM ${parquetScan([sample.spine])} s
          JOIN (VALUES ${moments.join(', ')}) AS m(sample, moment, place) ON m.sample = s.__sample`,
      },
      datasetVersions: { [view.dataset]: versionId },
      snapshotDirectory,
      target: join(folder, `then-${view.view}-${versionId}.parquet`),
    },
  }
}

/** The view's features as one version gave them to each candidate. */
async function valuesOf(
  context: Pick<Context, 'analytics'>,
  { spec, view }: ExplainView,
  { wanted, lags }: Reading,
): Promise<(place: number, feature: number) => FeatureValue> {
  const { target, spec: alone } = wanted
  const read = await readRecomputed(context, { target, spec: alone, place: '__place' })
  const rows = new Map(read.map((row) => [row.place, row]))
  return (place, feature) => {
    const own = alone.features.findIndex(({ name }) => name === spec.features[feature]!.name)
    const row = rows.get(place)
    const age = row?.ages[0] ?? null
    return row && age !== null && age + lags[place]! <= view.ttlMs ? row.values[own]! : null
  }
}
