import { sql } from 'kysely'
import { unknownName } from '../kernel/unknown-name.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { isIn } from '../ports/db/dialect.ts'
import type { VersionUse } from '../registry/schema.ts'
import type { Blocks, Released } from './ladder.ts'
import type { Benchmark, BenchmarkDefinition, HoldoutFacts, Standing, Submission } from './schema.ts'
import type { Entry } from './standings.ts'
import type { BenchmarkRow, SubmissionRow } from './tables.ts'

export async function insertBenchmark(trx: Trx, row: BenchmarkRow): Promise<void> {
  await trx.insertInto('benchmark').values(row).execute()
}

async function findBenchmarkRow(
  at: Queryable,
  projectId: string,
  name: string,
): Promise<BenchmarkRow | undefined> {
  return await at
    .selectFrom('benchmark')
    .selectAll()
    .where('project_id', '=', projectId)
    .where('name', '=', name)
    .executeTakeFirst()
}

export async function getBenchmarkRow(at: Queryable, projectId: string, name: string): Promise<BenchmarkRow> {
  const row = await findBenchmarkRow(at, projectId, name)
  if (row) return row
  const names = (await listBenchmarkRows(at, projectId)).map((each) => each.name)
  throw unknownName('benchmark', name, names, { benchmark: name })
}

