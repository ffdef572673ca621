import {
  type DatasetPartRow,
  findLatestVersion,
  listPartRows,
  loadManifest,
  protectionOfDataset,
} from '../data/data.ts'
import type { Context } from '../http/context.ts'
import { hashJson } from '../kernel/json.ts'
import type { Trx } from '../ports/db/db.ts'
import { type Protection } from '../privacy/privacy.ts'
import type { SourceItem } from '../sources/sources.ts'
import type { Column } from '../sources/schema.ts'
import { lookAt, type Round } from './look.ts'
import type { Dataset, DatasetVersion, Manifest, Part } from '../data/schema.ts'
import { findSource } from './store-sources.ts'
import { listQuarantined } from './store-quarantine.ts'
import type { DatasetSourceRow } from './tables.ts'
import { judgedBy, pinReferences, type References } from './references.ts'

export type IngestContext = Pick<Context, 'config' | 'db' | 'artifacts' | 'analytics' | 'clock' | 'ids'>

/** What is known before anything is read. */
export interface IngestPlan {
  dataset: Dataset
  /** What is done with personal columns. */
  protection: Protection
  parent: DatasetVersion | undefined
  parentManifest: Manifest | undefined
  /** All that the source holds, or what it gives on top of what the dataset has. */
  items: SourceItem[]
  /** Parts of the next version that exist already. */
  kept: { part: Part; columns: Column[] }[]
  /** Versions of other datasets that the expectations look up values in. */
  references: References
  /** Names the rules that this ingest judges by. */
  judgedBy: string
  /** Items whose content has never been read, each content once. */
  arriving: SourceItem[]
  source: SourceStand
}

interface SourceStand {
  hash: string
  stored: DatasetSourceRow | undefined
  cursorBefore: string | null
  cursorAfter: string | null
  isIncrement: boolean
  /** There is more to be had at once. */
  more: boolean
  /** What else must happen in the transaction of the version. */
  take?: (trx: Trx, versionId: string) => Promise<void>
}

/** Compares what is at the source with what is known: which parts stay, which items must be read. */
export async function planIngest(
  context: IngestContext,
  dataset: Dataset,
  round: Round,
): Promise<IngestPlan> {
  const { db, artifacts } = context
  const parent = await findLatestVersion(db.read, dataset.id)
  const parentManifest = parent && (await loadManifest({ artifacts }, parent))
  const references = await pinReferences({ db }, dataset)
  const rules = judgedBy(dataset, references)
  const protection = await protectionOfDataset(context, dataset)
  const stored = await findSource(db.read, dataset.id)
  const hash = sourceHash(dataset, protection)
  // Another source starts over: what the one before gave is no part of it.
  const continues = stored?.source_hash === hash
  const cursorBefore = continues ? stored.cursor : null
  const quarantined = new Set(
    (await listQuarantined(db.read, dataset.id))
      .filter((row) => row.definition_hash === rules)
      .map((row) => row.source_sha256),
  )
  const look = await lookAt(context, dataset, {
    ...round,
    cursor: cursorBefore,
    quarantined,
    protection,
    parent: continues ? parent : undefined,
    parts: (continues ? parentManifest?.parts : undefined) ?? [],
  })
  const known = { parentManifest, quarantined, protection, parts: await listPartRows(db.read, dataset.id) }
  const sorted = look.isIncrement
    ? sortIncrement(look.items, { ...known, parentManifest: continues ? parentManifest : undefined })
    : sortListing(look.items, known)
  const source: SourceStand = {
    hash,
    stored,
    cursorBefore,
    cursorAfter: sorted.isBlocked ? cursorBefore : look.cursor,
    isIncrement: look.isIncrement,
    more: look.more ?? false,
    ...(look.take && { take: look.take }),
  }
  return {
    dataset,
    protection,
    parent,
    parentManifest,
    items: look.items,
    kept: sorted.kept,
    references,
    judgedBy: rules,
    arriving: sorted.arriving,
    source,
  }
}

/** Of what decides which rows the source gives and how they are stored. What was pushed can't be asked for again. */
function sourceHash({ definition: { source } }: Dataset, { id }: Protection): string {
  if (source.type !== 'push') return hashJson({ source, personal: id })
  const { keepKeysMs: _, ...rows } = source
  return hashJson(rows)
}

interface Known {
  parentManifest: Manifest | undefined
  quarantined: ReadonlySet<string>
  protection: Protection
  parts: readonly DatasetPartRow[]
}

interface Sorted {
  kept: IngestPlan['kept']
  arriving: SourceItem[]
  isBlocked: boolean
}

/** The items are all there is: what is not among them goes. */
function sortListing(
  items: readonly SourceItem[],
  { parentManifest, quarantined, protection, parts }: Known,
): Sorted {
  const rows = new Map(parts.map((row) => [partKey(row.source_sha256, row.reading), row]))
  const partBefore = new Map(parentManifest?.parts.map((part) => [part.source.path, part]))
  const kept: IngestPlan['kept'] = []
  const arriving = new Map<string, SourceItem>()
  for (const item of items) {
    const reading = readingText(item, protection)
    const row = rows.get(partKey(item.sha256, reading))
    const before = partBefore.get(item.path)
    if (quarantined.has(item.sha256)) {
      // The last good content of the path stays.
      const good = before && rows.get(partKey(before.source.sha256, reading))
      if (good) kept.push(toKept(good, item.path))
    } else if (row) kept.push(toKept(row, item.path))
    else if (!item.isLater) arriving.set(item.sha256, item)
  }
  return { kept, arriving: [...arriving.values()], isBlocked: false }
}

/**
 * The items come on top of the parts that the dataset has. One that was set aside blocks the source: to go past it would lose
 * its rows silently.
 */
function sortIncrement(
  items: readonly SourceItem[],
  { parentManifest, quarantined, protection, parts }: Known,
): Sorted {
  const stored = new Map(parts.map((row) => [partKey(row.source_sha256, row.sha256), row]))
  const read = new Map(parts.map((row) => [partKey(row.source_sha256, row.reading), row]))
  const kept = (parentManifest?.parts ?? []).map(({ source, sha256 }) =>
    toKept(stored.get(partKey(source.sha256, sha256))!, source.path),
  )
  if (items.some(({ sha256 }) => quarantined.has(sha256))) return { kept, arriving: [], isBlocked: true }
  const arriving: SourceItem[] = []
  for (const item of items) {
    const row = read.get(partKey(item.sha256, readingText(item, protection)))
    if (row) kept.push(toKept(row, item.path))
    else arriving.push(item)
  }
  return { kept, arriving, isBlocked: false }
}

/** What besides its bytes decides what becomes of an item. Parts of another reading are not used again. */
export function readingText(
  { reading: { format, delimiter }, isTreated }: Pick<SourceItem, 'reading' | 'isTreated'>,
  { id }: Pick<Protection, 'id'>,
): string {
  const reading = format === 'csv' ? `csv ${delimiter}` : format
  return id === '' || isTreated ? reading : `${reading} personal:${id}`
}

/** Of what was read, and of how it was read or what came of it. */
const partKey = (sourceSha256: string, other: string): string => `${sourceSha256} ${other}`

function toKept(row: DatasetPartRow, path: string): IngestPlan['kept'][number] {
  return {
    part: {
      sha256: row.sha256,
      sizeBytes: row.size_bytes,
      rows: row.rows,
      minTimeMs: row.min_time_ms,
      maxTimeMs: row.max_time_ms,
      source: { path, sha256: row.source_sha256 },
    },
    columns: JSON.parse(row.schema_json) as Column[],
  }
}
