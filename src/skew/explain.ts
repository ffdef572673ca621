import { join } from 'node:path'
import { listMaterializationStates, type MaterializationState } from '../features/features.ts'
import type { FeatureServiceSpec, FeatureValue, ViewSpec } from '../features/schema.ts'
import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import { parquetScan } from '../ports/analytics/analytics.ts'
import { agrees } from './compare.ts'
import { recompute } from './recompute.ts'
import { readRecomputed, type Sample } from './sample.ts'

/** Versions of a dataset that are read to explain what one sample of a view differs by. */
const MAX_VERSIONS = 8

/** Of a served value that differs from what the data give now. */
export type Explanation = 'mismatch' | 'late' | 'unchecked'

export interface Difference {
  /** Places of the sampled row and of the feature. */
  row: number
  feature: number
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
  input: {
    projectId: string
    spec: FeatureServiceSpec
    view: ViewSpec
    sample: Sample
    differences: readonly Difference[]
    tolerance: number
    snapshotDirectory: string
    folder: string
  },
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
  const byVersion = [...Map.groupBy(candidates, ({ versionId }) => versionId)].sort(
    ([, a], [, b]) => b.length - a.length,
  )
  const late = new Set<number>()
  const judged = new Set<number>()
  for (const [versionId, group] of byVersion.slice(0, MAX_VERSIONS)) {
    const found = await valuesOf(context, { ...input, versionId, candidates: group })
    if (!found) continue
    for (const [place, { row }] of group.entries()) {
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

/** The view's features as one version gave them to each candidate; undefined when the version is gone. */
async function valuesOf(
  context: Pick<Context, 'db' | 'artifacts' | 'analytics'>,
  input: {
    projectId: string
    spec: FeatureServiceSpec
    view: ViewSpec
    sample: Sample
    versionId: string
    candidates: readonly Candidate[]
    snapshotDirectory: string
    folder: string
  },
): Promise<((place: number, feature: number) => FeatureValue) | undefined> {
  const { projectId, spec, view, sample, versionId, candidates, snapshotDirectory, folder } = input
  const lags = candidates.map(({ row, momentMs }) => sample.rows[row]!.timeMs - momentMs)
  const features = spec.features.filter(({ from, source }) => from === 'view' && source === view.view)
  // The ttl counts from the served time, which is later than the moment as of which the view is read.
  const wider = { ...view, ttlMs: view.ttlMs + Math.max(...lags) }
  const alone: FeatureServiceSpec = { ...spec, views: [wider], onDemand: [], features }
  const target = join(folder, `then-${view.view}-${versionId}.parquet`)
  const moments = candidates.map(({ row, momentMs }, place) => `(${row + 1}, ${momentMs}, ${place})`)
  try {
    await recompute(context, {
      projectId,
      spec: alone,
      spine: {
        sql: `SELECT s.* REPLACE (make_timestamp(m.moment * 1000) AS __at), m.place AS __place
          FROM ${parquetScan([sample.spine])} s
          JOIN (VALUES ${moments.join(', ')}) AS m(sample, moment, place) ON m.sample = s.__sample`,
      },
      datasetVersions: { [view.dataset]: versionId },
      snapshotDirectory,
      target,
    })
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return undefined
    throw error
  }
  const rows = new Map(
    (await readRecomputed(context, { target, spec: alone, place: '__place' })).map((row) => [row.place, row]),
  )
  return (place, feature) => {
    const own = features.findIndex(({ name }) => name === spec.features[feature]!.name)
    const row = rows.get(place)
    const age = row?.ages[0] ?? null
    return row && age !== null && age + lags[place]! <= view.ttlMs ? row.values[own]! : null
  }
}
