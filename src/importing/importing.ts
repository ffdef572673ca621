import { requirePermission, type Caller } from '../kernel/actor.ts'
import { importRoots } from './artifacts.ts'
import { importExperiments } from './experiments.ts'
import { DEFAULT_LIMITS, type ImportLimits } from './limits.ts'
import { importLoggedModels, importModels } from './models.ts'
import { Progress } from './progress.ts'
import { artifactUriOf, importRuns } from './runs.ts'
import type { ImportReport, MlflowSource } from './schema.ts'
import { emptyCounts, skip, type ImportContext, type Session } from './session.ts'
import { ensureSource, updateSourceFinished } from './store.ts'
import { verifyRuns } from './verify.ts'

/**
 * Brings everything of an MLflow store into a project. It may be killed at any point and run again: what was written is noted in the same transaction, and what has
 * not changed in the source since is passed over. What changed there is brought up to date; what exists here alone is left alone.
 */
export async function importMlflow(
  context: ImportContext,
  input: Caller & {
    source: MlflowSource
    progress?: Progress
    limits?: Partial<ImportLimits>
  },
): Promise<ImportReport> {
  const { projectId, actor, source, progress = new Progress() } = input
  requirePermission(actor, 'maintain', projectId)
  const { db, ids } = context
  const sourceId = await db.write(async (trx) =>
    ensureSource(trx, {
      id: ids.uuid(),
      projectId,
      source: source.description,
      nowMs: await db.wallTime(trx),
    }),
  )
  const session: Session = {
    context,
    caller: { projectId, actor },
    source,
    sourceId,
    progress,
    experiments: new Map(),
    counts: emptyCounts(),
    metricPoints: 0,
    artifactBytes: 0,
    limits: { ...DEFAULT_LIMITS, ...input.limits },
    mapping: [],
    skipped: new Map(),
  }
  const verification = await importAll(session)
  await db.write(async (trx) => updateSourceFinished(trx, sourceId, await db.wallTime(trx)))
  progress.end()
  return reportOf(session, verification)
}

async function importAll(session: Session): Promise<ImportReport['verification']> {
  const { source, progress } = session
  const { runs, points, deletedRuns } = await source.count()
  if (deletedRuns)
    skip(session, 'runs', 'they are deleted in the source; --include-deleted brings them too', deletedRuns)
  await importExperiments(session)
  progress.begin(points === undefined ? 'runs' : 'metric points', points ?? runs)
  const here = await importRuns(session)
  const models = await importLoggedModels(session)
  const roots = [
    ...here.map((run) => ({ from: run.artifactUri, to: artifactUriOf(session, run) })),
    ...models,
  ]
  await importRoots(session, roots)
  await importModels(session, roots)
  return await verifyRuns(session)
}

function reportOf(session: Session, verification: ImportReport['verification']): ImportReport {
  const { source, counts, metricPoints, artifactBytes, mapping, progress } = session
  const skipped = [...session.skipped].map(([key, count]) => {
    const [what, reason] = key.split('\n') as [string, string]
    return { what, reason, count }
  })
  const seconds = Math.round(progress.seconds * 10) / 10
  return {
    source: source.description,
    counts,
    metricPoints,
    artifactBytes,
    seconds,
    mapping,
    skipped,
    verification,
  }
}
