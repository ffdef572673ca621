import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { hashJson } from '../kernel/json.ts'
import { readArrivals, type Arrival } from './arrivals.ts'
import { mergeSchemas } from '../sources/sources.ts'
import { commitVersion, type VersionOrigin } from './commit.ts'
import { isOvertaken } from './overtaken.ts'
import { mergeSmallParts, withMerged } from './merge-parts.ts'
import { recoveredChecks } from './recovered.ts'
import { rejectArrivals } from './reject.ts'
import { rememberSource } from './remember.ts'
import { READABLE } from './report.ts'
import { recordFailure } from './failures.ts'
import { countLateRows } from './late-rows.ts'
import { tellOverdue } from './overdue.ts'
import { findPersonal, untaggedColumns } from './find-personal.ts'
import { planIngest, type IngestContext, type IngestPlan } from './plan.ts'
import type { Column } from '../sources/schema.ts'
import type { DatasetVersion, Part, VersionCause } from '../data/schema.ts'
import type { ValidationReport } from '../reports/schema.ts'
import { getDataset } from '../data/data.ts'
import { checkDelivery, checkFiles } from './check-arrivals.ts'
import { summariseVersion } from './summarise-version.ts'

export type IngestResult =
  | { state: 'created'; version: DatasetVersion; report: ValidationReport; more: boolean }
  | { state: 'unchanged'; version: DatasetVersion | undefined; more: boolean }
  | { state: 'rejected'; version: DatasetVersion | undefined; report: ValidationReport }

const ATTEMPTS = 3

/**
 * Looks at a dataset's source and makes a new version when its content differs: new files add parts, changed and
 * removed files take their part away. Every arriving file is held against the expectations; if one fails, nothing is
 * ingested, the file is set aside by its content, and the report says which rows are wrong.
 * Throws `conflict` when a file changes while it is read, `unavailable` when files are gone that a version has.
 */
export async function ingest(
  context: IngestContext,
  input: Caller & { dataset: string; cause?: VersionCause; signal?: AbortSignal },
): Promise<IngestResult> {
  const { projectId, actor, dataset: name, cause = { kind: 'request', reference: null } } = input
  const signal = input.signal ?? new AbortController().signal
  requirePermission(actor, 'contribute', projectId)
  const dataset = await getDataset(context, { projectId, name })
  for (let attempt = 1; ; attempt++) {
    const folder = await mkdtemp(join(tmpdir(), 'tidemill-source-'))
    try {
      const pushed: VersionCause = { ...cause, kind: 'push' }
      const origin = { actor, cause: dataset.definition.source.type === 'push' ? pushed : cause }
      return await ingestOnce(context, origin, await planIngest(context, dataset, { folder, signal }))
    } catch (error) {
      // Another process made the next version first: look again.
      if (isOvertaken(error) && attempt < ATTEMPTS) continue
      if (isOvertaken(error)) throw error
      throw error instanceof AppError ? await recordFailure(context, actor, dataset, error) : error
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}

async function ingestOnce(
  context: IngestContext,
  origin: VersionOrigin,
  plan: IngestPlan,
): Promise<IngestResult> {
  const { dataset, parent, kept, arriving } = plan
  const unchanged = { state: 'unchanged', version: parent, more: plan.source.more } as const
  if (arriving.length === 0 && isSameContent(plan, kept)) {
    await rememberSource(context, plan)
    await tellOverdue(context, origin.actor, plan)
    return unchanged
  }
  const known = mergeSchemas(kept.map(({ columns }) => columns))
  const { arrivals, problems } = await readArrivals(context, plan, known)
  const schema = mergeSchemas([known, ...arrivals.map(({ columns }) => columns)])
  const [held, summary, personal] = await Promise.all([
    checkFiles(context, plan, arrivals, schema),
    problems.length > 0 ? undefined : summariseVersion(context, plan, arrivals),
    findPersonal(context, arrivals, schema),
  ])
  const together = summary && (await checkDelivery(context, plan, schema, { ...summary, facts: held.files }))
  const untagged = untaggedColumns(dataset, arrivals, personal)
  const broken = new Set([...untagged.map(({ key }) => key), ...(problems.length > 0 ? [READABLE] : [])])
  const results = [
    ...held.results,
    ...untagged,
    ...(together?.results ?? []),
    ...(arriving.length > 0 ? await recoveredChecks(context, dataset.id, broken) : []),
  ]
  const validation = { ...held, results }
  const failures = results.filter((result) => !result.passed && result.severity === 'error')
  const failed = failures.length > 0
  if (failed && arriving.length === 0) {
    throw new AppError(
      'unavailable',
      `${dataset.name}: without the files that are gone, ${failures[0]!.message}; version ${parent!.number} is kept`,
    )
  }
  if (summary === undefined || together === undefined || failed) {
    const report = await rejectArrivals(context, origin.actor, plan, { problems, validation, arrivals })
    return { state: 'rejected', version: parent, report }
  }
  const arrived = withFacts(plan, arrivals, validation.files)
  if (kept.length + arrived.length === 0) return unchanged
  const merged = await mergeSmallParts(context, plan)
  const { version, report } = await commitVersion(context, origin, plan, {
    parts: [...withMerged(kept, merged), ...arrived],
    merged,
    schema,
    arrivals,
    validation,
    summary: summary.version,
    delivery: together.delivery,
    personal,
    lateRows: await countLateRows(context, plan, arrivals, validation.files),
  })
  return version ? { state: 'created', version, report, more: plan.source.more } : unchanged
}

function isSameContent({ parentManifest }: IngestPlan, kept: IngestPlan['kept']): boolean {
  if (!parentManifest) return kept.length === 0
  const before = parentManifest.parts.map((part) => part.sha256).sort()
  const now = kept.map(({ part }) => part.sha256).sort()
  return hashJson(before) === hashJson(now)
}

/** Each file of the source that arrived as a part; files of equal content share theirs. */
function withFacts(
  { items }: IngestPlan,
  arrivals: readonly Arrival[],
  facts: readonly { path: string; rows: number; minTimeMs: number | null; maxTimeMs: number | null }[],
): { part: Part; columns: Column[] }[] {
  return arrivals.flatMap(({ file, blob, columns }) => {
    const { rows, minTimeMs, maxTimeMs } = facts.find((fact) => fact.path === file.path)!
    return items
      .filter(({ sha256 }) => sha256 === file.sha256)
      .map(({ path }) => ({
        part: { ...blob, rows, minTimeMs, maxTimeMs, source: { path, sha256: file.sha256 } },
        columns,
      }))
  })
}
