import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import type { Artifacts } from '../ports/artifacts/artifacts.ts'
import { parquetScan, quoteIdentifier } from '../ports/analytics/analytics.ts'
import type { DatasetSummary } from '../summaries/schema.ts'
import { presentSummary, type SummaryState } from '../summaries/summaries.ts'
import { getDataset, unknownDataset } from './datasets.ts'
import { partsOnlyIn, unmergeParts } from './parts.ts'
import { parseReference, type DatasetVersion, type Manifest, type Part } from './schema.ts'
import { findDataset, findLatestVersion, findVersion, findVersionByNumber, listVersionRows } from './store.ts'

type Reads = Pick<Context, 'db'>
/** Blobs may be here, or on their way from a server. */
export interface ReadsBlobs {
  artifacts: Pick<Artifacts, 'bytes' | 'localPath'>
}

/** The newest version of a dataset, or undefined when it has none yet. Throws `not_found` when there is no dataset. */
export async function latestVersion(
  { db }: Reads,
  { projectId, dataset: name }: { projectId: string; dataset: string },
): Promise<DatasetVersion | undefined> {
  const { id } = await getDataset({ db }, { projectId, name })
  return await findLatestVersion(db.read, id)
}

/** Versions of a dataset, newest first. `below` continues after that version number. */
export async function listVersions(
  context: Reads,
  input: { projectId: string; dataset: string; limit: number; below?: number | undefined },
): Promise<DatasetVersion[]> {
  const dataset = await getDataset(context, { projectId: input.projectId, name: input.dataset })
  return await listVersionRows(context.db.read, dataset.id, input)
}

/** A version whose rows are there. Throws `not_found`; when retention has taken them the message says so. */
export async function getVersion(
  { db }: Reads,
  { projectId, id }: { projectId: string; id: string },
): Promise<DatasetVersion> {
  const version = await findVersion(db.read, projectId, id)
  if (!version) throw new AppError('not_found', `There is no dataset version ${id}`)
  return requireRows(version)
}

/** As `resolveVersion` does, a version whose rows are there: throws `not_found` with the reason when retention has taken them. */
export async function resolveReadable(
  context: Reads,
  input: { projectId: string; reference: string },
): Promise<DatasetVersion> {
  return requireRows(await resolveVersion(context, input))
}

/** A version by its id, by `name@number`, or the latest by `name`, also one that is deleted. Throws `not_found`, and `invalid` for what is no reference. */
export async function resolveVersion(
  { db }: Reads,
  { projectId, reference }: { projectId: string; reference: string },
): Promise<DatasetVersion> {
  const byId = await findVersion(db.read, projectId, reference)
  if (byId) return byId
  const { name, number } = parseReference(reference)
  const dataset = await findDataset(db.read, projectId, name)
  const version =
    dataset &&
    (number === undefined
      ? await findLatestVersion(db.read, dataset.id)
      : await findVersionByNumber(db.read, dataset.id, number))
  if (version) return version
  if (!dataset) throw await unknownDataset(db.read, projectId, name)
  throw new AppError('not_found', `The dataset ${name} has no version ${number ?? 'yet'}`)
}

export async function loadManifest(
  { artifacts }: ReadsBlobs,
  version: Pick<DatasetVersion, 'manifestSha256'>,
): Promise<Manifest> {
  return await loadJson<Manifest>({ artifacts }, version.manifestSha256)
}

export async function loadSummaryState(
  { artifacts }: Pick<Context, 'artifacts'>,
  version: Pick<DatasetVersion, 'summarySha256'>,
): Promise<SummaryState> {
  return await loadJson<SummaryState>({ artifacts }, version.summarySha256)
}

/** What is known of each column of a version, without reading its rows. */
export async function versionSummary(
  context: Pick<Context, 'artifacts'>,
  version: Pick<DatasetVersion, 'summarySha256'>,
): Promise<DatasetSummary> {
  return presentSummary(await loadSummaryState(context, version))
}

async function loadJson<T>({ artifacts }: ReadsBlobs, sha256: string): Promise<T> {
  return JSON.parse(Buffer.from(await artifacts.bytes(sha256)).toString('utf8')) as T
}

/**
 * SQL that reads a version's rows: `SELECT columns FROM read_parquet([local paths])`, in the order of the parts'
 * times. `fromMs` and `untilMs` keep the rows whose time lies in [fromMs, untilMs]; parts outside are not read.
 */
