import {
  listDatasets,
  listPartRows,
  listVersionsOldestFirst,
  loadManifest,
  lockDataset,
  updatePart,
  updateRedacted,
} from '../data/data.ts'
import type { Dataset } from '../data/schema.ts'
import { AppError } from '../kernel/errors.ts'
import { hashJson } from '../kernel/json.ts'
import { sum } from '../kernel/sum.ts'
import { condemnAtOnce, recordBlob } from '../ports/artifacts/blobs.ts'
import type { Trx } from '../ports/db/db.ts'
import { addErasedRows } from '../privacy/privacy.ts'
import { listPushes, updatePush } from '../pushes/pushes.ts'
import { eraseFromDeliveries, eraseFromReports } from '../reports/reports.ts'
import type { Column } from '../sources/schema.ts'
import { countKeyRows, withoutKeyRows } from './key-rows.ts'
import { rewriteVersions, type EraseContext, type EraseRows, type Work } from './rewrite-versions.ts'
import { insertRedaction } from './store.ts'

/** Where a person's rows are, or were. */
export interface KeyPlace {
  place: string
  name: string
  rows: number
}

const ATTEMPTS = 5

/**
 * Takes the rows of a person out of every version of every dataset that has the column: parts are written anew, versions point to manifests of
 * these, and what was replaced is condemned at once. A dataset is changed in one transaction, so a crash leaves it as it was or
 * done; running again finds what is left. Counted in `erased_rows`; a dry run returns the counts instead.
 */
export async function eraseRows(context: EraseContext, input: EraseRows): Promise<KeyPlace[]> {
  const places: KeyPlace[] = []
  for (const dataset of await listDatasets(context.db.read, input.projectId)) {
    for (let attempt = 1; ; attempt++) {
      const work = await planErasure(context, dataset, input)
      places.push(...(attempt === 1 ? placesOf(dataset, work) : []))
      if (input.dryRun || work.rewritten.length === 0) break
      if (await commitErasure(context, dataset, input, work)) break
      if (attempt === ATTEMPTS)
        throw new AppError('conflict', `${dataset.name} changes all the time; it will be tried again`)
    }
    const failing = await eraseFromReports(context, dataset, input)
    if (failing > 0) places.push({ place: 'failing rows of reports', name: dataset.name, rows: failing })
  }
  return places
}

async function planErasure(context: EraseContext, dataset: Dataset, input: EraseRows): Promise<Work> {
  const { db } = context
  const seen = await standOf(db.read, dataset.id)
  const parts = await listPartRows(db.read, dataset.id)
  const pushes = await listPushes(db.read, dataset.id)
  const inParts = await countKeyRows(context, [...new Set(parts.map(({ sha256 }) => sha256))], input)
  const inPushes = await countKeyRows(context, [...new Set(pushes.map(({ sha256 }) => sha256))], input)
  const time = dataset.definition.time ?? null
  const work: Work = {
    rewritten: [],
    versions: [],
    seen,
    blobs: [],
    replaced: [],
    partRows: total(inParts),
    pushedRows: total(inPushes),
  }
  const guilty = new Set([...inParts.keys(), ...inPushes.keys()])
  if (input.dryRun) return { ...work, versions: await countVersions(context, dataset, inParts) }
  for (const sha256 of guilty) {
    const part = await withoutKeyRows(context, sha256, { ...input, time })
    work.rewritten.push(part)
    work.blobs.push(part)
    work.replaced.push(sha256)
  }
  if (guilty.size === 0) return work
  const columns = new Map(parts.map((row) => [row.sha256, JSON.parse(row.schema_json) as Column[]]))
  await rewriteVersions(context, dataset, input, { work, columns })
  return work
}

/** In a dry run: how many of its rows each version would lose. */
async function countVersions(
  context: EraseContext,
  { id }: Dataset,
  inParts: ReadonlyMap<string, number>,
): Promise<Work['versions']> {
  const versions: Work['versions'] = []
  for (const before of await listVersionsOldestFirst(context.db.read, id)) {
    if (before.deleted_ms !== null) continue
    const { parts } = await loadManifest(context, { manifestSha256: before.manifest_sha256 })
    const removedRows = sum(parts.map(({ sha256 }) => inParts.get(sha256) ?? 0))
    versions.push({ before, after: {}, removedRows })
  }
  return versions
}

/** False when the dataset has changed since it was planned. */
async function commitErasure(
  { db, clock }: EraseContext,
  dataset: Dataset,
  input: EraseRows,
  work: Work,
): Promise<boolean> {
  const { erasureId, projectId } = input
  return await db.write(async (trx) => {
    await lockDataset(trx, dataset.id)
    if ((await standOf(trx, dataset.id)) !== work.seen) return false
    const nowMs = clock.now()
    for (const blob of work.blobs) await recordBlob(trx, { projectId, blob, nowMs })
    for (const after of work.rewritten) {
      const change = { datasetId: dataset.id, before: after.before, after }
      await updatePart(trx, change)
      await updatePush(trx, change)
    }
    for (const { before, after, removedRows } of work.versions) {
      await updateRedacted(trx, before.id, after)
      await insertRedaction(trx, {
        version_id: before.id,
        erasure_id: erasureId,
        project_id: projectId,
        manifest_sha256: before.manifest_sha256,
        content_hash: before.content_hash,
        rows: before.rows,
        removed_rows: removedRows,
        created_ms: nowMs,
      })
    }
    const touched = work.versions.filter(({ removedRows: removed }) => removed > 0)
    await eraseFromDeliveries(trx, dataset, {
      ...input,
      versions: new Set(touched.map(({ before }) => before.number)),
    })
    const kept = new Set(work.blobs.map(({ sha256 }) => sha256))
    await condemnAtOnce(
      trx,
      work.replaced.filter((sha256) => !kept.has(sha256)),
    )
    for (const { place, name, rows } of placesOf(dataset, work))
      await addErasedRows(trx, { erasure_id: erasureId, project_id: projectId, place, name, rows })
    return true
  })
}

/** What an erasure read of a dataset, as one text to compare. */
async function standOf(at: EraseContext['db']['read'] | Trx, datasetId: string): Promise<string> {
  const versions = await listVersionsOldestFirst(at, datasetId)
  const parts = await listPartRows(at, datasetId)
  const pushes = await listPushes(at, datasetId)
  return hashJson([
    versions.map(({ id, manifest_sha256, summary_sha256, deleted_ms }) => [
      id,
      manifest_sha256,
      summary_sha256,
      deleted_ms,
    ]),
    [...parts.map(({ sha256 }) => sha256), ...pushes.map(({ sha256 }) => sha256)].sort(),
  ])
}

function placesOf({ name }: Dataset, work: Work): KeyPlace[] {
  const places = [
    { place: 'dataset parts', name, rows: work.partRows },
    { place: 'pushed rows', name, rows: work.pushedRows },
    ...work.versions.map(({ before, removedRows }) => ({
      place: 'dataset versions',
      name: `${name}@${before.number}`,
      rows: removedRows,
    })),
  ]
  return places.filter(({ rows }) => rows > 0)
}

function total(counts: ReadonlyMap<string, number>): number {
  return sum([...counts.values()])
}