export async function findBenchmarkRowById(at: Queryable, id: string): Promise<BenchmarkRow | undefined> {
  return await at.selectFrom('benchmark').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function listBenchmarkRows(at: Queryable, projectId: string): Promise<BenchmarkRow[]> {
  return await at
    .selectFrom('benchmark')
    .selectAll()
    .where('project_id', '=', projectId)
    .orderBy('name')
    .limit(500)
    .execute()
}

export async function updateBenchmark(trx: Trx, id: string, change: Partial<BenchmarkRow>): Promise<void> {
  await trx.updateTable('benchmark').set(change).where('id', '=', id).execute()
}

/** Counts one; the row lock lets submissions of one benchmark pass one after another. */
export async function drawNumber(
  trx: Trx,
  id: string,
  counter: 'submissions' | 'evaluated',
): Promise<BenchmarkRow> {
  return await trx
    .updateTable('benchmark')
    .set((eb) => ({ [counter]: eb(counter, '+', 1) }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** Keeps standings unless newer ones are kept already. */
export async function setStandings(
  trx: Trx,
  id: string,
  { standings, evaluated }: { standings: readonly Standing[]; evaluated: number },
): Promise<boolean> {
  const changed = await trx
    .updateTable('benchmark')
    .set({ standings_json: JSON.stringify(standings), standings_of: evaluated })
    .where('id', '=', id)
    .where('standings_of', '<', evaluated)
    .returning('id')
    .executeTakeFirst()
  return changed !== undefined
}

export async function findSubmission(at: Queryable, id: string): Promise<SubmissionRow | undefined> {
  return await at.selectFrom('benchmark_submission').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function findSubmissionOf(
  at: Queryable,
  key: { benchmarkId: string; participant: string; content: string },
): Promise<SubmissionRow | undefined> {
  return await at
    .selectFrom('benchmark_submission')
    .selectAll()
    .where('benchmark_id', '=', key.benchmarkId)
    .where('participant', '=', key.participant)
    .where('content_sha256', '=', key.content)
    .executeTakeFirst()
}

export async function insertSubmission(trx: Trx, row: SubmissionRow): Promise<void> {
  await trx.insertInto('benchmark_submission').values(row).execute()
}

export async function updateSubmission(trx: Trx, id: string, change: Partial<SubmissionRow>): Promise<void> {
  await trx.updateTable('benchmark_submission').set(change).where('id', '=', id).execute()
}

/** Tries since the day began; a try again counts too. */
export async function countTriesSince(
  at: Queryable,
  { benchmarkId, participant, sinceMs }: { benchmarkId: string; participant: string; sinceMs: number },
): Promise<number> {
  const { tries } = await at
    .selectFrom('benchmark_submission')
    .select((eb) => eb.fn.sum<number | null>('tries').as('tries'))
    .where('benchmark_id', '=', benchmarkId)
    .where('participant', '=', participant)
    .where('asked_ms', '>=', sinceMs)
    .executeTakeFirstOrThrow()
  return tries ?? 0
}

/** The newest first. */
export async function listSubmissions(
  at: Queryable,
  { benchmarkId, actorId, limit }: { benchmarkId: string; actorId: string; limit: number },
): Promise<SubmissionRow[]> {
  return await at
    .selectFrom('benchmark_submission')
    .selectAll()
    .where('benchmark_id', '=', benchmarkId)
    .where('actor_id', '=', actorId)
    .orderBy('asked_ms', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

/** The sums of the participant's best: the last that improved. */
export async function findBestBlocks(
  at: Queryable,
  { benchmarkId, participant }: { benchmarkId: string; participant: string },
): Promise<Blocks | undefined> {
  const row = await at
    .selectFrom('benchmark_submission')
    .select('blocks_json')
    .where('benchmark_id', '=', benchmarkId)
    .where('participant', '=', participant)
    .where('released_json', 'is not', null)
    .orderBy('evaluated_as', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && (JSON.parse(row.blocks_json!) as Blocks)
}

/** The best of every participant, and how many submissions of each were evaluated. */
export async function listEntries(at: Queryable, benchmarkId: string): Promise<Entry[]> {
  const bests = await at
    .selectFrom('benchmark_submission as s')
    .innerJoin(
      (eb) =>
        eb
          .selectFrom('benchmark_submission')
          .select((own) => [
            'participant',
            own.fn.countAll<number>().as('count'),
            own.fn
              .max<number>(
                own.case().when('released_json', 'is not', null).then(own.ref('evaluated_as')).end(),
              )
              .as('best'),
          ])
          .where('benchmark_id', '=', benchmarkId)
          .where('state', '=', 'done')
          .groupBy('participant')
          .as('own'),
      (join) => join.onRef('own.participant', '=', 's.participant').onRef('own.best', '=', 's.evaluated_as'),
    )
    .selectAll('s')
    .select('own.count')
    .where('s.benchmark_id', '=', benchmarkId)
    .execute()
  return bests.map((row) => ({
    participant: row.participant,
    name: row.participant_name,
    submissionId: row.id,
    label: row.label,
    submissions: row.count,
    atMs: row.finished_ms ?? row.asked_ms,
    blocks: JSON.parse(row.blocks_json!) as Blocks,
    released: JSON.parse(row.released_json!) as Released,
  }))
}

/** Every blob that a benchmark or a submission refers to, for garbage collection. */
export async function referencedBlobs(at: Queryable): Promise<string[]> {
  const benchmarks = await at
    .selectFrom('benchmark')
    .select(['holdout_sha256', 'features_sha256', 'source_sha256'])
    .execute()
  const submissions = await at
    .selectFrom('benchmark_submission')
    .select('predictions_sha256')
    .where('predictions_sha256', 'is not', null)
    .execute()
  return [
    ...benchmarks.flatMap((row) => [row.holdout_sha256, row.features_sha256, row.source_sha256]),
    ...submissions.map((row) => row.predictions_sha256),
  ].filter((hash) => hash !== null)
}

/** Of these dataset versions, those that a benchmark is made of. */
export async function listDatasetVersionUses(
  at: Queryable,
  ids: readonly string[],
): Promise<{ id: string; what: string }[]> {
  const rows = await at
    .selectFrom('benchmark')
    .select(['dataset_version_id', 'name'])
    .where('dataset_version_id', 'in', ids)
    .execute()
  return rows.map(({ dataset_version_id, name }) => ({
    id: dataset_version_id!,
    what: `the benchmark ${name}`,
  }))
}

/** Of these model versions, those that a submission still has to measure. */
export async function listModelVersionUses(at: Queryable, ids: readonly string[]): Promise<VersionUse[]> {
  const rows = await at
    .selectFrom('benchmark_submission as s')
    .innerJoin('benchmark as b', 'b.id', 's.benchmark_id')
    .select(['b.name', 's.label'])
    .where('s.state', '=', 'queued')
    .where(isIn(at, sql.ref('s.model_version_id'), ids))
    .orderBy('s.asked_ms')
    .execute()
  return rows.map(({ name, label }) => ({
    what: `the benchmark ${name} is about to measure ${label}`,
    instead: 'Try again when the submission is done.',
  }))
}

export function definitionOf(row: BenchmarkRow): BenchmarkDefinition {
  return JSON.parse(row.definition_json) as BenchmarkDefinition
}

export function standingsIn(row: BenchmarkRow): Standing[] {
  return JSON.parse(row.standings_json) as Standing[]
}

export function toBenchmark(row: BenchmarkRow): Benchmark {
  return {
    name: row.name,
    description: row.description,
    definition: definitionOf(row),
    dailyLimit: row.daily_limit,
    state: row.state,
    error: row.error,
    holdout: row.holdout_json === null ? null : (JSON.parse(row.holdout_json) as HoldoutFacts),
    digest: row.holdout_sha256,
    submissions: row.submissions,
    evaluated: row.evaluated,
    participants: standingsIn(row).length,
    createdBy: row.created_by,
    createdMs: row.created_ms,
  }
}

export function toSubmission(row: SubmissionRow): Submission {
  return {
    id: row.id,
    participant: row.participant_name,
    label: row.label,
    kind: row.model_version_id === null ? 'predictions' : 'model',
    state: row.state,
    error: row.error,
    improved: row.state === 'done' ? row.released_json !== null : null,
    score: row.released_json === null ? null : (JSON.parse(row.released_json) as Released),
    askedMs: row.asked_ms,
    finishedMs: row.finished_ms,
  }
}
