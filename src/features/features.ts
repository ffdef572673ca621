import { listDatasets } from '../data/data.ts'
import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { areDone } from '../jobs/jobs.ts'
import { requirePermission, type Actor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { unknownName } from '../kernel/unknown-name.ts'
import { canonicalJson } from '../kernel/json.ts'
import { aboutOf, aboutOfService, type About } from './about.ts'
import type { OnlineStats, OnlineStore } from '../ports/online/online.ts'
import { resolveService, resolveView, type FeatureDefinitions } from './definition.ts'
import { isKept } from './materialize.ts'
import { enqueueMaterialize } from './materialize-request.ts'
import { isRetired } from './store-retired.ts'
import { onlineView, type FeatureServiceSpec, type ViewSpec } from './schema.ts'
import {
  findMaterialization,
  findView,
  listDefinitions,
  listDueViews,
  listLiveViews,
  listMaterializedViews,
  replaceDefinitions,
  updateNoCurrentViews,
  upsertCurrentView,
} from './store.ts'
import type { FeatureDefinitionRow } from './tables.ts'

export { entityKeyColumn, eraseOnline, viewsWithKey } from './erase-key.ts'
export { materialize } from './materialize.ts'
export { loadOnDemand, type LoadedOnDemand } from './on-demand.ts'
export { onlineReader, viewFeatures, type EntityColumns, type OnlineColumn } from './online.ts'
export { entryKinds, listEntries, type FeatureEntry } from './entries.ts'
export { functionSource } from './function-source.ts'
export { searchEntries } from './search.ts'
export { retireViews, reviveViews } from './retire.ts'
export { listProjectsWithOldViews } from './store-retired.ts'
export { preparePush, pushOnline, type PreparedPush, type PushedColumns } from './push.ts'
export { listServedFeatures } from './served.ts'
export { listDatasetVersionUses } from './store.ts'
export { requireNoLeaks } from './known-in-time.ts'
export { lineage } from './store-lineage.ts'
export { FeatureCatalogue, type FeatureSelection, type VectorColumn, type VectorPlan } from './vectors.ts'
export { buildTrainingSet, planTrainingSet, trainingSet, type TrainingSetPlan } from './training-set.ts'
export { listMaterializationStates, type MaterializationState } from './store-history.ts'

/**
 * Makes the feature definitions of a project version the project's. Values of a view whose definition is new are
 * computed soon; an earlier definition is kept up to date for the models that use it until `retireViews`.
 * Throws `invalid` when a definition names something that is not there.
 */
export async function declareFeatures(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  input: {
    projectId: string
    actor: Actor
    definitions: FeatureDefinitions
    /** The code snapshot with the modules of on-demand features and of views by row functions. */
    snapshot?: string
  },
): Promise<void> {
  const { projectId, actor, definitions, snapshot } = input
  requirePermission(actor, 'maintain', projectId)
  const datasets = (await listDatasets(db.read, projectId)).map(({ definition }) => definition)
  const views = definitions.views.map((view) => resolveView(view, definitions.entities, datasets))
  const services = definitions.services.map((service) => resolveService(service, definitions, datasets))
  const row = (
    kind: FeatureDefinitionRow['kind'],
    definition: { name: string },
    about: About,
  ): FeatureDefinitionRow => ({
    project_id: projectId,
    kind,
    name: definition.name,
    definition_json: canonicalJson(definition),
    about_json: canonicalJson(aboutOf(about)),
    code_snapshot: kind === 'on_demand' ? (snapshot ?? null) : null,
    created_ms: clock.now(),
  })
  await db.write(async (trx) => {
    await replaceDefinitions(trx, projectId, [
      ...definitions.entities.map((each) => row('entity', each, each)),
      ...definitions.views.map((each) => row('view', each, each)),
      ...definitions.onDemand.map((each) => row('on_demand', each, each)),
      ...services.map((each, index) => row('service', each, aboutOfService(definitions.services[index]!))),
    ])
    await updateNoCurrentViews(trx, projectId)
    for (const spec of views) {
      const wasRetired = await isRetired(trx, projectId, spec)
      const known = await findView(trx, projectId, spec.view, spec.definitionHash)
      await upsertCurrentView(trx, {
        project_id: projectId,
        name: spec.view,
        definition_hash: spec.definitionHash,
        spec_json: canonicalJson(spec),
        current: 1,
        retired: 0,
        code_snapshot: spec.row ? (snapshot ?? null) : null,
        created_ms: clock.now(),
      })
      // One that was retired has no values any more.
      if (!known || wasRetired) await enqueueMaterialize(trx, { projectId, spec })
    }
    const names = [...views.map(({ view }) => view), ...services.map(({ name }) => name)]
    await audit(trx, { projectId, actor, action: 'features.declare', subject: 'features', detail: { names } })
  })
}

/**
 * Asks for views whose data have more to give as time passes: events that were in the future. Any number of processes
 * may call it, again and again; a view is asked for once for each such event, at most every ten seconds of domain time.
 */
export async function enqueueDueMaterializations({
  db,
  clock,
}: Pick<Context, 'db' | 'clock'>): Promise<number> {
  const due = await listDueViews(db.read, clock.now())
  if (due.length === 0) return 0
  return await db.write(async (trx) => {
    let enqueued = 0
    for (const { projectId, spec, nextEventMs } of due) {
      const job = await enqueueMaterialize(trx, { projectId, spec, cause: `due:${nextEventMs}` })
      if (job !== undefined) enqueued += 1
    }
    return enqueued
  })
}

const LOST_AGAIN_MS = 600_000

/**
 * Asks for views whose values the online store does not have: it is another one, or has lost its data. Any number of
 * processes may call it; a view is asked for at most every ten minutes. Does nothing while the store is away.
 */
export async function enqueueLostViews({ db, online }: Pick<Context, 'db' | 'online'>): Promise<number> {
  const views = await listMaterializedViews(db.read)
  const names = views.map(({ projectId, spec }) => onlineView(projectId, spec))
  const marks = await online.marks(names).catch(ignoreUnavailable)
  const lost = views.filter(
    ({ onlineMark }, index) => marks !== undefined && !isKept(marks[index]!, onlineMark),
  )
  if (lost.length === 0) return 0
  const period = Math.floor((await db.wallTime()) / LOST_AGAIN_MS)
  return await db.write(async (trx) => {
    let enqueued = 0
    for (const { projectId, spec, onlineMark } of lost) {
      const job = await enqueueMaterialize(trx, { projectId, spec, cause: `lost:${onlineMark}:${period}` })
      if (job !== undefined) enqueued += 1
    }
    return enqueued
  })
}

function ignoreUnavailable(error: unknown): undefined {
  if (error instanceof AppError && error.code === 'unavailable') return undefined
  throw error
}

/** The complete specification of a feature service as the project declares it now. */
export async function getService(
  { db }: Pick<Context, 'db'>,
  { projectId, name }: { projectId: string; name: string },
): Promise<FeatureServiceSpec> {
  const rows = await listDefinitions(db.read, projectId, 'service')
  const row = rows.find((each) => each.name === name)
  if (!row) {
    const names = rows.map((each) => each.name)
    throw unknownName('feature service', name, names)
  }
  return JSON.parse(row.definition_json) as FeatureServiceSpec
}

/**
 * Asks for every live definition of these views, or of all, to be brought up to the present: with `fromMs` the rows from then on are
 * computed and written again, with `complete` all are computed anew from the dataset. Returns their names and the ids of the jobs. Throws `not_found` for a view that is not there.
 */
export async function requestMaterialize(
  { db }: Pick<Context, 'db'>,
  input: {
    projectId: string
    actor: Actor
    views?: readonly string[] | undefined
    complete?: boolean
    fromMs?: number | undefined
  },
): Promise<{ views: string[]; jobIds: string[] }> {
  const { projectId, actor, views, complete = false, fromMs } = input
  requirePermission(actor, 'contribute', projectId)
  const live = await listLiveViews(db.read, { projectId })
  const wanted = [...new Set(views ?? live.map(({ spec }) => spec.view))]
  const missing = wanted.find((name) => !live.some(({ spec }) => spec.view === name))
  if (missing !== undefined) {
    const names = live.map(({ spec }) => spec.view)
    throw unknownName('feature view', missing, names, { featureView: missing })
  }
  const action = complete ? 'features.request_rebuild' : 'features.request_materialize'
  return await db.write(async (trx) => {
    const jobIds: string[] = []
    for (const { spec } of live.filter(({ spec }) => wanted.includes(spec.view)))
      jobIds.push((await enqueueMaterialize(trx, { projectId, spec, complete, fromMs }))!)
    for (const subject of wanted) await audit(trx, { projectId, actor, action, subject })
    return { views: wanted, jobIds }
  })
}

/**
 * As `requestMaterialize`, and waits until workers have done it. `done` is false when they had not in the time given: the
 * work goes on then. Throws the error of work that has failed.
 */
export async function materializeViews(
  context: Pick<Context, 'db'>,
  { waitMs, ...request }: Parameters<typeof requestMaterialize>[1] & { waitMs: number },
): Promise<{ views: string[]; done: boolean }> {
  const { views, jobIds } = await requestMaterialize(context, request)
  return { views, done: await areDone(context, jobIds, waitMs) }
}

export interface ViewFreshness {
  view: ViewSpec
  current: boolean
  /** Domain time up to which the online store holds the view's values; null before the first time. */
  materializedUntilMs: number | null
  newestEventMs: number | null
  /** Age of the newest value. */
  ageMs: number | null
  /** Keys that have a value, and how many of them are older than the ttl. */
  keys: number
  staleKeys: number
  stale: boolean
  /** False while the online store is away: then the newest event is that of the last materialization, and keys are not counted. */
  storeAnswers: boolean
}

/** How fresh the online values of each view are at this moment of domain time. */
export async function listFreshness(
  { db, online, clock }: Pick<Context, 'db' | 'online' | 'clock'>,
  { projectId }: { projectId: string },
): Promise<ViewFreshness[]> {
  const views = await listLiveViews(db.read, { projectId })
  return await Promise.all(
    views.map(async ({ spec, current }) => {
      const state = await findMaterialization(db.read, projectId, spec)
      const stats = await statsOf(online, onlineView(projectId, spec), clock.now() - spec.ttlMs)
      const { keys, older } = stats ?? { keys: 0, older: 0 }
      const newestMs = stats ? stats.newestMs : (state?.newest_event_ms ?? null)
      const ageMs = newestMs === null ? null : clock.now() - newestMs
      return {
        view: spec,
        current,
        materializedUntilMs: state?.cursor_ms ?? null,
        newestEventMs: newestMs,
        ageMs,
        keys,
        staleKeys: older,
        stale: ageMs === null || ageMs > spec.ttlMs || stats === undefined,
        storeAnswers: stats !== undefined,
      }
    }),
  )
}

/** Undefined while the store is away. */
async function statsOf(
  online: OnlineStore,
  view: string,
  beforeMs: number,
): Promise<OnlineStats | undefined> {
  try {
    return await online.stats(view, beforeMs)
  } catch (error) {
    return ignoreUnavailable(error)
  }
}
