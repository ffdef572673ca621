import {
  byTime,
  factsOfParts,
  listVersionsOldestFirst,
  loadManifest,
  loadSummaryState,
  partsOnlyIn,
  unmergeParts,
  type DatasetVersionRow,
} from '../data/data.ts'
import type { Dataset, Manifest, Part } from '../data/schema.ts'
import type { Context } from '../http/context.ts'
import { canonicalJson } from '../kernel/json.ts'
import { sum } from '../kernel/sum.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import type { KeyRows } from '../privacy/schema.ts'
import { kindOf, type Column } from '../sources/schema.ts'
import { addUp, mergeSummaries, summariseParts, type SummaryState } from '../summaries/summaries.ts'
import type { RewrittenPart } from './key-rows.ts'

export type EraseContext = Pick<Context, 'db' | 'artifacts' | 'analytics' | 'clock'>

export interface EraseRows extends KeyRows {
  projectId: string
  erasureId: string
  /** Only counts. */
  dryRun: boolean
}

/** What an erasure does with one dataset. */
export interface Work {
  rewritten: RewrittenPart[]
  versions: { before: DatasetVersionRow; after: Partial<DatasetVersionRow>; removedRows: number }[]
  /** What must still be so when this is committed. */
  seen: string
  blobs: StoredBlob[]
  replaced: string[]
  partRows: number
  pushedRows: number
}

/** Versions whose parts are others now, and those after them, whose manifests name the one before by its hash. */
export async function rewriteVersions(
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

function replace(part: Part, by: RewrittenPart | undefined): Part {
  if (!by) return part
  const { sha256, sizeBytes, rows, minTimeMs, maxTimeMs } = by
  return { ...part, sha256, sizeBytes, rows, minTimeMs, maxTimeMs }
}
