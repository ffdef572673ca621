import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Trx } from '../ports/db/db.ts'
import { together } from '../ports/db/together.ts'
import { requireKey } from './keys.ts'
import { announce, getActiveRun, ownerOf } from './runs.ts'
import {
  BATCH_LIMITS,
  MAX_PARAM_LENGTH,
  MAX_TAG_LENGTH,
  TAGS,
  type DatasetUse,
  type MetricPoint,
  type ModelUse,
  type Param,
  type Tag,
} from './schema.ts'
import { requireOwnRun } from './step-scope.ts'
import { lastOfEachKey, updateRunRow } from './store.ts'
import { insertDatasetUse, insertModelUses } from './store-inputs.ts'
import { listUnknownLoggedModels, upsertLoggedModelMetrics } from './store-logged-models.ts'
import { insertMetrics } from './store-metrics.ts'
import { deleteTagWords, replaceTagWords } from './store-words.ts'
import { deleteTag, findTag, insertParams, upsertTags, type Owner } from './store-values.ts'

/** The history of models is JSON: cut short it would be none. */
const MAX_HISTORY_LENGTH = 1_000_000

export interface LogBatch extends Caller {
  runId: string
  metrics?: readonly MetricPoint[]
  params?: readonly Param[]
  tags?: readonly Tag[]
}

/**
 * Logs params, tags and metrics in one transaction: all of them or none. A param that is there with the same value, and a point that is
 * in the history already, are accepted silently, so that a batch may be sent again. Throws `invalid` for a param that would change.
 */
export async function logBatch({ db, clock }: Pick<Context, 'db' | 'clock'>, input: LogBatch): Promise<void> {
  const { projectId, actor, runId, metrics = [], params = [], tags = [] } = input
  requirePermission(actor, 'record', projectId)
  requireValid({ metrics, params, tags })
  const work = async (trx: Trx): Promise<boolean> => {
    const row = await getActiveRun(trx, projectId, runId)
    await requireOwnRun(trx, actor, row)
    await requireLoggedModels(trx, projectId, metrics)
    const owner = ownerOf(row)
    const detail = { params: params.map(({ key }) => key), tags: tags.map(({ key }) => key) }
    // The run's own row is locked before those of its metrics, everywhere, so that two batches never wait for each other.
    if (tags.length > 0) await writeTags(trx, owner, tags)
    const [announced, changed] = await together(
      announce({ clock }, trx, row),
      insertParams(trx, owner, params),
      insertMetrics(trx, owner, metrics),
      upsertLoggedModelMetrics(trx, owner, metrics),
      params.length + tags.length > 0
        ? audit(trx, { projectId, actor, action: 'tracking.log', subject: runId, detail })
        : Promise.resolve(),
    )
    if (changed.length > 0) throw paramsChanged(runId, changed)
    return announced
  }
  await db.write(work, { tells: (announced) => announced })
}

async function requireLoggedModels(
  trx: Trx,
  projectId: string,
  metrics: readonly MetricPoint[],
): Promise<void> {
  const ids = new Set(metrics.flatMap(({ loggedModelId }) => loggedModelId ?? []))
  const [unknown] = await listUnknownLoggedModels(trx, projectId, [...ids])
  if (unknown === undefined) return
  const message = `Logged model with ID '${unknown}' not found.`
  throw new AppError('not_found', message, { details: { loggedModelId: unknown } })
}

/** Sets tags, the last of a key, and what follows from MLflow's own: the name and the parent. */
export async function writeTags(trx: Trx, owner: Owner, tags: readonly Tag[]): Promise<void> {
  const last = lastOfEachKey(tags)
  const name = last.find(({ key }) => key === TAGS.runName)?.value
  const parent = last.find(({ key }) => key === TAGS.parentRunId)?.value
  const change = {
    ...(name !== undefined && { name }),
    ...(parent !== undefined && { parent_run_id: parent }),
  }
  await together(
    upsertTags(trx, owner, last),
    replaceTagWords(trx, owner, last),
    updateRunRow(trx, owner.runId, change),
  )
}

/** False when the run has no such tag. */
export async function removeTag(trx: Trx, runId: string, key: string): Promise<boolean> {
  if (!(await deleteTag(trx, runId, key))) return false
  await deleteTagWords(trx, runId, [key])
  if (key === TAGS.parentRunId) await updateRunRow(trx, runId, { parent_run_id: null })
  return true
}

/** Adds a model to the history that the run keeps in a tag, as MLflow 1 and its R client record what they have logged. */
export async function recordModel(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, runId, model }: Caller & { runId: string; model: Record<string, unknown> },
): Promise<void> {
  requirePermission(actor, 'record', projectId)
  await db.write(async (trx) => {
    const row = await getActiveRun(trx, projectId, runId)
    await requireOwnRun(trx, actor, row)
    const known = historyOf(await findTag(trx, runId, TAGS.modelHistory))
    const value = JSON.stringify([...known, model])
    requireValue('tag', TAGS.modelHistory, value, MAX_HISTORY_LENGTH)
    await upsertTags(trx, ownerOf(row), [{ key: TAGS.modelHistory, value }])
    await audit(trx, { projectId, actor, action: 'tracking.record_model', subject: runId })
    await announce({ clock }, trx, row)
  })
}

