import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Queryable, Trx } from '../ports/db/db.ts'
import { isUniqueViolation } from '../ports/db/dialect.ts'
import { requireKey } from './keys.ts'
import type { Experiment, Tag } from './schema.ts'
import {
  cascadeLifecycle,
  deleteExperimentTagRow,
  drawExperimentId,
  findExperimentRow,
  insertExperiment,
  insertExperimentIfAbsent,
  listExperimentTags,
  searchExperimentRows,
  toExperiment,
  updateExperiment,
  upsertExperimentTags,
  type TrackingSearch,
} from './store.ts'
import type { ExperimentRow, Lifecycle } from './tables.ts'

const DEFAULT_PROJECT = 'default'
const MAX_NAME = 500

export async function createExperiment(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: Caller & { name: string; artifactLocation?: string | undefined; tags?: readonly Tag[] },
): Promise<Experiment> {
  const { projectId, actor, name, tags = [] } = input
  requirePermission(actor, 'contribute', projectId)
  requireName(name)
  for (const { key } of tags) requireKey(key, 'tag')
  try {
    return await db.write(async (trx) => {
      await ensureDefaultExperiment(trx, projectId, clock.now())
      const id = await drawExperimentId(trx)
      const row = experimentRow({ id, projectId, name, nowMs: clock.now() })
      if (input.artifactLocation) row.artifact_location = input.artifactLocation
      await insertExperiment(trx, row)
      await upsertExperimentTags(trx, { experimentId: id, projectId, tags })
      await audit(trx, {
        projectId,
        actor,
        action: 'tracking.create_experiment',
        subject: id,
        detail: { name },
      })
      return toExperiment(row, [...tags])
    })
  } catch (error) {
    throw isUniqueViolation(error) ? await nameTaken(db.read, { projectId, name }, error) : error
  }
}

/** An experiment by its id, deleted or not. `0` is the project's own Default. Throws `not_found`. */
export async function getExperiment(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, id }: Caller & { id: string },
): Promise<Experiment> {
  requirePermission(actor, 'view', projectId)
  if (id === '0') await defaultExperiment({ db, clock }, projectId)
  return await detail(db.read, await getExperimentRow(db.read, projectId, id))
}

export async function findExperimentByName(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, name }: Caller & { name: string },
): Promise<Experiment | undefined> {
  requirePermission(actor, 'view', projectId)
  await defaultExperiment({ db, clock }, projectId)
  const row = await findExperimentRow(db.read, { projectId, name })
  return row && (await detail(db.read, row))
}

export async function searchExperiments(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: Caller & Omit<TrackingSearch, 'projectId'>,
): Promise<{ experiments: Experiment[]; nextPageToken?: string }> {
  requirePermission(input.actor, 'view', input.projectId)
  await defaultExperiment({ db, clock }, input.projectId)
  const { rows, ...next } = await searchExperimentRows(db.read, db.dialect, input)
  const ids = rows.map((row) => row.id)
  const tags = await listExperimentTags(db.read, ids)
  return { experiments: rows.map((row) => toExperiment(row, tags.get(row.id) ?? [])), ...next }
}

export async function renameExperiment(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, id, name }: Caller & { id: string; name: string },
): Promise<void> {
  requirePermission(actor, 'contribute', projectId)
  requireName(name)
  try {
    await db.write(async (trx) => {
      const row = await getActiveExperiment(trx, projectId, id, clock.now())
      await updateExperiment(trx, row.id, { name, updated_ms: clock.now() })
      await audit(trx, {
        projectId,
        actor,
        action: 'tracking.rename_experiment',
        subject: row.id,
        detail: { name },
      })
    })
  } catch (error) {
    throw isUniqueViolation(error) ? await nameTaken(db.read, { projectId, name }, error) : error
  }
}

/** Deletes softly, with the experiment's runs, or brings both back. Doing it twice is no error. */
export async function setExperimentLifecycle(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, id, lifecycle }: Caller & { id: string; lifecycle: Lifecycle },
): Promise<void> {
  requirePermission(actor, 'contribute', projectId)
  await db.write(async (trx) => {
    const row = await getExperimentRow(trx, projectId, id)
    if (row.lifecycle === lifecycle) return
    if (row.is_default === 1) throw new AppError('invalid', 'Cannot delete the default experiment')
    const nowMs = clock.now()
    const atMs = lifecycle === 'deleted' ? nowMs : row.updated_ms
    await updateExperiment(trx, row.id, { lifecycle, updated_ms: nowMs })
    await cascadeLifecycle(trx, { experimentId: row.id, lifecycle, atMs })
    const action = lifecycle === 'deleted' ? 'tracking.delete_experiment' : 'tracking.restore_experiment'
    await audit(trx, { projectId, actor, action, subject: row.id })
  })
}

