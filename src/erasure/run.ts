import { eraseRows, type KeyPlace } from '../redaction/erase-rows.ts'
import { listRedactedVersions } from '../redaction/redaction.ts'
import { listDatasetVersionUses as benchmarkUses } from '../benchmarks/benchmarks.ts'
import { eraseOnline, viewsWithKey } from '../materialization/materialization.ts'
import type { Context } from '../http/context.ts'
import { fence, type Job } from '../jobs/jobs.ts'
import { AppError } from '../kernel/errors.ts'
import { canonicalJson } from '../kernel/json.ts'
import { unseal } from '../kernel/sealing.ts'
import { eraseLabels } from '../monitoring/monitoring.ts'
import { listDatasetVersionUses as pipelineUses } from '../pipelines/pipelines.ts'
import { addErasedRows, heldKeys, keyedHash, noteErasedRows } from '../privacy/privacy.ts'
import { listDatasetVersionUses as registryUses } from '../registry/registry.ts'
import { eraseFromLog, findFeedback, findPredictions } from '../prediction-log/prediction-log.ts'
import { findDesiredState } from '../serving/serving.ts'
import { eraseExamples } from '../skew/skew.ts'
import { findErasure, moveErasure } from './store.ts'
import type { ErasureRow } from './tables.ts'

interface Person {
  projectId: string
  entity: string
  column: string
  /** The key as it came, and as each key that this process has hashes it. */
  values: readonly string[]
}

/** How often the log is looked through: a segment may be rolled while its rows are taken out. */
const LOOKS = 5

/**
 * Carries an erasure out. Every place is changed in transactions that leave it as it was or done, and count what they removed; after a
 * crash the next attempt finds what is left. The order matters: feedback is found by predictions, and online values are computed from
 * datasets.
 */
export async function runErasure(context: Context, job: Job, erasureId: string): Promise<void> {
  const row = await findErasure(context.db.read, job.projectId, erasureId)
  if (!row) throw new AppError('not_found', `There is no erasure ${erasureId}`)
  if (row.state !== 'waiting') return
  const person = personOf(context, row)
  if (row.dry_run === 1) return await count(context, job, row, person)
  await eraseRows(context, { ...person, erasureId, dryRun: false })
  await eraseOnlineValues(context, erasureId, person)
  await eraseLog(context, erasureId, person)
  const derived = await derivedFrom(context, await listRedactedVersions(context.db.read, erasureId))
  await context.db.write(async (trx) => {
    await fence(trx, job)
    const change = {
      state: 'purging' as const,
      sealed_key: null,
      derived_json: canonicalJson(derived),
      error: null,
    }
    await moveErasure(trx, { id: erasureId, from: 'waiting', change })
  })
}

function personOf({ config }: Pick<Context, 'config'>, row: ErasureRow): Person {
  const held = heldKeys(config, row.project_id)
  const own = held.find(({ id }) => id === row.key_id)
  if (!own || row.sealed_key === null) {
    throw new AppError(
      'unavailable',
      `This worker does not have the privacy key ${row.key_id}: give it TIDEMILL_PRIVACY_KEY`,
    )
  }
  const key = unseal(own.bytes, row.sealed_key)
  return {
    projectId: row.project_id,
    entity: row.entity,
    column: row.key_column,
    values: [key, ...held.map((each) => keyedHash(each, key))],
  }
}

async function eraseOnlineValues(context: Context, erasureId: string, person: Person): Promise<void> {
  const { projectId } = person
  const found = await viewsWithKey(context, person)
  // The store shares no transaction: counted before, and once.
  await context.db.write(async (trx) => {
    for (const { name, view, keys } of found)
      await noteErasedRows(trx, {
        erasure_id: erasureId,
        project_id: projectId,
        place: 'online values',
        name: `${name} ${view.slice(-8)}`,
        rows: keys,
      })
  })
  await eraseOnline(context, person)
}

/** A person out of the prediction log, and out of what was counted and joined of it. */
export async function eraseLog(context: Context, erasureId: string, person: Person): Promise<void> {
  const { projectId, column, values } = person
  const others = await deploymentsOfOthers(context, person)
  for (let look = 1; ; look++) {
    const predictions = await findPredictions(context, { projectId, column, values, others })
    const predictionIds = predictions.map(({ predictionId }) => predictionId)
    const about = { projectId, erasureId, predictions, values, others }
    await eraseLabels(context, about)
    await eraseExamples(context, { projectId, erasureId, predictionIds, column, values })
    if (predictions.length === 0) return
    await eraseFromLog(context, { ...about, column })
    // A join that had read them may have ended in between.
    await eraseLabels(context, about)
    if (look === LOOKS)
      throw new AppError('conflict', 'The prediction log changes all the time; it will be tried again')
  }
}

/** Deployments that are known to be about another entity. */
async function deploymentsOfOthers(
  { db }: Pick<Context, 'db'>,
  { projectId, entity }: Person,
): Promise<string[]> {
  const deployments = (await findDesiredState(db.read))?.deployments ?? []
  return deployments
    .filter((deployment) => deployment.projectId === projectId)
    .filter(({ entity: own, stable }) => {
      const about = own?.name ?? stable.featureService?.entities[0]?.name
      return about !== undefined && about !== entity
    })
    .map(({ name }) => name)
}

/** What has read the versions and can't be written anew. */
async function derivedFrom({ db }: Pick<Context, 'db'>, versions: readonly string[]): Promise<string[]> {
  if (versions.length === 0) return []
  const uses = []
  for (const usesOf of [registryUses, pipelineUses, benchmarkUses])
    uses.push(...(await usesOf(db.read, versions)))
  return [...new Set(uses.map(({ what }) => what))].sort()
}

async function count(context: Context, job: Job, row: ErasureRow, person: Person): Promise<void> {
  const { projectId, column, values } = person
  const places: KeyPlace[] = await eraseRows(context, { ...person, erasureId: row.id, dryRun: true })
  for (const { name, view, keys } of await viewsWithKey(context, person))
    places.push({ place: 'online values', name: `${name} ${view.slice(-8)}`, rows: keys })
  const others = await deploymentsOfOthers(context, person)
  const predictions = await findPredictions(context, { projectId, column, values, others })
  const feedback = [...(await findFeedback(context, projectId, predictions)).values()]
  places.push({ place: 'predictions', name: 'log', rows: predictions.length })
  places.push({ place: 'feedback', name: 'log', rows: feedback.reduce((sum, rows) => sum + rows, 0) })
  await context.db.write(async (trx) => {
    await fence(trx, job)
    const change = { state: 'counted' as const, sealed_key: null, finished_ms: context.clock.now() }
    if (!(await moveErasure(trx, { id: row.id, from: 'waiting', change }))) return
    for (const { place, name, rows } of places)
      if (rows > 0) await addErasedRows(trx, { erasure_id: row.id, project_id: projectId, place, name, rows })
  })
}
