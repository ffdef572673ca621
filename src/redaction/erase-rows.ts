import { sum } from '../kernel/sum.ts'
import type { KeyRows } from '../privacy/schema.ts'
import { eraseFromDeliveries, eraseFromReports } from '../reports/reports.ts'
import {
  byTime,
  type DatasetVersionRow,
  factsOfParts,
  listDatasets,
  listPartRows,
  listVersionsOldestFirst,
  loadManifest,
  loadSummaryState,
  lockDataset,
  partsOnlyIn,
  unmergeParts,
  updatePart,
  updateRedacted,
} from '../data/data.ts'
import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import { canonicalJson, hashJson } from '../kernel/json.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { condemnAtOnce, recordBlob } from '../ports/artifacts/blobs.ts'
import type { Trx } from '../ports/db/db.ts'
import { addErasedRows } from '../privacy/privacy.ts'
import { kindOf, type Column } from '../sources/schema.ts'
import { addUp, mergeSummaries, summariseParts, type SummaryState } from '../summaries/summaries.ts'
import { countKeyRows, withoutKeyRows, type RewrittenPart } from './key-rows.ts'
import type { Dataset, Manifest, Part } from '../data/schema.ts'
import { insertRedaction } from './store.ts'
import { listPushes, updatePush } from '../pushes/pushes.ts'

type EraseContext = Pick<Context, 'db' | 'artifacts' | 'analytics' | 'clock'>

export interface EraseRows extends KeyRows {
  projectId: string
  erasureId: string
  /** Only counts. */
  dryRun: boolean
}

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

interface Work {
  rewritten: RewrittenPart[]
  versions: { before: DatasetVersionRow; after: Partial<DatasetVersionRow>; removedRows: number }[]
  /** What must still be so when this is committed. */
  seen: string
  blobs: StoredBlob[]
  replaced: string[]
  partRows: number
  pushedRows: number
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
  if (input.dryRun) {
    work.versions = (await listVersionsOldestFirst(db.read, dataset.id)).map((before) => ({
      before,
      after: {},
      removedRows: 0,
    }))
    await countVersions(context, work, inParts)
    return work
  }
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
  work: Work,
  inParts: ReadonlyMap<string, number>,
): Promise<void> {
  for (const version of work.versions) {
    if (version.before.deleted_ms !== null) continue
    const { parts } = await loadManifest(context, { manifestSha256: version.before.manifest_sha256 })
    version.removedRows = parts.reduce((sum, { sha256 }) => sum + (inParts.get(sha256) ?? 0), 0)
  }
}

/** Versions whose parts are others now, and those after them, whose manifests name the one before by its hash. */
async function rewriteVersions(
  context: EraseContext,
  dataset: Dataset,
  { erasureId, ...key }: EraseRows,
  { work, columns }: { work: Work; columns: ReadonlyMap<string, Column[]> },
): Promise<void> {
  const replacement = new Map(work.rewritten.map((part) => [part.before, part]))
  const manifests = new Map<string, string>()
  let earlier: Summarised | undefined
  for (const before of await listVersionsOldestFirst(context.db.read, dataset.id)) {
    if (before.deleted_ms !== null) {
      await redactKeptSummary(context, before, key, work)
      continue
    }
    const manifest = await loadManifest(context, { manifestSha256: before.manifest_sha256 })
    const parts = manifest.parts.map((part) => replace(part, replacement.get(part.sha256)))
    const removedRows = sum(manifest.parts.map((part) => replacement.get(part.sha256)?.removedRows ?? 0))
    const parent = manifest.parent === null ? null : (manifests.get(manifest.parent) ?? manifest.parent)
    const merged = manifest.merged?.map((each) => ({
      sha256: replacement.get(each.sha256)?.sha256 ?? each.sha256,
      parts: each.parts.map((sha256) => replacement.get(sha256)?.sha256 ?? sha256),
    }))
    const mergedHere = new Set(merged?.map(({ sha256 }) => sha256))
    const came = partsOnlyIn(parts, earlier?.parts ?? []).only.filter(({ sha256 }) => !mergedHere.has(sha256))
    const added = sum(came.map(({ rows }) => rows))
    const isTouched = parts.some((part, index) => part !== manifest.parts[index])
    const previous = earlier
    earlier = { parts, summary: () => loadSummaryState(context, { summarySha256: before.summary_sha256 }) }
    if (!isTouched && parent === manifest.parent) continue
    const redacted = [...(manifest.redacted ?? []), { erasure: erasureId, replaces: before.manifest_sha256 }]
    const after: Manifest = {
      ...manifest,
      parts: [...parts].sort(byTime),
      ...(merged && { merged }),
      parent,
      redacted,
    }
    const blob = await context.artifacts.put(Buffer.from(canonicalJson(after)))
    manifests.set(before.manifest_sha256, blob.sha256)
    work.blobs.push(blob)
    work.replaced.push(before.manifest_sha256)
    let facts: Partial<DatasetVersionRow> = {}
    if (isTouched) {
      const summary = await summaryOf(context, { manifest: after, columns, replacement, earlier: previous })
      earlier = { parts, summary: () => Promise.resolve(summary) }
      facts = await factsOf(context, { manifest: after, summary, before, work })
    }
    work.versions.push({
      before,
      removedRows,
      after: { manifest_sha256: blob.sha256, ...facts, ...(isTouched && { added_rows: added }) },
    })
  }
}