export async function setExperimentTag(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, id, tag }: Caller & { id: string; tag: Tag },
): Promise<void> {
  requirePermission(actor, 'contribute', projectId)
  requireKey(tag.key, 'tag')
  await db.write(async (trx) => {
    const row = await getActiveExperiment(trx, projectId, id, clock.now())
    await upsertExperimentTags(trx, { experimentId: row.id, projectId, tags: [tag] })
    await updateExperiment(trx, row.id, { updated_ms: clock.now() })
    await audit(trx, {
      projectId,
      actor,
      action: 'tracking.tag_experiment',
      subject: row.id,
      detail: { ...tag },
    })
  })
}

export async function deleteExperimentTag(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, id, key }: Caller & { id: string; key: string },
): Promise<void> {
  requirePermission(actor, 'contribute', projectId)
  await db.write(async (trx) => {
    const row = await getActiveExperiment(trx, projectId, id, clock.now())
    if (!(await deleteExperimentTagRow(trx, row.id, key)))
      throw new AppError('not_found', `No tag with name: ${key} in experiment with id ${row.id}`)
    await audit(trx, {
      projectId,
      actor,
      action: 'tracking.untag_experiment',
      subject: row.id,
      detail: { key },
    })
  })
}

/** The project's Default, made when it is first asked for. */
export async function defaultExperiment(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  projectId: string,
): Promise<ExperimentRow> {
  const known = await findExperimentRow(db.read, { projectId, isDefault: true })
  return known ?? (await db.write((trx) => ensureDefaultExperiment(trx, projectId, clock.now())))
}

export async function ensureDefaultExperiment(
  trx: Trx,
  projectId: string,
  nowMs: number,
): Promise<ExperimentRow> {
  const known = await findExperimentRow(trx, { projectId, isDefault: true })
  if (known) return known
  const id = projectId === DEFAULT_PROJECT ? '0' : await drawExperimentId(trx)
  const row = { ...experimentRow({ id, projectId, name: 'Default', nowMs }), is_default: 1 }
  await insertExperimentIfAbsent(trx, row)
  return (await findExperimentRow(trx, { projectId, isDefault: true })) ?? row
}

async function getExperimentRow(at: Queryable, projectId: string, id: string): Promise<ExperimentRow> {
  const key = id === '0' ? { projectId, isDefault: true as const } : { projectId, id }
  const row = await findExperimentRow(at, key)
  if (row) return row
  throw new AppError('not_found', `No Experiment with id=${id} exists`, { details: { experimentId: id } })
}

/** For writes: Default is made when it is missing. Throws `invalid` when the experiment is deleted. */
export async function getActiveExperiment(
  trx: Trx,
  projectId: string,
  id: string,
  nowMs: number,
): Promise<ExperimentRow> {
  const row = await (id === '0'
    ? ensureDefaultExperiment(trx, projectId, nowMs)
    : getExperimentRow(trx, projectId, id))
  if (row.lifecycle === 'active') return row
  throw new AppError(
    'invalid',
    `The experiment ${id} must be in the 'active' state. Current state is deleted.`,
  )
}

async function detail(at: Queryable, row: ExperimentRow): Promise<Experiment> {
  return toExperiment(row, (await listExperimentTags(at, [row.id])).get(row.id) ?? [])
}

export function experimentRow(input: {
  id: string
  projectId: string
  name: string
  nowMs: number
}): ExperimentRow {
  return {
    id: input.id,
    project_id: input.projectId,
    name: input.name,
    is_default: 0,
    artifact_location: `mlflow-artifacts:/${input.id}`,
    lifecycle: 'active',
    created_ms: input.nowMs,
    updated_ms: input.nowMs,
  }
}

function requireName(name: string): void {
  if (name.trim() === '') throw new AppError('invalid', `Invalid experiment name: '${name}'`)
  if (name.length > MAX_NAME)
    throw new AppError('invalid', `An experiment name may have ${MAX_NAME} characters`)
}

async function nameTaken(
  at: Queryable,
  { projectId, name }: { projectId: string; name: string },
  cause: unknown,
): Promise<AppError> {
  const row = await findExperimentRow(at, { projectId, name })
  const deleted =
    row?.lifecycle === 'deleted'
      ? ` It is deleted: restore experiment ${row.id}, or purge it: tidemill gc --experiment ${row.id} --older-than 0s --delete`
      : ''
  return new AppError('already_exists', `Experiment(name=${name}) already exists.${deleted}`, {
    cause,
    details: { name },
  })
}
