import {
  byTime,
  factsOfParts,
  findVersion,
  insertFindings,
  insertVersion,
  partsOnlyIn,
  unmergeParts,
  type DatasetVersionRow,
} from '../data/data.ts'
import type { DatasetVersion, Manifest, Part, VersionCause } from '../data/schema.ts'
import type { Delivery, Validation } from '../expectations/expectations.ts'
import { audit } from '../governance/governance.ts'
import { appendEvent } from '../jobs/events.ts'
import type { Actor } from '../kernel/actor.ts'
import { canonicalJson } from '../kernel/json.ts'
import { sum } from '../kernel/sum.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import type { Trx } from '../ports/db/db.ts'
import { recordLeftOut } from '../privacy/privacy.ts'
import type { PersonalFinding } from '../privacy/schema.ts'
import { recordDelivery, recordReport } from '../reports/reports.ts'
import type { ValidationReport } from '../reports/schema.ts'
import type { Column } from '../sources/schema.ts'
import { compareSchemas } from '../sources/sources.ts'
import type { SummaryState } from '../summaries/summaries.ts'
import type { Arrival } from './arrivals.ts'
import { recordChange } from './changes.ts'
import { mergeFindings } from './find-personal.ts'
import type { MergedPart } from './merge-parts.ts'
import { requireLatest, requireParts } from './overtaken.ts'
import type { IngestContext, IngestPlan } from './plan.ts'
import { rememberItems, rememberSource, standOf } from './remember.ts'
import { describeSuccess, makeReport } from './report.ts'
import { storeParts } from './store-parts.ts'
import { upsertCursor } from './store-sources.ts'

/** Who makes a version, and why. */
export interface VersionOrigin {
  actor: Actor
  cause: VersionCause
}

export interface Ingested {
  parts: { part: Part; columns: Column[] }[]
  /** Those of the parts that stand for parts of the version before. */
  merged: MergedPart[]
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
  origin: VersionOrigin,
  plan: IngestPlan,
  ingested: Ingested,
): Promise<{ version: DatasetVersion | undefined; report: ValidationReport }> {
  const { db, artifacts, clock } = context
  const { projectId, id: datasetId, name } = plan.dataset
  const { parts, merged, schema, arrivals, validation, summary, delivery, personal, lateRows } = ingested
  const report = makeReport(context, plan, validation, describeSuccess(name, validation), [])
  await storeParts(context, plan, parts, { arrivals, merged })
  const manifest = manifestOf(plan, ingested)
  const facts = factsOfParts(schema, manifest.parts)
  if (facts.contentHash === plan.parent?.contentHash) {
    await rememberSource(context, plan)
    return { version: undefined, report }
  }
  const before = plan.parentManifest?.parts ?? []
  const added = partsOnlyIn(unmergeParts(manifest, before), before).only
  const [manifestBlob, summaryBlob] = await Promise.all([
    artifacts.put(Buffer.from(canonicalJson(manifest))),
    artifacts.put(Buffer.from(canonicalJson(summary))),
  ])
  const blobs = { manifest: manifestBlob, summary: summaryBlob }
  const row = versionRow(context, origin, plan, {
    manifest,
    facts,
    added,
    blobs,
    lateRows,
    reportId: report.id,
  })
  const findings = await mergeFindings(context, plan, personal, schema)
  await db.write(async (trx) => {
    await requireLatest(trx, plan)
    await requireParts(trx, plan, [...added, ...merged.map(({ part }) => part)])
    for (const blob of Object.values(blobs)) await recordBlob(trx, { projectId, blob, nowMs: clock.now() })
    await recordReport(trx, report, { projectId, version: row.number })
    await insertVersion(trx, row)
    await insertFindings(trx, {
      version_id: row.id,
      project_id: projectId,
      findings_json: canonicalJson(findings),
      created_ms: clock.now(),
    })
    await plan.source.take?.(trx, row.id)
    await upsertCursor(trx, standOf(plan))
    const arrived = { columns: schema, versionId: row.id, reportId: report.id, rows: report.rows, lateRows }
    await recordChange(context, trx, origin.actor, plan, arrived)
    if (delivery) await recordDelivery(trx, { projectId, datasetId, version: row.number }, delivery)
    await recordLeftOut(trx, projectId, plan.protection.leaveOut)
    await tellVersion(trx, origin, plan, row)
  })
  await rememberItems(context, plan)
  return { version: (await findVersion(db.read, projectId, row.id))!, report }
}

function manifestOf({ dataset, parent }: IngestPlan, { parts, merged, schema }: Ingested): Manifest {
  return {
    format: 'tidemill-dataset-1',
    dataset: dataset.name,
    schema,
    time: dataset.definition.time ?? null,
    parts: parts.map(({ part }) => part).sort(byTime),
    ...(merged.length > 0 && { merged: merged.map(toMerged) }),
    parent: parent?.manifestSha256 ?? null,
  }
}

function toMerged({ part, of }: MergedPart): { sha256: string; parts: string[] } {
  return { sha256: part.sha256, parts: of.map((each) => each.part.sha256) }
}

function versionRow(
  { clock, ids }: IngestContext,
  { actor, cause }: VersionOrigin,
  { dataset, parent, source }: IngestPlan,
  stored: {
    manifest: Manifest
    facts: ReturnType<typeof factsOfParts>
    added: readonly Part[]
    blobs: Record<'manifest' | 'summary', StoredBlob>
    lateRows: number
    reportId: string
  },
): DatasetVersionRow {
  const { facts } = stored
  const { schema, parts } = stored.manifest
  const change = parent ? compareSchemas(parent.schema, schema) : null
  return {
    id: ids.uuid(),
    project_id: dataset.projectId,
    dataset_id: dataset.id,
    number: (parent?.number ?? 0) + 1,
    manifest_sha256: stored.blobs.manifest.sha256,
    content_hash: facts.contentHash,
    schema_json: canonicalJson(schema),
    schema_change_json: change && canonicalJson(change),
    rows: facts.rows,
    added_rows: sum(stored.added.map(({ rows }) => rows)),
    size_bytes: facts.sizeBytes,
    parts: parts.length,
    min_time_ms: facts.minTimeMs,
    max_time_ms: facts.maxTimeMs,
    parent_id: parent?.id ?? null,
    report_id: stored.reportId,
    summary_sha256: stored.blobs.summary.sha256,
    created_ms: clock.now(),
    actor_id: actor.id,
    actor_name: actor.name,
    cause_kind: cause.kind,
    cause_reference: cause.reference,
    deleted_ms: null,
    deleted_why: null,
    released_ms: null,
    source_cursor: source.cursorAfter,
    late_rows: stored.lateRows,
  }
}

async function tellVersion(
  trx: Trx,
  { actor }: VersionOrigin,
  { dataset: { projectId, id: datasetId, name }, items }: IngestPlan,
  { id: versionId, number, rows, added_rows: addedRows, created_ms: atMs }: DatasetVersionRow,
): Promise<void> {
  const payload = { datasetId, name, versionId, number, rows, addedRows }
  await appendEvent(trx, { projectId, kind: 'dataset.version_created', payload, atMs })
  const detail = { version: number, files: items.length, addedRows }
  await audit(trx, { projectId, actor, action: 'data.ingest', subject: name, detail })
}