/** A version as it will be. */
interface Summarised {
  parts: readonly Part[]
  summary: () => Promise<SummaryState>
}

/** Adds to the summary of the version before where that is wholly part of this one, so that each part is read once. */
async function summaryOf(
  context: EraseContext,
  input: {
    manifest: Manifest
    columns: ReadonlyMap<string, Column[]>
    replacement: ReadonlyMap<string, RewrittenPart>
    earlier: Summarised | undefined
  },
): Promise<SummaryState> {
  const { manifest, columns, replacement, earlier } = input
  const { parts, schema } = manifest
  const columnsOf = new Map(columns)
  for (const [old, { sha256 }] of replacement) columnsOf.set(sha256, columns.get(old) ?? schema)
  const read = (some: readonly Part[]): Promise<SummaryState> =>
    summariseParts(
      context,
      some.map(({ sha256, sizeBytes }) => ({ sha256, sizeBytes, columns: columnsOf.get(sha256) ?? schema })),
    )
  const before = earlier?.parts ?? []
  const unmerged = unmergeParts(manifest, before)
  if (!earlier || before.length === 0 || partsOnlyIn(before, unmerged).only.length > 0)
    return await read(parts)
  const known = await earlier.summary()
  const rest = partsOnlyIn(unmerged, before).only
  if (rest.length === 0) return known
  const added = await read(rest)
  return addUp(known, added) ? mergeSummaries(known, added) : await read(parts)
}

async function factsOf(
  context: EraseContext,
  input: { manifest: Manifest; summary: SummaryState; before: DatasetVersionRow; work: Work },
): Promise<Partial<DatasetVersionRow>> {
  const { manifest, summary, before, work } = input
  const { parts, schema } = manifest
  const blob = await context.artifacts.put(Buffer.from(canonicalJson(summary)))
  work.blobs.push(blob)
  work.replaced.push(before.summary_sha256)
  const { contentHash, rows, sizeBytes, minTimeMs, maxTimeMs } = factsOfParts(schema, parts)
  return {
    content_hash: contentHash,
    rows,
    size_bytes: sizeBytes,
    min_time_ms: minTimeMs,
    max_time_ms: maxTimeMs,
    summary_sha256: blob.sha256,
  }
}

/** Of a version whose rows are gone the summary is left: the key is taken out of it, and what points at one row. */
async function redactKeptSummary(
  context: EraseContext,
  before: DatasetVersionRow,
  { column, values }: KeyRows,
  work: Work,
): Promise<void> {
  const summary = await loadSummaryState(context, { summarySha256: before.summary_sha256 })
  const known = new Set(values)
  const has = summary.columns.some(
    ({ name, top }) => name === column && top.some(([value]) => known.has(value)),
  )
  if (!has) return
  // What is there once may be this person's too.
  const columns = summary.columns.map((state) => {
    if (kindOf(state.type) !== 'category') return state
    const top = state.top.filter(
      ([value, count]) => count > 1 && !(state.name === column && known.has(value)),
    )
    return { ...state, min: null, max: null, top }
  })
  const after: SummaryState = { ...summary, columns }
  const blob = await context.artifacts.put(Buffer.from(canonicalJson(after)))
  work.blobs.push(blob)
  work.replaced.push(before.summary_sha256)
  work.versions.push({ before, after: { summary_sha256: blob.sha256 }, removedRows: 0 })
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

function replace(part: Part, by: RewrittenPart | undefined): Part {
  if (!by) return part
  const { sha256, sizeBytes, rows, minTimeMs, maxTimeMs } = by
  return { ...part, sha256, sizeBytes, rows, minTimeMs, maxTimeMs }
}

function total(counts: ReadonlyMap<string, number>): number {
  return sum([...counts.values()])
}
