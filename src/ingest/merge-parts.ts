import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { byTime, extentOfParts, type DatasetPartRow } from '../data/data.ts'
import type { Part } from '../data/schema.ts'
import { canonicalJson, hashJson } from '../kernel/json.ts'
import { parquetFormat, parquetScan, quoteIdentifier, quoteLiteral } from '../ports/analytics/analytics.ts'
import { mergeSchemas } from '../sources/sources.ts'
import type { Column } from '../sources/schema.ts'
import type { IngestContext, IngestPlan } from './plan.ts'

/** So many parts become one that has about so many times their rows. */
const TOGETHER = 16
/** Larger ones stay as they are. */
const SMALL_BYTES = 16_000_000
/** What one ingest merges at most, so that a heap of small parts delays no rows for long. */
const MOST_MERGES = 8

/** Parts of the version before that are one part from now on. */
export interface MergedPart {
  part: Part
  columns: Column[]
  of: IngestPlan['kept']
}

/**
 * Makes one part of 16 small ones of about the same number of rows that follow each other in time, of a dataset whose source adds to what there is: it
 * would have one more small part with each version for ever. The rows stay the same, and so do earlier versions. As a part grows 16 times with each merge, a
 * row is written again a handful of times at most (O'Neil et al., The log-structured merge-tree, 1996). Equal parts give equal bytes.
 */
export async function mergeSmallParts(
  { artifacts, analytics }: Pick<IngestContext, 'artifacts' | 'analytics'>,
  { kept, source }: Pick<IngestPlan, 'kept' | 'source'>,
): Promise<MergedPart[]> {
  const groups = source.isIncrement ? groupsOf(kept).slice(0, MOST_MERGES) : []
  if (groups.length === 0) return []
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-merge-'))
  try {
    await using session = await analytics.session({ threads: 1 })
    const merged: MergedPart[] = []
    for (const [index, of] of groups.entries()) {
      const columns = mergeSchemas(of.map((each) => each.columns))
      const select = columns.map(
        ({ name, type }) => `CAST(${quoteIdentifier(name)} AS ${type}) AS ${quoteIdentifier(name)}`,
      )
      const paths = await Promise.all(of.map(({ part }) => artifacts.localPath(part.sha256)))
      const target = join(folder, `${index}.parquet`)
      await session.execute(
        `COPY (SELECT ${select.join(', ')} FROM ${parquetScan(paths)}) TO ${quoteLiteral(target)} (${parquetFormat})`,
      )
      const blob = await artifacts.putFile(target)
      await rm(target, { force: true })
      merged.push({ part: { ...blob, ...factsOf(of.map(({ part }) => part)) }, columns, of })
    }
    return merged
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The parts of the next version. */
export function withMerged(kept: IngestPlan['kept'], merged: readonly MergedPart[]): IngestPlan['kept'] {
  const gone = new Set(merged.flatMap(({ of }) => of))
  return [...kept.filter((each) => !gone.has(each)), ...merged]
}

/** How the room `data` keeps it. */
export function toPartRow(
  { part, columns }: MergedPart,
  { dataset }: Pick<IngestPlan, 'dataset'>,
  createdMs: number,
): DatasetPartRow {
  return {
    project_id: dataset.projectId,
    dataset_id: dataset.id,
    source_sha256: part.source.sha256,
    reading: 'merged',
    sha256: part.sha256,
    size_bytes: part.sizeBytes,
    rows: part.rows,
    min_time_ms: part.minTimeMs,
    max_time_ms: part.maxTimeMs,
    schema_json: canonicalJson(columns),
    created_ms: createdMs,
  }
}

function groupsOf(kept: IngestPlan['kept']): IngestPlan['kept'][] {
  const small = kept.filter(({ part }) => part.sizeBytes < SMALL_BYTES)
  const ordered = small.sort((a, b) => byTime(a.part, b.part))
  const classes = Map.groupBy(ordered, ({ part }) =>
    Math.floor(Math.log(Math.max(1, part.rows)) / Math.log(TOGETHER)),
  )
  return [...classes.values()].flatMap((alike) => {
    const groups = Math.floor(alike.length / TOGETHER)
    return Array.from({ length: groups }, (_, group) => alike.slice(group * TOGETHER, (group + 1) * TOGETHER))
  })
}

function factsOf(parts: readonly Part[]): Omit<Part, 'sha256' | 'sizeBytes'> {
  const [first, last] = [parts[0]!, parts.at(-1)!]
  return {
    ...extentOfParts(parts),
    source: {
      path: `${parts.length} parts from ${first.source.path} to ${last.source.path}`,
      sha256: hashJson(parts.map(({ sha256, source }) => [source.sha256, sha256])),
    },
  }
}
