import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { enqueue } from '../jobs/jobs.ts'
import { requirePermission, type Actor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { canonicalJson, hashJson } from '../kernel/json.ts'
import { protectingPolicies } from '../privacy/definition.ts'
import type { DatasetDefinition } from './definition.ts'
import type { Dataset, DatasetVersion, ValidationReport } from './schema.ts'
import type { FailingRow } from '../expectations/schema.ts'
import {
  findDataset,
  findReport,
  listDeclaredDatasets,
  listVersionRows,
  updateUndeclared,
  upsertDataset,
} from './store.ts'
import { listWaiting } from './store-sources.ts'

export { eraseRows, type KeyPlace } from './erase-rows.ts'
export { foldResults } from './check-history.ts'
export { ingest } from './ingest.ts'
export { reportSubject, type ReportSubject } from './report-subject.ts'
export { listRedactedVersions } from './store-erasure.ts'
export { lockDatasets } from './store-retention.ts'
export { pushRows } from './push.ts'
export { deleteOutdatedVersions, listOutdatedVersions, type OutdatedVersion } from './retention.ts'
export { holdVersion } from './store-retention.ts'
export { listDatasets, listPersonal, referencedBlobs } from './store.ts'
export { lineage } from './store-lineage.ts'
export {
  compareVersions,
  getVersion,
  latestVersion,
  loadManifest,
  resolveReadable,
  resolveVersion,
  versionScan,
  versionSummary,
} from './versions.ts'

/**
 * Makes the datasets of a project version the project's datasets. Those it does not name keep their versions and are
 * no longer probed. A dataset whose source or expectations changed reads the files it had set aside again.
 */
export async function declareDatasets(
  { db, clock, ids }: Pick<Context, 'db' | 'clock' | 'ids'>,
  input: { projectId: string; actor: Actor; directory: string; datasets: readonly DatasetDefinition[] },
): Promise<void> {
  const { projectId, actor, directory, datasets } = input
  requirePermission(actor, 'contribute', projectId)
  await db.write(async (trx) => {
    await updateUndeclared(
      trx,
      projectId,
      datasets.map(({ name }) => name),
    )
    for (const definition of datasets) {
      const { source, expect, time } = definition
      const personal = protectingPolicies(definition.personal)
      await upsertDataset(trx, {
        id: ids.uuid(),
        project_id: projectId,
        name: definition.name,
        definition_json: canonicalJson(definition),
        definition_hash: hashJson({ source, expect, time, personal }),
        directory,
        declared: 1,
        created_ms: clock.now(),
        updated_ms: clock.now(),
      })
    }
    const names = datasets.map(({ name }) => name)
    await audit(trx, { projectId, actor, action: 'data.declare', subject: 'datasets', detail: { names } })
  })
}

export async function getDataset(
  { db }: Pick<Context, 'db'>,
  { projectId, name }: { projectId: string; name: string },
): Promise<Dataset> {
  const dataset = await findDataset(db.read, projectId, name)
  if (!dataset) throw new AppError('not_found', `There is no dataset ${name}`)
  return dataset
}

/** Versions of a dataset, newest first. `below` continues after that version number. */
export async function listVersions(
  context: Pick<Context, 'db'>,
  input: { projectId: string; dataset: string; limit: number; below?: number | undefined },
): Promise<DatasetVersion[]> {
  const dataset = await getDataset(context, { projectId: input.projectId, name: input.dataset })
  return await listVersionRows(context.db.read, dataset.id, input)
}

export async function getReport(
  { db }: Pick<Context, 'db'>,
  { projectId, id }: { projectId: string; id: string },
): Promise<ValidationReport> {
  const report = await findReport(db.read, projectId, id)
  if (!report) throw new AppError('not_found', `There is no validation report ${id}`)
  return report
}

/** The rows that failed, at most 1,000, their values as text. */
export async function failingRows(
  { artifacts }: Pick<Context, 'artifacts'>,
  report: Pick<ValidationReport, 'failingRowsSha256'>,
): Promise<FailingRow[]> {
  if (report.failingRowsSha256 === null) return []
  const bytes = await artifacts.bytes(report.failingRowsSha256)
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as FailingRow[]
}

/** Asks a worker to look at a dataset's source now. Returns the job's id. */
export async function requestIngest(
  context: Pick<Context, 'db'>,
  { projectId, actor, dataset: name }: { projectId: string; actor: Actor; dataset: string },
): Promise<string> {
  requirePermission(actor, 'contribute', projectId)
  await getDataset(context, { projectId, name })
  return await context.db.write(async (trx) => {
    const { id, name: called, kind } = actor
    const job = await enqueue(trx, {
      projectId,
      kind: 'data.probe',
      payload: { dataset: name, requestedBy: { id, name: called, kind } },
    })
    await audit(trx, { projectId, actor, action: 'data.request_ingest', subject: name })
    return job!
  })
}

/** Enqueues a probe for each dataset whose interval has begun anew; any number of processes may call it. */
export async function enqueueDueProbes({ db }: Pick<Context, 'db'>): Promise<number> {
  const datasets = (await listDeclaredDatasets(db.read)).filter(
    ({ definition }) => definition.probeEveryMs !== undefined,
  )
  if (datasets.length === 0) return 0
  const now = await db.wallTime()
  const waiting = await listWaiting(
    db.read,
    datasets.map(({ id }) => id),
    now,
  )
  return await db.write(async (trx) => {
    let enqueued = 0
    for (const { id, projectId, name, definition } of datasets) {
      if (waiting.has(id)) continue
      const tick = Math.floor(now / definition.probeEveryMs!)
      const uniqueKey = `data.probe:${id}:${definition.probeEveryMs}:${tick}`
      const job = await enqueue(trx, { projectId, kind: 'data.probe', payload: { dataset: name }, uniqueKey })
      if (job !== undefined) enqueued += 1
    }
    return enqueued
  })
}
