import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import type { Trx } from '../ports/db/db.ts'
import type { DatasetUse, Metric, ModelUse, Param, Run, Tag } from './schema.ts'
import { FILLINGS, insertRows, listPoints, type PointRow } from './store-import.ts'
import { insertDatasetUse, insertModelUses } from './store-inputs.ts'
import { latestOf, storedValue } from './store-metrics.ts'
import { listExisting } from './store-trash.ts'
import { listValues, toMetric } from './store-values.ts'
import { wordsOfTags } from './words.ts'

const POINTS_AT_ONCE = 20_000

/** A run, or a part of one, as another system kept it. */
export interface RunPiece {
  runId: string
  experimentId: string
  /** The run itself; with its first piece. */
  run?: Omit<Run, 'id' | 'experimentId'> & { deletedMs?: number | undefined }
  params: readonly Param[]
  tags: readonly Tag[]
  metrics: readonly Metric[]
  datasets: readonly DatasetUse[]
  models: readonly ModelUse[]
}

/**
 * Writes pieces of runs with their own ids and times, all in one transaction: at most 500 rows, says the caller. What is there
 * already stays as it is, except a run's state and its tags, which follow the source. `within` runs in the same transaction. It is no news: no
 * event tells of runs that ended elsewhere long ago.
 */
export async function importRunPieces(
  { db, clock, ids }: Pick<Context, 'db' | 'clock' | 'ids'>,
  input: Caller & { pieces: readonly RunPiece[]; within: (trx: Trx) => Promise<void> },
): Promise<void> {
  const { projectId, actor, pieces } = input
  requirePermission(actor, 'maintain', projectId)
  const nowMs = clock.now()
  const rows = rowsOf(projectId, pieces, nowMs)
  await db.write(async (trx) => {
    for (const name of Object.keys(FILLINGS) as (keyof typeof FILLINGS)[])
      await insertRows(trx, db.dialect, FILLINGS[name], rows[name])
    for (const { runId, experimentId, datasets, models } of pieces) {
      for (const dataset of datasets)
        await insertDatasetUse(trx, { id: ids.uuid(), projectId, experimentId, runId, nowMs, dataset })
      await insertModelUses(trx, { runId, projectId, nowMs }, models)
    }
    await input.within(trx)
    const runs = pieces.filter((piece) => piece.run !== undefined).map((piece) => piece.runId)
    if (runs.length > 0)
      await audit(trx, {
        projectId,
        actor,
        action: 'tracking.import_runs',
        subject: runs[0]!,
        detail: { runs },
      })
  })
}

function rowsOf(
  projectId: string,
  pieces: readonly RunPiece[],
  nowMs: number,
): Record<keyof typeof FILLINGS, unknown[][]> {
  const rows: Record<keyof typeof FILLINGS, unknown[][]> = {
    runs: [],
    params: [],
    tags: [],
    words: [],
    metrics: [],
    latest: [],
  }
  for (const piece of pieces) {
    const { runId, experimentId, run } = piece
    if (run) rows.runs.push(runRow(projectId, piece, run, nowMs))
    for (const { key, value } of piece.params) rows.params.push([runId, key, projectId, experimentId, value])
    for (const { key, value } of piece.tags) rows.tags.push([runId, key, projectId, experimentId, value])
    for (const { key, word } of wordsOfTags(piece.tags)) rows.words.push([runId, key, word, projectId])
    for (const { key, value, timestampMs, step } of piece.metrics)
      rows.metrics.push([runId, key, timestampMs, step, ...storedValue(value), projectId])
    for (const { key, value, timestampMs, step } of latestOf(piece.metrics))
      rows.latest.push([runId, key, projectId, experimentId, step, timestampMs, ...storedValue(value)])
  }
  return rows
}

function runRow(
  projectId: string,
  { runId, experimentId }: RunPiece,
  run: NonNullable<RunPiece['run']>,
  nowMs: number,
): unknown[] {
  return [
    runId,
    projectId,
    experimentId,
    run.name,
    run.userId,
    run.status,
    run.startMs,
    run.endMs ?? null,
    run.artifactUri,
    run.parentRunId ?? null,
    run.lifecycle,
    run.lifecycle === 'deleted' ? (run.deletedMs ?? nowMs) : null,
    run.startMs,
    0,
  ]
}

/** Which of these run ids are taken, in whatever project. */
export async function findTakenRunIds(
  { db }: Pick<Context, 'db'>,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  return await listExisting(db.read, 'run', ids)
}

/** Params of some runs, by run. */
export async function listRunParams(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, runIds }: Caller & { runIds: readonly string[] },
): Promise<Map<string, Param[]>> {
  requirePermission(actor, 'view', projectId)
  return await listValues(db.read, 'run_param', runIds)
}

/** Every point of every metric of some runs, run by run. */
export async function* streamRunPoints(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, runIds }: Caller & { runIds: readonly string[] },
): AsyncGenerator<Metric & { runId: string }> {
  requirePermission(actor, 'view', projectId)
  let after: PointRow | undefined
  do {
    const rows = await listPoints(db.read, { runIds, after, limit: POINTS_AT_ONCE })
    for (const row of rows) yield { ...toMetric(row), runId: row.run_id }
    after = rows.length < POINTS_AT_ONCE ? undefined : rows.at(-1)
  } while (after)
}
