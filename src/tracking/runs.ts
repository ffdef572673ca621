import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { together } from '../ports/db/together.ts'
import type { Filter, OrderTerm } from '../search/search.ts'
import { defaultExperiment, getActiveExperiment } from './experiments.ts'
import { randomRunName } from './run-names.ts'
import { BATCH_LIMITS, TAGS, type Piece, type Run, type RunData, type RunDetail, type Tag } from './schema.ts'
import {
  claimAnnouncement,
  findRunRow,
  getRunAtWrite,
  getRunRow,
  insertRun,
  listChildRows,
  toRun,
  updateRunRow,
  type NewRunRow,
  type RunAtWrite,
} from './store.ts'
import { searchRunRows } from './store-run-search.ts'
import { parentOfNew, requireOwnRun } from './step-scope.ts'
import { listDatasetUses, listModelUses } from './store-inputs.ts'
import { listLatestMetrics, listValues, upsertTags, type Owner } from './store-values.ts'
import { insertTagWords, replaceTagWords } from './store-words.ts'
import type { Lifecycle, RunRow, RunStatus } from './tables.ts'

const ANNOUNCE_EVERY_MS = 1000
const MAX_PAGE = 50_000
const RUNS_AT_ONCE = 500
const NO_DATA: RunData = { params: [], metrics: [], tags: [], datasets: [], models: [] }

export interface CreateRun extends Caller {
  /** Default: the project's Default experiment. */
  experimentId?: string | undefined
  name?: string | undefined
  userId?: string | undefined
  startMs?: number | undefined
  parentRunId?: string | undefined
  tags?: readonly Tag[] | undefined
  /** Default: a new one. With one that exists already (a retry), the run is returned as it is. */
  id?: string | undefined
}

export async function createRun(
  { db, clock, ids }: Pick<Context, 'db' | 'clock' | 'ids'>,
  input: CreateRun,
): Promise<RunDetail> {
  const { projectId, actor } = input
  requirePermission(actor, 'record', projectId)
  const id = input.id ?? ids.hex32()
  const tags = new Map((input.tags ?? []).map((tag) => [tag.key, tag.value]))
  if (tags.size > BATCH_LIMITS.tags)
    throw new AppError('invalid', `A run may start with ${BATCH_LIMITS.tags} tags`)
  const name = nameOf(input.name, tags.get(TAGS.runName), id)
  tags.set(TAGS.runName, name)
  const parent = await parentOfNew(db.read, input, input.parentRunId ?? tags.get(TAGS.parentRunId))
  if (parent !== undefined) tags.set(TAGS.parentRunId, parent)
  const startMs = input.startMs ?? clock.now()
  const created = await db.write(async (trx): Promise<RunDetail | undefined> => {
    const experiment = await getActiveExperiment(trx, projectId, input.experimentId ?? '0', clock.now())
    const row: NewRunRow = {
      id,
      project_id: projectId,
      experiment_id: experiment.id,
      name,
      user_id: input.userId ?? tags.get(TAGS.user) ?? '',
      status: 'RUNNING',
      start_ms: startMs,
      end_ms: null,
      artifact_uri: `${experiment.artifact_location}/${id}/artifacts`,
      parent_run_id: tags.get(TAGS.parentRunId) ?? null,
      lifecycle: 'active',
      deleted_ms: null,
      created_ms: clock.now(),
    }
    if (input.id !== undefined && (await findRunRow(trx, projectId, id))) return undefined
    const data = { ...NO_DATA, tags: [...tags].map(([key, value]) => ({ key, value })) }
    await together(
      insertRun(trx, row),
      upsertTags(trx, ownerOf(row), data.tags),
      insertTagWords(trx, ownerOf(row), data.tags),
      audit(trx, { projectId, actor, action: 'tracking.create_run', subject: id, detail: { name } }),
      tellChanged({ clock }, trx, row),
    )
    return { ...toRun(row), ...data }
  })
  return created ?? (await readRun(db.read, projectId, id))
}

function nameOf(name: string | undefined, tagged: string | undefined, id: string): string {
  if (name && tagged && name !== tagged)
    throw new AppError(
      'invalid',
      `Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values (run_name='${name}', mlflow.runName='${tagged}').`,
    )
  return name || tagged || randomRunName(id)
}

export interface UpdateRun extends Caller {
  runId: string
  status?: RunStatus | undefined
  endMs?: number | undefined
  name?: string | undefined
}

/** Changes a run's state or name. Throws `invalid` when the run is deleted. */
export async function updateRun(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: UpdateRun,
): Promise<Run> {
  const { projectId, actor, runId, status, endMs, name } = input
  requirePermission(actor, 'record', projectId)
  return await db.write(async (trx) => {
    const row = await getActiveRun(trx, projectId, runId)
    await requireOwnRun(trx, actor, row)
    const change = {
      ...(status !== undefined && { status }),
      ...(endMs !== undefined && { end_ms: endMs }),
      ...(name && { name }),
    }
    const tags = name ? [{ key: TAGS.runName, value: name }] : []
    await together(
      updateRunRow(trx, runId, change),
      upsertTags(trx, ownerOf(row), tags),
      replaceTagWords(trx, ownerOf(row), tags),
      audit(trx, { projectId, actor, action: 'tracking.update_run', subject: runId, detail: change }),
      announce({ clock }, trx, row, { always: true }),
    )
    return toRun({ ...row, ...change })
  })
}