export async function versionScan(
  { artifacts }: ReadsBlobs,
  version: Pick<DatasetVersion, 'manifestSha256'>,
  range: { fromMs?: number | undefined; untilMs?: number | undefined } = {},
): Promise<string> {
  const { schema, parts, time } = await loadManifest({ artifacts }, version)
  const { fromMs = -Infinity, untilMs = Infinity } = range
  const bounded = fromMs !== -Infinity || untilMs !== Infinity
  if (bounded && time === null) {
    throw new AppError(
      'invalid',
      'This dataset declares no time column, so its rows cannot be chosen by time',
    )
  }
  const wanted = bounded ? parts.filter((part) => overlaps(part, fromMs, untilMs)) : parts
  const columns = schema.map(
    ({ name, type }) => `CAST(${quoteIdentifier(name)} AS ${type}) AS ${quoteIdentifier(name)}`,
  )
  if (wanted.length === 0) {
    const none = schema.map(({ name, type }) => `CAST(NULL AS ${type}) AS ${quoteIdentifier(name)}`)
    return `SELECT ${none.join(', ')} WHERE false`
  }
  const paths = await Promise.all(wanted.map((part) => artifacts.localPath(part.sha256)))
  const bounds = bounded ? ` WHERE ${timeBounds(time!, fromMs, untilMs)}` : ''
  return `SELECT ${columns.join(', ')} FROM ${parquetScan(paths)}${bounds}`
}

function timeBounds(time: string, fromMs: number, untilMs: number): string {
  const column = quoteIdentifier(time)
  return [
    ...(fromMs === -Infinity ? [] : [`${column} >= make_timestamp(${Math.floor(fromMs)} * 1000)`]),
    ...(untilMs === Infinity ? [] : [`${column} <= make_timestamp(${Math.ceil(untilMs)} * 1000)`]),
  ].join(' AND ')
}

function overlaps({ minTimeMs, maxTimeMs }: Part, fromMs: number, untilMs: number): boolean {
  return minTimeMs !== null && maxTimeMs !== null && maxTimeMs >= fromMs && minTimeMs <= untilMs
}

/**
 * How the parts of one version differ from those of an earlier one: the parts that are new, and whether the earlier
 * ones are all still there.
 */
export async function compareVersions(
  context: Pick<Context, 'artifacts'>,
  before: Pick<DatasetVersion, 'manifestSha256'>,
  after: Pick<DatasetVersion, 'manifestSha256'>,
): Promise<{ added: Part[]; onlyAdded: boolean }> {
  const parts = await comparableParts(context, before, after)
  const added = partsOnlyIn(parts.after, parts.before).only
  return { added, onlyAdded: partsOnlyIn(parts.before, parts.after).only.length === 0 }
}

/**
 * The parts of two versions of a dataset as they compare: of the later one, instead of parts that were merged since, those that they were made of. Where
 * retention took a version between them merged parts are parts of their own.
 */
export async function comparableParts(
  context: ReadsBlobs,
  before: Pick<DatasetVersion, 'manifestSha256'>,
  after: Pick<DatasetVersion, 'manifestSha256'>,
): Promise<{ before: Part[]; after: Part[] }> {
  const [old, now] = [await loadManifest(context, before), await loadManifest(context, after)]
  const plain = { before: old.parts, after: now.parts }
  if (partsOnlyIn(old.parts, now.parts).only.length === 0) return plain
  const later = await partsAsOf(context, now, before.manifestSha256)
  if (later) return { ...plain, after: later }
  const earlier = await partsAsOf(context, old, after.manifestSha256)
  return earlier ? { ...plain, before: earlier } : plain
}

/** The parts of a version before any of them was merged since an earlier one; undefined when the way back to it is lost. */
async function partsAsOf(
  context: ReadsBlobs,
  manifest: Manifest,
  earlierSha256: string,
): Promise<Part[] | undefined> {
  let { parts } = manifest
  for (let at = manifest; ;) {
    if (at.parent === null) return undefined
    const parent = await findManifest(context, at.parent)
    if (!parent) return undefined
    parts = unmergeParts({ ...at, parts }, parent.parts)
    if (at.parent === earlierSha256) return parts
    at = parent
  }
}

/** Undefined when retention took it, or when it is not here. */
async function findManifest(context: ReadsBlobs, manifestSha256: string): Promise<Manifest | undefined> {
  try {
    return await loadManifest(context, { manifestSha256 })
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return undefined
    throw error
  }
}

/** `flights@3 was deleted by retention on 2001-05-07 (keep the newest 3 versions)`. */
function requireRows(version: DatasetVersion): DatasetVersion {
  const { dataset, number, deleted } = version
  if (deleted === null) return version
  const day = new Date(deleted.atMs).toISOString().slice(0, 10)
  throw new AppError(
    'not_found',
    `${dataset}@${number} was deleted by retention on ${day} (${deleted.why}): its rows are gone`,
    { details: { dataset, number, deletedMs: deleted.atMs } },
  )
}
