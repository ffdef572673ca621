import { audit, recordDecision } from '../governance/governance.ts'
import { appendEvent } from '../jobs/events.ts'
import type { Actor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { canonicalJson, hashJson } from '../kernel/json.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import type { Trx } from '../ports/db/db.ts'
import { isUniqueViolation } from '../ports/db/dialect.ts'
import type { Arrival, FileProblem } from './arrivals.ts'
import { compareSchemas, mergeSchemas } from '../sources/sources.ts'
import { recordChange } from './changes.ts'
import { isErasedSince, recordLeftOut } from '../privacy/privacy.ts'
import { concealKeptRow, mergeFindings } from './personal.ts'
import { readingText, type IngestContext, type IngestPlan } from './plan.ts'
import { describeFailure, describeSuccess, problemResult } from './report.ts'
import type { PersonalFinding } from '../privacy/schema.ts'
import type { Column } from '../sources/schema.ts'
import type { DatasetVersion, Manifest, Part, ValidationReport, VersionCause } from './schema.ts'
import type { CheckResult, FailingRow } from '../expectations/schema.ts'
import { countParts, lockDataset } from './store-retention.ts'
import {
  findLatestVersion,
  findVersion,
  insertParts,
  insertQuarantined,
  insertReport,
  insertVersion,
} from './store.ts'
import { insertFindings } from './store-personal.ts'
import { rememberItems, rememberSource, standOf } from './remember.ts'
import { upsertCursor } from './store-sources.ts'
import { encodeColumns, type SummaryState } from '../summaries/summaries.ts'
import { toCheckRows } from './check-history.ts'
import { insertCheckResults, insertDelivery } from './store-checks.ts'
import type { DatasetPartRow } from './tables.ts'
import { MAX_FAILING_ROWS, type Delivery, type Validation } from '../expectations/expectations.ts'

const BATCH = 100
const OVERTAKEN = 'overtaken'

/** Who makes a version, and why. */
export interface VersionOrigin {
  actor: Actor
  cause: VersionCause
}

export interface Ingested {
  parts: { part: Part; columns: Column[] }[]
  schema: Column[]
  arrivals: Arrival[]
  validation: Validation
  summary: SummaryState
  /** What is remembered of the rows that arrived, if any files did. */
  delivery: Delivery | undefined
  personal: PersonalFinding[]
  lateRows: number
}

/** Stores the next version and tells of it, in one transaction; no version when the content is the parent's. */
export async function commitVersion(
  context: IngestContext,
  { actor, cause }: VersionOrigin,
  plan: IngestPlan,
  { parts, schema, arrivals, validation, summary, delivery, personal, lateRows }: Ingested,
): Promise<{ version: DatasetVersion | undefined; report: ValidationReport }> {
  const { db, artifacts, clock, ids } = context
  const { dataset, parent, items, source } = plan
  const ordered = parts.map(({ part }) => part).sort(byTime)
  const contentHash = hashJson({ schema, parts: ordered.map(({ sha256 }) => sha256) })
  const report = makeReport(context, plan, validation, describeSuccess(dataset.name, validation), [])
  await storeParts(context, plan, parts, arrivals)
  if (contentHash === parent?.contentHash) {
    await rememberSource(context, plan)
    return { version: undefined, report }
  }
  const manifest: Manifest = {
    format: 'tidemill-dataset-1',
    dataset: dataset.name,
    schema,
    time: dataset.definition.time ?? null,
    parts: ordered,
    parent: parent?.manifestSha256 ?? null,
  }
  const blobs = await Promise.all(
    [manifest, summary].map((document) => artifacts.put(Buffer.from(canonicalJson(document)))),
  )
  const [manifestBlob, summaryBlob] = blobs as [StoredBlob, StoredBlob]
  const added = newParts(ordered, plan.parentManifest?.parts ?? [])
  const version = {
    id: ids.uuid(),
    number: (parent?.number ?? 0) + 1,
    rows: sum(ordered.map((part) => part.rows)),
    addedRows: sum(added.map((part) => part.rows)),
  }
  const times = ordered.flatMap(({ minTimeMs, maxTimeMs }) =>
    minTimeMs === null || maxTimeMs === null ? [] : [minTimeMs, maxTimeMs],
  )
  const change = parent ? compareSchemas(parent.schema, schema) : null
  const findings = await mergeFindings(context, plan, personal, schema)
  await db.write(async (trx) => {
    await requireLatest(trx, plan)
    await requireParts(trx, plan, added)
    for (const blob of blobs) await record(context, trx, plan, blob)
    await insertReport(trx, toReportRow(plan, report))
    await insertVersion(trx, {
      id: version.id,
      project_id: dataset.projectId,
      dataset_id: dataset.id,
      number: version.number,
      manifest_sha256: manifestBlob.sha256,
      content_hash: contentHash,
      schema_json: canonicalJson(schema),
      schema_change_json: change && canonicalJson(change),
      rows: version.rows,
      added_rows: version.addedRows,
      size_bytes: sum(ordered.map((part) => part.sizeBytes)),
      parts: ordered.length,
      min_time_ms: times.length === 0 ? null : times.reduce((a, b) => Math.min(a, b)),
      max_time_ms: times.length === 0 ? null : times.reduce((a, b) => Math.max(a, b)),
      parent_id: parent?.id ?? null,
      report_id: report.id,
      summary_sha256: summaryBlob.sha256,
      created_ms: clock.now(),
      actor_id: actor.id,
      actor_name: actor.name,
      cause_kind: cause.kind,
      cause_reference: cause.reference,
      deleted_ms: null,
      deleted_why: null,
      released_ms: null,
      source_cursor: source.cursorAfter,
      late_rows: lateRows,
    })
    await source.take?.(trx, version.id)
    await upsertCursor(trx, standOf(plan))
    await recordChange(context, trx, actor, plan, {
      columns: schema,
      versionId: version.id,
      reportId: report.id,
      rows: report.rows,
      lateRows,
    })
    await insertCheckResults(
      trx,
      toCheckRows(report, { projectId: dataset.projectId, version: version.number }),
    )
    if (delivery) {
      await insertDelivery(trx, {
        dataset_id: dataset.id,
        version_number: version.number,
        project_id: dataset.projectId,
        rows: delivery.rows,
        newest_ms: delivery.newestMs,
        arrived_ms: delivery.arrivedMs,
        columns_json: encodeColumns(delivery.columns),
      })
    }
    await recordLeftOut(trx, dataset.projectId, plan.protection.leaveOut)
    await insertFindings(trx, {
      version_id: version.id,
      project_id: dataset.projectId,
      findings_json: canonicalJson(findings),
      created_ms: clock.now(),
    })
    await appendEvent(trx, {
      projectId: dataset.projectId,
      kind: 'dataset.version_created',
      payload: {
        datasetId: dataset.id,
        name: dataset.name,
        versionId: version.id,
        number: version.number,
        rows: version.rows,
        addedRows: version.addedRows,
      },
      atMs: clock.now(),
    })
    await audit(trx, {
      projectId: dataset.projectId,
      actor,
      action: 'data.ingest',
      subject: dataset.name,
      detail: { version: version.number, files: items.length, addedRows: version.addedRows },
    })
  })
  await rememberItems(context, plan)
  return { version: (await findVersion(db.read, dataset.projectId, version.id))!, report }
}

/** Stores why nothing was ingested, and sets the guilty files aside by their content. */
export async function rejectArrivals(
  context: IngestContext,
  actor: Actor,
  plan: IngestPlan,
  {
    problems,
    validation,
    arrivals,
  }: { problems: FileProblem[]; validation: Validation; arrivals: Arrival[] },
): Promise<ValidationReport> {
  const { db, artifacts, clock } = context
  const { dataset } = plan
  const results = [...problems.map(problemResult), ...validation.results]
  const failures = results.filter((result) => !result.passed && result.severity === 'error')
  const guilty = guiltyFiles(plan, failures)
  const failing: FailingRow[] = [
    ...problems.flatMap(({ file, failingRows }) =>
      failingRows.map(({ row, reason, values }) => ({ file: file.path, row, checks: [reason], values })),
    ),
    ...validation.failingRows.map((row) => concealKeptRow(row, dataset)),
  ].slice(0, MAX_FAILING_ROWS)
  const blob = failing.length === 0 ? undefined : await artifacts.put(Buffer.from(canonicalJson(failing)))
  const report: ValidationReport = {
    ...makeReport(
      context,
      plan,
      { ...validation, results },
      { verdict: 'failed', sentence: describeFailure(dataset.name, failures) },
      [...guilty],
    ),
    failingRowsSha256: blob?.sha256 ?? null,
  }
  const files = [...problems.map(({ file }) => file), ...arrivals.map(({ file }) => file)].filter(
    ({ path }) => guilty.has(path),
  )
  await db.write(async (trx) => {
    if (blob) await record(context, trx, plan, blob)
    await insertReport(trx, toReportRow(plan, report))
    await insertCheckResults(trx, toCheckRows(report, { projectId: dataset.projectId, version: null }))
    await insertQuarantined(
      trx,
      files.slice(0, 400).map(({ path, sha256 }) => ({
        project_id: dataset.projectId,
        dataset_id: dataset.id,
        source_sha256: sha256,
        definition_hash: plan.judgedBy,
        path,
        report_id: report.id,
        created_ms: clock.now(),
      })),
    )
    const reference = {
      datasetId: dataset.id,
      name: dataset.name,
      reportId: report.id,
      sentence: report.sentence,
    }
    await appendEvent(trx, {
      projectId: dataset.projectId,
      kind: 'dataset.rejected',
      payload: reference,
      atMs: clock.now(),
    })
    await recordDecision(trx, {
      projectId: dataset.projectId,
      kind: 'validation',
      subjectType: 'dataset',
      subjectId: dataset.name,
      verdict: 'rejected',
      sentence: report.sentence,
      rule: `expectations ${dataset.definitionHash.slice(0, 12)}`,
      numbers: {
        failedChecks: failures.length,
        rows: report.rows,
        failingRows: sum(failures.map(({ failing }) => failing ?? 0)),
      },
      inputs: { reportId: report.id, files: files.map(({ path, sha256 }) => ({ path, sha256 })) },
      atMs: clock.now(),
    })
    await audit(trx, {
      projectId: dataset.projectId,
      actor,
      action: 'data.reject',
      subject: dataset.name,
      detail: { reportId: report.id },
    })
    const refused = [...problems, ...arrivals].find(({ columns }) => isBreaking(plan, columns))
    await recordChange(context, trx, actor, plan, {
      columns:
        refused?.columns ?? mergeSchemas([knownColumns(plan), ...arrivals.map(({ columns }) => columns)]),
      versionId: null,
      reportId: report.id,
      rows: report.rows,
      lateRows: 0,
    })
  })
  await rememberItems(context, plan)
  return report
}

/** What is wrong with all that arrived is nobody's fault in particular: then every file is set aside. */
function guiltyFiles({ arriving }: IngestPlan, failures: readonly CheckResult[]): Set<string> {
  if (failures.some(({ file }) => file === null)) return new Set(arriving.map(({ path }) => path))
  return new Set(failures.flatMap(({ file }) => file ?? []))
}

function makeReport(
  { clock, ids }: IngestContext,
  { arriving, dataset }: IngestPlan,
  { files, results }: Validation,
  { verdict, sentence }: Pick<ValidationReport, 'verdict' | 'sentence'>,
  guilty: readonly string[],
): ValidationReport {
  return {
    id: ids.uuid(),
    datasetId: dataset.id,
    verdict,
    sentence,
    rows: sum(files.map(({ rows }) => rows)),
    results,
    files: arriving.map(({ path, sha256 }) => ({
      path,
      sha256,
      rows: files.find((file) => file.path === path)?.rows ?? null,
      quarantined: guilty.includes(path),
    })),
    failingRowsSha256: null,
    createdMs: clock.now(),
  }
}

export function toReportRow({ dataset }: Pick<IngestPlan, 'dataset'>, report: ValidationReport) {
  return {
    id: report.id,
    project_id: dataset.projectId,
    dataset_id: dataset.id,
    verdict: report.verdict,
    sentence: report.sentence,
    rows: report.rows,
    results_json: canonicalJson(report.results),
    files_json: canonicalJson(report.files),
    failing_rows_sha256: report.failingRowsSha256,
    created_ms: report.createdMs,
  }
}

/** The parts of arriving files, each content once, in short transactions before the version that needs them. */
async function storeParts(
  context: IngestContext,
  plan: IngestPlan,
  parts: Ingested['parts'],
  arrivals: readonly Arrival[],
): Promise<void> {
  const { dataset } = plan
  const bySource = new Map(parts.map((entry) => [entry.part.source.sha256, entry]))
  const rows = arrivals.map(({ file }): DatasetPartRow => {
    const { part, columns } = bySource.get(file.sha256)!
    return {
      project_id: dataset.projectId,
      dataset_id: dataset.id,
      source_sha256: file.sha256,
      reading: readingText(file, plan.protection),
      sha256: part.sha256,
      size_bytes: part.sizeBytes,
      rows: part.rows,
      min_time_ms: part.minTimeMs,
      max_time_ms: part.maxTimeMs,
      schema_json: canonicalJson(columns),
      created_ms: context.clock.now(),
    }
  })
  for (let start = 0; start < rows.length; start += BATCH) {
    const batch = rows.slice(start, start + BATCH)
    await context.db.write(async (trx) => {
      await lockDataset(trx, dataset.id)
      await requireNoErasure(trx, plan)
      for (const row of batch)
        await record(context, trx, plan, { sha256: row.sha256, sizeBytes: row.size_bytes })
      await insertParts(trx, batch)
    })
  }
}

async function requireLatest(trx: Trx, plan: IngestPlan): Promise<void> {
  const { dataset, parent } = plan
  await lockDataset(trx, dataset.id)
  await requireNoErasure(trx, plan)
  const latest = await findLatestVersion(trx, dataset.id)
  if (latest?.id === parent?.id && latest?.manifestSha256 === parent?.manifestSha256) return
  throw overtaken(`Another ingest of ${dataset.name} was first`)
}

/** Rows of a person who was erased since they were read must not be stored. The dataset is locked. */
async function requireNoErasure(trx: Trx, { dataset, protection }: IngestPlan): Promise<void> {
  if (!(await isErasedSince(trx, dataset.projectId, protection.leaveOut))) return
  throw overtaken(`A person was erased from ${dataset.name} meanwhile`)
}

/** Retention may have given up a part that no version held while this ingest believed to have it. */
async function requireParts(trx: Trx, { dataset }: IngestPlan, added: readonly Part[]): Promise<void> {
  const hashes = [...new Set(added.map(({ sha256 }) => sha256))]
  if ((await countParts(trx, dataset.id, hashes)) === hashes.length) return
  throw overtaken(`Parts of ${dataset.name} were given up meanwhile`)
}

function overtaken(message: string): AppError {
  return new AppError('conflict', message, { details: { reason: OVERTAKEN } })
}

export function isOvertaken(error: unknown): boolean {
  return isUniqueViolation(error) || (error instanceof AppError && error.details['reason'] === OVERTAKEN)
}

async function record(
  { clock }: IngestContext,
  trx: Trx,
  { dataset }: IngestPlan,
  blob: StoredBlob,
): Promise<void> {
  await recordBlob(trx, { projectId: dataset.projectId, blob, nowMs: clock.now() })
}

export function byTime(a: Part, b: Part): number {
  return (a.minTimeMs ?? 0) - (b.minTimeMs ?? 0) || (a.sha256 < b.sha256 ? -1 : Number(a.sha256 > b.sha256))
}

/** Those that are more often in the version than in the one before: equal rows may come twice. */
export function newParts(parts: readonly Part[], before: readonly Part[]): Part[] {
  const left = new Map<string, number>()
  for (const { sha256 } of before) left.set(sha256, (left.get(sha256) ?? 0) + 1)
  return parts.filter(({ sha256 }) => {
    const count = left.get(sha256) ?? 0
    left.set(sha256, count - 1)
    return count <= 0
  })
}

function knownColumns({ kept }: IngestPlan): Column[] {
  return mergeSchemas(kept.map(({ columns }) => columns))
}

function isBreaking(plan: IngestPlan, columns: readonly Column[] | undefined): boolean {
  return columns !== undefined && compareSchemas(knownColumns(plan), columns)?.kind === 'breaking'
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