/** Ends a run: FINISHED unless told otherwise, now unless told when. */
export async function finishRun(
  context: Pick<Context, 'db' | 'clock'>,
  input: Caller & { runId: string; status?: 'FINISHED' | 'FAILED' | 'KILLED'; endMs?: number },
): Promise<Run> {
  const { status = 'FINISHED', endMs = context.clock.now() } = input
  return await updateRun(context, { ...input, status, endMs })
}

/** A run with its params, latest metrics, tags, inputs and outputs; deleted ones too. Throws `not_found`. */
export async function getRun(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, runId }: Caller & { runId: string },
): Promise<RunDetail> {
  requirePermission(actor, 'view', projectId)
  return await readRun(db.read, projectId, runId)
}

export async function listChildRuns(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, runId }: Caller & { runId: string },
): Promise<Run[]> {
  requirePermission(actor, 'view', projectId)
  return (await listChildRows(db.read, projectId, runId)).map(toRun)
}

export interface SearchRuns extends Caller {
  /** Default: the project's Default experiment. `0` is Default. */
  experimentIds?: readonly string[] | undefined
  filter?: Filter | undefined
  orderBy?: readonly OrderTerm[] | undefined
  lifecycle?: Lifecycle | 'all' | undefined
  limit?: number | undefined
  pageToken?: string | undefined
}

/** One page of runs, newest first unless ordered otherwise; what has no value in the order comes last. */
export async function searchRuns(
  context: Pick<Context, 'db' | 'clock'>,
  input: SearchRuns,
): Promise<{ runs: RunDetail[]; nextPageToken?: string }> {
  const runs: RunDetail[] = []
  for await (const { items, ...next } of readRuns(context, input)) {
    runs.push(...items)
    if (next.nextPageToken !== undefined) return { runs, ...next }
  }
  return { runs }
}

/** The same page in pieces, so that the params, metrics and tags of a long one are never in memory at once. */
export async function* readRuns(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: SearchRuns,
): AsyncGenerator<Piece<RunDetail>> {
  const { projectId, actor, limit = 100, experimentIds = ['0'] } = input
  requirePermission(actor, 'view', projectId)
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE)
    throw new AppError('invalid', `A page holds 1 to ${MAX_PAGE} runs, not ${limit}`)
  const ids = experimentIds.includes('0')
    ? [...experimentIds.filter((id) => id !== '0'), (await defaultExperiment({ db, clock }, projectId)).id]
    : experimentIds
  const { rows, ...next } = await searchRunRows(db.read, db.dialect, {
    projectId,
    experimentIds: ids,
    filter: input.filter ?? { and: [] },
    orderBy: input.orderBy ?? [],
    lifecycle: input.lifecycle ?? 'active',
    limit,
    pageToken: input.pageToken,
  })
  for (let start = 0; start === 0 || start < rows.length; start += RUNS_AT_ONCE) {
    const items = await withData(db.read, rows.slice(start, start + RUNS_AT_ONCE))
    yield start + RUNS_AT_ONCE < rows.length ? { items } : { items, ...next }
  }
}

async function readRun(at: Queryable, projectId: string, runId: string): Promise<RunDetail> {
  return (await withData(at, [await getRunRow(at, projectId, runId)]))[0]!
}

async function withData(at: Queryable, rows: readonly RunRow[]): Promise<RunDetail[]> {
  const ids = rows.map((row) => row.id)
  const [params, tags, metrics, datasets, models] = await together(
    listValues(at, 'run_param', ids),
    listValues(at, 'run_tag', ids),
    listLatestMetrics(at, ids),
    listDatasetUses(at, ids),
    listModelUses(at, ids),
  )
  return rows.map((row): RunDetail => {
    const data: RunData = {
      params: params.get(row.id) ?? [],
      metrics: metrics.get(row.id) ?? [],
      tags: tags.get(row.id) ?? [],
      datasets: datasets.get(row.id) ?? [],
      models: models.get(row.id) ?? [],
    }
    return { ...toRun(row), ...data }
  })
}

/** Throws `invalid` when the run is deleted. */
export async function getActiveRun(trx: Trx, projectId: string, runId: string): Promise<RunAtWrite> {
  const row = await getRunAtWrite(trx, projectId, runId)
  if (row.lifecycle === 'active') return row
  throw new AppError('invalid', `The run ${runId} must be in the 'active' state. Current state is deleted.`)
}

export function ownerOf(row: NewRunRow): Owner {
  return { runId: row.id, projectId: row.project_id, experimentId: row.experiment_id }
}

/** Tells that a run has changed, at most once a second unless `always`. True when it did. */
export async function announce(
  { clock }: Pick<Context, 'clock'>,
  trx: Trx,
  run: RunAtWrite,
  { always = false }: { always?: boolean } = {},
): Promise<boolean> {
  if (!always && run.wall_ms - run.announced_ms < ANNOUNCE_EVERY_MS) return false
  if (!(await claimAnnouncement(trx, run)) && !always) return false
  await tellChanged({ clock }, trx, run)
  return true
}

async function tellChanged(
  { clock }: Pick<Context, 'clock'>,
  trx: Trx,
  { id, project_id: projectId }: Pick<RunRow, 'id' | 'project_id'>,
): Promise<void> {
  await appendEvent(trx, { projectId, kind: 'run.changed', payload: { runId: id }, atMs: clock.now() })
}
