import { describeSuccess, makeReport } from './report.ts'
import { requireLatest, requireParts } from './overtaken.ts'
import { storeParts } from './store-parts.ts'
import { sum } from '../kernel/sum.ts'
import {
  byTime,
  factsOfParts,
  findVersion,
  insertFindings,
  insertVersion,
  partsOnlyIn,
  unmergeParts,
} from '../data/data.ts'
import { recordDelivery, recordReport } from '../reports/reports.ts'
import { audit } from '../governance/governance.ts'
import { appendEvent } from '../jobs/events.ts'
import type { Actor } from '../kernel/actor.ts'
import { canonicalJson } from '../kernel/json.ts'
import type { StoredBlob } from '../ports/artifacts/artifacts.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import type { Arrival } from './arrivals.ts'
import { compareSchemas } from '../sources/sources.ts'
import { recordChange } from './changes.ts'
import { recordLeftOut } from '../privacy/privacy.ts'
import { mergeFindings } from './find-personal.ts'
import type { MergedPart } from './merge-parts.ts'
import type { IngestContext, IngestPlan } from './plan.ts'
import type { PersonalFinding } from '../privacy/schema.ts'
import type { Column } from '../sources/schema.ts'
import type { DatasetVersion, Manifest, Part, VersionCause } from '../data/schema.ts'
import type { ValidationReport } from '../reports/schema.ts'
import { rememberItems, rememberSource, standOf } from './remember.ts'
import { upsertCursor } from './store-sources.ts'
import type { SummaryState } from '../summaries/summaries.ts'
import { type Delivery, type Validation } from '../expectations/expectations.ts'

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
  { actor, cause }: VersionOrigin,
  plan: IngestPlan,
  { parts, merged, schema, arrivals, validation, summary, delivery, personal, lateRows }: Ingested,
): Promise<{ version: DatasetVersion | undefined; report: ValidationReport }> {
  const { db, artifacts, clock, ids } = context
  const { dataset, parent, items, source } = plan
  const ordered = parts.map(({ part }) => part).sort(byTime)
  const facts = factsOfParts(schema, ordered)
  const report = makeReport(context, plan, validation, describeSuccess(dataset.name, validation), [])
  await storeParts(context, plan, parts, { arrivals, merged })
  if (facts.contentHash === parent?.contentHash) {
    await rememberSource(context, plan)
    return { version: undefined, report }
  }
  const manifest: Manifest = {
    format: 'tidemill-dataset-1',
    dataset: dataset.name,
    schema,
    time: dataset.definition.time ?? null,
    parts: ordered,
    ...(merged.length > 0 && { merged: merged.map(toMerged) }),
    parent: parent?.manifestSha256 ?? null,
  }
  const blobs = await Promise.all(
    [manifest, summary].map((document) => artifacts.put(Buffer.from(canonicalJson(document)))),
  )
  const [manifestBlob, summaryBlob] = blobs as [StoredBlob, StoredBlob]
  const before = plan.parentManifest?.parts ?? []
  const added = partsOnlyIn(unmergeParts(manifest, before), before).only
  const version = {
    id: ids.uuid(),
    number: (parent?.number ?? 0) + 1,
    addedRows: sum(added.map(({ rows }) => rows)),
  }
  const change = parent ? compareSchemas(parent.schema, schema) : null
  const findings = await mergeFindings(context, plan, personal, schema)
  await db.write(async (trx) => {
    await requireLatest(trx, plan)
    await requireParts(trx, plan, [...added, ...merged.map(({ part }) => part)])
    for (const blob of blobs)
      await recordBlob(trx, { projectId: dataset.projectId, blob, nowMs: clock.now() })
    await recordReport(trx, report, { projectId: dataset.projectId, version: version.number })
    await insertVersion(trx, {
      id: version.id,
      project_id: dataset.projectId,
      dataset_id: dataset.id,
      number: version.number,
      manifest_sha256: manifestBlob.sha256,
      content_hash: facts.contentHash,
      schema_json: canonicalJson(schema),
      schema_change_json: change && canonicalJson(change),
      rows: facts.rows,
      added_rows: version.addedRows,
      size_bytes: facts.sizeBytes,
      parts: ordered.length,
      min_time_ms: facts.minTimeMs,
      max_time_ms: facts.maxTimeMs,
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
    const place = { projectId: dataset.projectId, datasetId: dataset.id, version: version.number }
    if (delivery) await recordDelivery(trx, place, delivery)
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
        rows: facts.rows,
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

function toMerged({ part, of }: MergedPart): { sha256: string; parts: string[] } {
  return { sha256: part.sha256, parts: of.map((each) => each.part.sha256) }
}
