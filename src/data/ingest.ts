import { requirePermission, type Actor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { hashJson } from '../kernel/json.ts'
import { parquetScan } from '../ports/analytics/analytics.ts'
import { readArrivals, type Arrival } from './arrivals.ts'
import { mergeSchemas } from '../sources/sources.ts'
import { commitVersion, isOvertaken, rejectArrivals, rememberFiles } from './commit.ts'
import { findPersonal, untaggedColumns } from './personal.ts'
import { planIngest, type IngestContext, type IngestPlan } from './plan.ts'
import type { Column } from '../sources/schema.ts'
import type { DatasetVersion, Part, ValidationReport } from './schema.ts'
import { findDataset } from './store.ts'
import { mergeSummaries, summarise, type SummaryState } from './summary.ts'
import { validate } from '../expectations/expectations.ts'
import { loadSummaryState } from './versions.ts'

export type IngestResult =
  | { state: 'created'; version: DatasetVersion; report: ValidationReport }
  | { state: 'unchanged'; version: DatasetVersion | undefined }
  | { state: 'rejected'; version: DatasetVersion | undefined; report: ValidationReport }

const ATTEMPTS = 3
/** Below this, sharing the work between threads costs more than the work. */
const SMALL_BYTES = 8_000_000

/**
 * Looks at a dataset's source and makes a new version when its content differs: new files add parts, changed and
 * removed files take their part away. Every arriving file is held against the expectations; if one fails, nothing is
 * ingested, the file is set aside by its content, and the report says which rows are wrong.
 * Throws `conflict` when a file changes while it is read, `unavailable` when files are gone that a version has.
 */
export async function ingest(
  context: IngestContext,
  { projectId, actor, dataset: name }: { projectId: string; actor: Actor; dataset: string },
): Promise<IngestResult> {
  requirePermission(actor, 'contribute', projectId)
  for (let attempt = 1; ; attempt++) {
    try {
      const dataset = await findDataset(context.db.read, projectId, name)
      if (!dataset) throw new AppError('not_found', `There is no dataset ${name}`)
      return await ingestOnce(context, actor, await planIngest(context, dataset))
    } catch (error) {
      // Another process made the next version first: look again.
      if (!isOvertaken(error) || attempt === ATTEMPTS) throw error
    }
  }
}

async function ingestOnce(context: IngestContext, actor: Actor, plan: IngestPlan): Promise<IngestResult> {
  const { dataset, parent, kept, arriving } = plan
  if (arriving.length === 0 && isSameContent(plan, kept)) {
    await rememberFiles(context, plan)
    return { state: 'unchanged', version: parent }
  }
  const known = mergeSchemas(kept.map(({ columns }) => columns))
  const { arrivals, problems } = await readArrivals(context, plan, known)
  const schema = mergeSchemas([known, ...arrivals.map(({ columns }) => columns)])
  const [held, summary, personal] = await Promise.all([
    validateArrivals(context, plan, arrivals, schema),
    problems.length > 0 ? undefined : summariseVersion(context, plan, arrivals),
    findPersonal(context, arrivals, schema),
  ])
  const validation = { ...held, results: [...held.results, ...untaggedColumns(dataset, arrivals, personal)] }
  const failed = validation.results.some((result) => !result.passed && result.severity === 'error')
  if (summary === undefined || failed) {
    const report = await rejectArrivals(context, actor, plan, { problems, validation, arrivals })
    return { state: 'rejected', version: parent, report }
  }
  const parts = [...kept, ...withFacts(plan, arrivals, validation.files)]
  if (parts.length === 0) return { state: 'unchanged', version: parent }
  const { version, report } = await commitVersion(context, actor, plan, {
    parts,
    schema,
    arrivals,
    validation,
    summary,
    personal,
  })
  return version ? { state: 'created', version, report } : { state: 'unchanged', version: parent }
}

function isSameContent({ parentManifest }: IngestPlan, kept: IngestPlan['kept']): boolean {
  if (!parentManifest) return kept.length === 0
  const before = parentManifest.parts.map((part) => part.sha256).sort()
  const now = kept.map(({ part }) => part.sha256).sort()
  return hashJson(before) === hashJson(now)
}

async function validateArrivals(
  { artifacts, analytics, clock }: IngestContext,
  { dataset, kept }: IngestPlan,
  arrivals: readonly Arrival[],
  schema: readonly Column[],
) {
  const { expect, time } = dataset.definition
  const needsHistory = expect.some(({ check }) => check === 'unique') && kept.length > 0
  const paths = needsHistory
    ? await Promise.all(kept.map(({ part }) => artifacts.localPath(part.sha256)))
    : []
  const blobs = [...arrivals.map(({ blob }) => blob), ...(needsHistory ? kept.map(({ part }) => part) : [])]
  await using session = await analytics.session(isSmall(blobs) ? { threads: 1 } : {})
  return await validate(
    session,
    arrivals.map(({ file, localPath }) => ({ path: file.path, part: localPath })),
    expect,
    {
      columns: schema,
      time,
      nowMs: clock.now(),
      history: needsHistory ? `SELECT * FROM ${parquetScan(paths)}` : undefined,
    },
  )
}

function isSmall(blobs: readonly { sizeBytes: number }[]): boolean {
  return blobs.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0) < SMALL_BYTES
}

