import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { enqueue, fence, type Job } from '../jobs/jobs.ts'
import { systemActor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { audit } from '../governance/governance.ts'
import { loadTable, scoreInProcess } from '../model-files/model-files.ts'
import { DIRECTION, getModelVersionById, measure, measureClasses } from '../registry/registry.ts'
import { beatsBest, releasedScore, type Blocks } from './ladder.ts'
import { readPredictions } from './predictions.ts'
import { standingsOf } from './standings.ts'
import {
  definitionOf,
  drawNumber,
  findBenchmarkRowById,
  findBestBlocks,
  findSubmission,
  listEntries,
  setStandings,
  updateSubmission,
} from './store.ts'
import type { BenchmarkRow, SubmissionRow } from './tables.ts'

export const RANK_JOB = 'benchmarks.rank'

const actor = systemActor('benchmarks')

type Reach = Pick<Context, 'db' | 'clock' | 'artifacts' | 'analytics'>

/** Measures one submission on the holdout, and decides by the Ladder whether its score is shown. */
export async function evaluateSubmission(
  context: Reach,
  job: Job,
  { submissionId }: { submissionId: string },
): Promise<void> {
  const submission = await findSubmission(context.db.read, submissionId)
  const benchmark = submission && (await findBenchmarkRowById(context.db.read, submission.benchmark_id))
  if (!benchmark || submission.state !== 'queued') return
  const measured = await measureSubmission(context, benchmark, submission).catch((error: unknown) => {
    if (error instanceof AppError && ['invalid', 'not_found'].includes(error.code)) return error.message
    if (job.lastAttempt) return 'It could not be evaluated; the log of the worker says why'
    throw error
  })
  if (typeof measured === 'string') await fail(context, job, { benchmark, submission, error: measured })
  else await settle(context, job, { benchmark, submission, blocks: measured })
}

interface Evaluated {
  benchmark: BenchmarkRow
  submission: SubmissionRow
}

async function fail(
  { db, clock }: Reach,
  job: Job,
  { benchmark, submission, error }: Evaluated & { error: string },
): Promise<void> {
  await db.write(async (trx) => {
    await fence(trx, job)
    const nowMs = clock.now()
    await updateSubmission(trx, submission.id, { state: 'failed', error, finished_ms: nowMs })
    await appendEvent(trx, {
      projectId: job.projectId,
      kind: 'benchmark.changed',
      payload: { benchmark: benchmark.name },
      atMs: nowMs,
    })
  })
}

async function settle(
  { db, clock }: Reach,
  job: Job,
  { benchmark, submission, blocks }: Evaluated & { blocks: Blocks },
): Promise<void> {
  const { projectId } = job
  const direction = DIRECTION[definitionOf(benchmark).metric]
  const released = JSON.stringify(releasedScore(blocks))
  await db.write(async (trx) => {
    await fence(trx, job)
    // The count locks the benchmark's row: the best that is read below stays the best until this is kept.
    const { evaluated, name } = await drawNumber(trx, benchmark.id, 'evaluated')
    const key = { benchmarkId: benchmark.id, participant: submission.participant }
    const improved = beatsBest(await findBestBlocks(trx, key), blocks, direction)
    const nowMs = clock.now()
    await updateSubmission(trx, submission.id, {
      state: 'done',
      error: null,
      evaluated_as: evaluated,
      finished_ms: nowMs,
      ...(improved && { blocks_json: JSON.stringify(blocks), released_json: released }),
    })
    await enqueue(trx, {
      projectId,
      kind: RANK_JOB,
      payload: { benchmarkId: benchmark.id },
      uniqueKey: `${RANK_JOB}:${benchmark.id}:${evaluated}`,
    })
    const detail = { submission: submission.id, participant: submission.participant, improved }
    await audit(trx, { projectId, actor, action: 'benchmarks.evaluate', subject: name, detail })
  })
}

/** The leaderboard anew, after an evaluation; an older one never replaces a newer one. */
export async function rankBenchmark(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  job: Job,
  { benchmarkId }: { benchmarkId: string },
): Promise<void> {
  const benchmark = await findBenchmarkRowById(db.read, benchmarkId)
  if (!benchmark) return
  const standings = standingsOf(
    await listEntries(db.read, benchmarkId),
    DIRECTION[definitionOf(benchmark).metric],
  )
  await db.write(async (trx) => {
    await fence(trx, job)
    if (!(await setStandings(trx, benchmarkId, { standings, evaluated: benchmark.evaluated }))) return
    await appendEvent(trx, {
      projectId: job.projectId,
      kind: 'benchmark.changed',
      payload: { benchmark: benchmark.name },
      atMs: clock.now(),
    })
  })
}

async function measureSubmission(
  context: Reach,
  benchmark: BenchmarkRow,
  submission: SubmissionRow,
): Promise<Blocks> {
  const { analytics, artifacts } = context
  const { task, metric, label, time, classes } = definitionOf(benchmark)
  const holdout = await artifacts.localPath(benchmark.holdout_sha256!)
  const source = { parquet: [holdout], label, dayColumn: time, classes }
  const table = await loadTable(analytics, source, [])
  const scores =
    submission.model_version_id === null
      ? await readPredictions(context, { benchmark, submission, holdout })
      : await scoresOfModel(context, submission, source, task)
  const wrong = scores.findIndex((score) => !Number.isFinite(score))
  if (wrong >= 0 || scores.length !== table.rows * (classes?.length ?? 1))
    throw new AppError('invalid', 'Every row needs a score that is a finite number')
  const { blocks } =
    task === 'multiclass'
      ? measureClasses({ scores, labels: table.labels, block: table.block, classes: classes!.length })
      : measure(task, { scores, labels: table.labels, block: table.block })
  return blocks[metric]!
}

async function scoresOfModel(
  context: Reach,
  { project_id: projectId, model_version_id }: SubmissionRow,
  table: Parameters<typeof scoreInProcess>[0]['table'],
  task: Parameters<typeof scoreInProcess>[0]['task'],
): Promise<Float64Array> {
  const version = await getModelVersionById(context, { projectId, actor, id: model_version_id! })
  return await scoreInProcess({
    onnx: await context.artifacts.localPath(version.onnxSha256!),
    table,
    task,
    features: version.signature?.features,
  })
}
