import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import { currentKey, protectionOf, usesKey, type Protection } from '../privacy/privacy.ts'
import { probeFiles, readingOf, type SourceFile } from '../sources/sources.ts'
import type { Column } from '../sources/schema.ts'
import type { Dataset, DatasetVersion, Manifest, Part } from './schema.ts'
import { findLatestVersion, listFileRows, listPartRows, listQuarantined } from './store.ts'
import type { DatasetPartRow } from './tables.ts'
import { judgedBy, pinReferences, type References } from './references.ts'
import { loadManifest } from './versions.ts'

export type IngestContext = Pick<Context, 'config' | 'db' | 'artifacts' | 'analytics' | 'clock' | 'ids'>

/** What is known before anything is read. */
export interface IngestPlan {
  dataset: Dataset
  /** What is done with personal columns. */
  protection: Protection
  parent: DatasetVersion | undefined
  parentManifest: Manifest | undefined
  files: SourceFile[]
  /** Parts of the next version that exist already. */
  kept: { part: Part; columns: Column[] }[]
  /** Versions of other datasets that the expectations look up values in. */
  references: References
  /** Names the rules that this ingest judges by. */
  judgedBy: string
  /** Files whose content has never been read, each content once. */
  arriving: SourceFile[]
}

/** Compares what is at the source with what is known: which parts stay, which files must be read. */
export async function planIngest(context: IngestContext, dataset: Dataset): Promise<IngestPlan> {
  const { db, artifacts } = context
  const { source } = dataset.definition
  const protection = await protectionOfDataset(context, dataset)
  const parent = await findLatestVersion(db.read, dataset.id)
  const parentManifest = parent && (await loadManifest({ artifacts }, parent))
  const files = await probeFiles(source, dataset.directory, await listFileRows(db.read, dataset.id))
  if (files.length === 0 && parent) {
    throw new AppError(
      'unavailable',
      `${dataset.name}: no file matches ${source.glob} any more; version ${parent.number} is kept`,
    )
  }
  const references = await pinReferences({ db }, dataset)
  const rules = judgedBy(dataset, references)
  const quarantined = new Set(
    (await listQuarantined(db.read, dataset.id))
      .filter((row) => row.definition_hash === rules)
      .map((row) => row.source_sha256),
  )
  const parts = new Map(
    (await listPartRows(db.read, dataset.id)).map((row) => [partKey(row.source_sha256, row.reading), row]),
  )
  const partBefore = new Map(parentManifest?.parts.map((part) => [part.source.path, part]))
  const kept: IngestPlan['kept'] = []
  const arriving = new Map<string, SourceFile>()
  for (const file of files) {
    const reading = readingText(dataset, protection, file.path)
    const row = parts.get(partKey(file.sha256, reading))
    const before = partBefore.get(file.path)
    if (quarantined.has(file.sha256)) {
      // The last good content of the path stays.
      const good = before && parts.get(partKey(before.source.sha256, reading))
      if (good) kept.push(toKept(good, file.path))
    } else if (row) kept.push(toKept(row, file.path))
    else arriving.set(file.sha256, file)
  }
  return {
    dataset,
    protection,
    parent,
    parentManifest,
    files,
    kept,
    references,
    judgedBy: rules,
    arriving: [...arriving.values()],
  }
}

async function protectionOfDataset(
  context: IngestContext,
  { projectId, definition: { personal } }: Dataset,
): Promise<Protection> {
  return protectionOf(personal, usesKey(personal) ? await currentKey(context, projectId) : undefined)
}

/** What besides its bytes decides what becomes of a file. Parts of another reading are not used again. */
export function readingText(dataset: Dataset, { id }: Protection, path: string): string {
  const { format, delimiter } = readingOf(dataset.definition.source, path)
  const reading = format === 'csv' ? `csv ${delimiter}` : format
  return id === '' ? reading : `${reading} personal:${id}`
}

const partKey = (sha256: string, reading: string): string => `${sha256} ${reading}`

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