/** Each file of the source that arrived as a part; files of equal content share theirs. */
function withFacts(
  { files }: IngestPlan,
  arrivals: readonly Arrival[],
  facts: readonly { path: string; rows: number; minTimeMs: number | null; maxTimeMs: number | null }[],
): { part: Part; columns: Column[] }[] {
  return arrivals.flatMap(({ file, blob, columns }) => {
    const { rows, minTimeMs, maxTimeMs } = facts.find((fact) => fact.path === file.path)!
    return files
      .filter(({ sha256 }) => sha256 === file.sha256)
      .map(({ path }) => ({
        part: { ...blob, rows, minTimeMs, maxTimeMs, source: { path, sha256: file.sha256 } },
        columns,
      }))
  })
}

/** Adds to the parent's summary when the parent is wholly part of the version, else reads everything. */
async function summariseVersion(
  { artifacts, analytics }: IngestContext,
  { parent, parentManifest, files, kept }: IngestPlan,
  arrivals: readonly Arrival[],
): Promise<SummaryState> {
  const arrived = arrivals.flatMap(({ file, blob, columns }) =>
    files.filter(({ sha256 }) => sha256 === file.sha256).map(() => ({ ...blob, columns })),
  )
  const parts = [
    ...kept.map(({ part: { sha256, sizeBytes }, columns }) => ({ sha256, sizeBytes, columns })),
    ...arrived,
  ]
  const remaining = [...parts]
  const isExtension = (parentManifest?.parts ?? []).every(({ sha256 }) => {
    const at = remaining.findIndex((part) => part.sha256 === sha256)
    if (at >= 0) remaining.splice(at, 1)
    return at >= 0
  })
  const scanned = isExtension ? remaining : parts
  const before = isExtension && parent ? await loadSummaryState({ artifacts }, parent) : undefined
  if (scanned.length === 0) return before ?? { rows: 0, columns: [] }
  const paths = await Promise.all(scanned.map(({ sha256 }) => artifacts.localPath(sha256)))
  const isFew = isSmall(scanned)
  await using session = await analytics.session(isFew ? { threads: 1 } : {})
  const schema = mergeSchemas(scanned.map(({ columns }) => columns))
  let scan = `SELECT * FROM ${parquetScan(paths)}`
  if (isFew) {
    // Each of the summary's subqueries reads the rows anew, and opening a file costs more than a few rows.
    await session.execute(`CREATE TEMP TABLE __scanned AS ${scan}`)
    scan = 'SELECT * FROM __scanned'
  }
  const state = await summarise(session, scan, schema)
  return before ? mergeSummaries(before, state) : state
}