function historyOf(tag: string | undefined): unknown[] {
  try {
    const history: unknown = JSON.parse(tag ?? '[]')
    if (Array.isArray(history)) return history
  } catch {
    // told below
  }
  throw new AppError('invalid', `The tag ${TAGS.modelHistory} of this run holds no list of models`)
}

/** Throws `not_found` when the run has no such tag. */
export async function deleteRunTag(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  { projectId, actor, runId, key }: Caller & { runId: string; key: string },
): Promise<void> {
  requirePermission(actor, 'record', projectId)
  await db.write(async (trx) => {
    const row = await getActiveRun(trx, projectId, runId)
    await requireOwnRun(trx, actor, row)
    if (!(await removeTag(trx, runId, key)))
      throw new AppError('not_found', `No tag with name: ${key} in run with id ${runId}`, {
        details: { key },
      })
    await audit(trx, { projectId, actor, action: 'tracking.untag_run', subject: runId, detail: { key } })
    await announce({ clock }, trx, row)
  })
}

/** Records which datasets and logged models a run used or made. */
export async function logInputs(
  { db, clock, ids }: Pick<Context, 'db' | 'clock' | 'ids'>,
  input: Caller & { runId: string; datasets?: readonly DatasetUse[]; models?: readonly ModelUse[] },
): Promise<void> {
  const { projectId, actor, runId, datasets = [], models = [] } = input
  requirePermission(actor, 'record', projectId)
  const nowMs = clock.now()
  await db.write(async (trx) => {
    const row = await getActiveRun(trx, projectId, runId)
    await requireOwnRun(trx, actor, row)
    for (const dataset of datasets)
      await insertDatasetUse(trx, { ...ownerOf(row), id: ids.uuid(), nowMs, dataset })
    await insertModelUses(trx, { runId, projectId, nowMs }, models)
    const detail = {
      datasets: datasets.map(({ name }) => name),
      models: models.map((use) => use.loggedModelId),
    }
    await audit(trx, { projectId, actor, action: 'tracking.log_inputs', subject: runId, detail })
    await announce({ clock }, trx, row)
  })
}

function requireValid({
  metrics,
  params,
  tags,
}: {
  metrics: readonly MetricPoint[]
  params: readonly Param[]
  tags: readonly Tag[]
}): void {
  for (const [what, items] of Object.entries({ metrics, params, tags })) {
    const limit = BATCH_LIMITS[what as keyof typeof BATCH_LIMITS]
    if (items.length > limit)
      throw new AppError(
        'invalid',
        `A batch logging request can contain at most ${limit} ${what}, not ${items.length}`,
      )
  }
  for (const metric of metrics) requireMetric(metric)
  for (const { key, value } of params) requireValue('param', key, value, MAX_PARAM_LENGTH)
  requireUniqueKeys(params)
  for (const tag of tags) requireTag(tag)
}

export function requireTag({ key, value }: Tag): void {
  requireValue('tag', key, value, MAX_TAG_LENGTH)
}

function requireMetric({ key, timestampMs, step }: MetricPoint): void {
  requireKey(key, 'metric')
  if (!Number.isSafeInteger(timestampMs) || timestampMs < 0)
    throw new AppError(
      'invalid',
      `The timestamp of metric ${key} must be milliseconds since the epoch, not ${timestampMs}`,
    )
  if (!Number.isSafeInteger(step))
    throw new AppError('invalid', `The step of metric ${key} must be an integer, not ${step}`)
}

function requireValue(what: 'param' | 'tag', key: string, value: string, maxLength: number): void {
  requireKey(key, what)
  if (value.length > maxLength)
    throw new AppError(
      'invalid',
      `The value of ${what} ${key} may have ${maxLength} characters; this has ${value.length}`,
    )
}

function requireUniqueKeys(params: readonly Param[]): void {
  const keys = new Set<string>()
  for (const { key } of params) {
    if (keys.has(key))
      throw new AppError('invalid', `Duplicate parameter keys have been submitted: ['${key}']`)
    keys.add(key)
  }
}

function paramsChanged(
  runId: string,
  changed: { key: string; oldValue: string; newValue: string }[],
): AppError {
  const { key, oldValue, newValue } = changed[0]!
  return new AppError(
    'invalid',
    `Changing param values is not allowed. Param with key='${key}' was already logged with value='${oldValue}' for run ID='${runId}'. Attempted logging new value '${newValue}'.`,
    { details: { changed } },
  )
}
