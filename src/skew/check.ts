import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { latestVersion } from '../data/data.ts'
import type { FeatureServiceSpec, FeatureValue } from '../features/schema.ts'
import type { Context } from '../http/context.ts'
import { fence, type Job } from '../jobs/jobs.ts'
import { systemActor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { HOUR_MS } from '../kernel/time-spans.ts'
import { listMonitors } from '../monitoring/monitoring.ts'
import type { Monitor } from '../monitoring/schema.ts'
import { unpackSnapshot } from '../ports/artifacts/unpack-snapshot.ts'
import { getModelVersion } from '../registry/registry.ts'
import { listTraffic } from '../rollout/rollout.ts'
import { agrees } from './compare.ts'
import { erasedExamples } from './erase-examples.ts'
import { explainView, type Difference, type Explanation } from './explain.ts'
import { judgeHour, type SkewRule } from './judge.ts'
import { recompute, RECOMPUTE_LIMITS, type RecomputeLimits } from './recompute.ts'
import { readRecomputed, takeSample, type Sample } from './sample.ts'
import { insertCounts, insertWindow, listCheckedHours } from './store.ts'
import { tallyHour } from './tally.ts'

type CheckContext = Pick<Context, 'db' | 'artifacts' | 'analytics' | 'clock' | 'ids' | 'config'>

export interface CheckHours {
  monitor: string
  deployment: string
  model: string
  version: number
  hours: number[]
}

const actor = systemActor('skew')

/** What was computed again of a sample, and how each difference is explained. */
export interface Checked {
  spec: FeatureServiceSpec
  sample: Sample
  values: FeatureValue[][]
  differences: readonly (Difference & { explanation: Explanation })[]
}

/**
 * Computes a sample of what a version served in these hours again from the offline data, and judges each hour. Each hour is
 * stored once, with its verdict in the same transaction: a crash at any point is healed by running it again. Where time or memory was too short
 * for all hours at once they are tried one by one; an hour for which they still are at the job's last attempt keeps that as its problem.
 */
export async function checkHours(
  context: CheckContext,
  job: Job,
  input: CheckHours,
  limits: RecomputeLimits = RECOMPUTE_LIMITS,
): Promise<void> {
  const { projectId } = job
  const { deployment, model, version } = input
  const monitors = await listMonitors(context.db.read, { projectId, deployment })
  const monitor = monitors.find(({ name }) => name === input.monitor)
  if (!monitor || monitor.definition.skew === false) return
  const rule = monitor.definition.skew
  const key = { projectId, deployment, model, version }
  const done = await listCheckedHours(context.db.read, { ...key, fromMs: Math.min(...input.hours) })
  const hours = input.hours.filter((hour) => !done.has(hour)).sort((a, b) => a - b)
  const pieces = job.attempt === 1 && hours.length > 0 ? [hours] : hours.map((hour) => [hour])
  const failures: unknown[] = []
  for (const piece of pieces) {
    const asked = { ...key, hours: piece, monitor, rule, limits }
    await checkPiece(context, job, asked).catch((error: unknown) => {
      if (!isScarce(error)) throw error
      failures.push(error)
    })
  }
  if (failures.length > 0) throw failures[0]
}

interface Piece extends Omit<Check, 'folder'> {
  monitor: Monitor
}

async function checkPiece(context: CheckContext, job: Job, { monitor, ...input }: Piece): Promise<void> {
  const { hours, rule, limits: _, ...key } = input
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-skew-'))
  try {
    const checked = await check(context, { ...input, folder }).catch((error: unknown) =>
      problemOf(error, job),
    )
    const rows = await rowsByHour(context, input)
    for (const startMs of hours) {
      const tally = typeof checked === 'string' ? undefined : tallyHour(checked, { ...key, startMs })
      const row = {
        project_id: key.projectId,
        deployment: key.deployment,
        model: key.model,
        version: key.version,
        start_ms: startMs,
        rows: rows.get(startMs) ?? 0,
        sampled: tally?.sampled ?? 0,
        problem: typeof checked === 'string' ? checked : null,
        at_ms: context.clock.now(),
        created_ms: context.clock.now(),
      }
      await context.db.write(async (trx) => {
        await fence(trx, job)
        if (!(await insertWindow(trx, row)) || !tally) return
        const isErased = await erasedExamples(context, trx, key.projectId)
        await insertCounts(
          trx,
          tally.counts.map(({ examples, ...count }) => ({
            ...count,
            examples_json: JSON.stringify(examples.filter((example) => !isErased(example))),
          })),
        )
        await judgeHour(context, trx, { monitor, model: key.model, version: key.version, startMs, rule })
      })
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A folder apart from that of steps: functions of features are pure, and link no packages. */
async function codeFolder({ artifacts, config }: CheckContext, hash: string | undefined): Promise<string> {
  if (hash === undefined) return ''
  const place = { artifacts, config: { dataDir: join(config.dataDir, 'features') } }
  return await unpackSnapshot(place, { hash, dependencies: undefined })
}

/** What can't be computed will not be computed by trying again; all else is this attempt's failure, while there is another. */
function problemOf(error: unknown, { lastAttempt }: Job): string {
  if (!(error instanceof AppError)) throw error
  if (isScarce(error)) {
    if (lastAttempt) return `${error.message}; it was tried several times`
  } else if (error.code === 'invalid' || error.code === 'not_found') return error.message
  throw error
}

/** Of time, memory or disk there may be enough when it is tried again, or with less at once. */
function isScarce(error: unknown): boolean {
  if (!(error instanceof AppError)) return false
  return (
    error.code === 'unavailable' ||
    /Out of Memory Error|No space left on device|maxSpillMb/.test(error.message)
  )
}

interface Check {
  projectId: string
  deployment: string
  model: string
  version: number
  hours: readonly number[]
  rule: SkewRule
  folder: string
  limits: RecomputeLimits
}

async function check(context: CheckContext, input: Check): Promise<Checked> {
  const { projectId, model, version, rule, folder } = input
  const found = await getModelVersion(context, { projectId, actor, model, version })
  const spec = found.featureService?.spec as unknown as FeatureServiceSpec | undefined
  if (!spec) throw new AppError('invalid', `${model}/${version} has no feature service`)
  const sample = await takeSample(context, { ...input, spec, rowsPerHour: rule.rowsPerHour })
  if (sample.rows.length === 0) return { spec, sample, values: [], differences: [] }
  const snapshotDirectory = await codeFolder(context, found.codeSnapshot)
  const target = join(folder, 'now.parquet')
  const datasetVersions = await latestVersions(context, projectId, spec)
  const spine = { parquet: [sample.spine] }
  const wanted = { projectId, spec, spine, datasetVersions, snapshotDirectory, target }
  const [isKnown] = await recompute(context, [wanted], input.limits)
  if (!isKnown) throw new AppError('conflict', 'Retention took the newest version of a dataset meanwhile')
  const values = (await readRecomputed(context, { target, spec })).map((row) => row.values)
  const differences = differencesOf(spec, sample, values, rule.tolerance)
  return {
    spec,
    sample,
    values,
    differences: await explain(context, { ...input, spec, sample, differences, snapshotDirectory }),
  }
}

async function latestVersions(
  context: CheckContext,
  projectId: string,
  { views }: FeatureServiceSpec,
): Promise<Record<string, string>> {
  const versions: Record<string, string> = {}
  for (const dataset of new Set(views.map((view) => view.dataset))) {
    const version = await latestVersion(context, { projectId, dataset })
    if (version) versions[dataset] = version.id
  }
  return versions
}

/** Fields of requests are features as they came: there is nothing to compute. */
function differencesOf(
  { features }: FeatureServiceSpec,
  { rows }: Sample,
  values: readonly (readonly FeatureValue[])[],
  tolerance: number,
): Difference[] {
  return rows.flatMap(({ served }, row) =>
    features.flatMap(({ kind, from }, feature) => {
      if (from === 'request') return []
      return agrees(kind, served[feature]!, values[row]![feature]!, tolerance) ? [] : [{ row, feature }]
    }),
  )
}

async function explain(
  context: CheckContext,
  input: Check & {
    spec: FeatureServiceSpec
    sample: Sample
    differences: readonly Difference[]
    snapshotDirectory: string
  },
): Promise<Checked['differences']> {
  const { spec, differences, rule } = input
  const explained: (Difference & { explanation: Explanation })[] = []
  const bySource = Map.groupBy(differences, ({ feature }) => spec.features[feature]!.source)
  for (const [source, own] of bySource) {
    const view = spec.views.find((each) => each.view === source)
    const explanations: readonly Explanation[] = view
      ? await explainView(context, { ...input, view, differences: own, tolerance: rule.tolerance })
      : own.map(() => 'mismatch')
    explained.push(...own.map((each, index) => ({ ...each, explanation: explanations[index]! })))
  }
  return explained
}

async function rowsByHour(
  { db }: Pick<Context, 'db'>,
  { projectId, deployment, version, hours }: Pick<Check, 'projectId' | 'deployment' | 'version' | 'hours'>,
): Promise<Map<number, number>> {
  const span = { fromMs: Math.min(...hours), toMs: Math.max(...hours) + HOUR_MS }
  const traffic = await listTraffic(db.read, { projectId, deployment, ...span, limit: 10_000 })
  const rows = new Map<number, number>()
  for (const { version: of, hourMs, n } of traffic)
    if (of === version) rows.set(hourMs, (rows.get(hourMs) ?? 0) + n)
  return rows
}
