import { concealKeptRow } from '../data/data.ts'
import { MAX_FAILING_ROWS, type Validation } from '../expectations/expectations.ts'
import type { CheckResult, FailingRow } from '../expectations/schema.ts'
import { audit, recordDecision } from '../governance/governance.ts'
import { appendEvent } from '../jobs/events.ts'
import type { Actor } from '../kernel/actor.ts'
import { canonicalJson } from '../kernel/json.ts'
import { sum } from '../kernel/sum.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import type { Trx } from '../ports/db/db.ts'
import { recordReport } from '../reports/reports.ts'
import type { ValidationReport } from '../reports/schema.ts'
import type { Column } from '../sources/schema.ts'
import { compareSchemas, mergeSchemas, type SourceItem } from '../sources/sources.ts'
import type { Arrival, FileProblem } from './arrivals.ts'
import { recordChange } from './changes.ts'
import type { IngestContext, IngestPlan } from './plan.ts'
import { rememberItems } from './remember.ts'
import { describeFailure, makeReport, problemResult } from './report.ts'
import { insertQuarantined } from './store-quarantine.ts'

/** Files that one refusal sets aside at most: the transaction stays below 500 rows. */
const MAX_QUARANTINED = 400

interface Refused {
  problems: FileProblem[]
  validation: Validation
  arrivals: Arrival[]
}

/** Stores why nothing was ingested, and sets the guilty files aside by their content. */
export async function rejectArrivals(
  context: IngestContext,
  actor: Actor,
  plan: IngestPlan,
  refused: Refused,
): Promise<ValidationReport> {
  const { db, artifacts, clock } = context
  const { dataset } = plan
  const { problems, validation, arrivals } = refused
  const { projectId } = dataset
  const results = [...problems.map(problemResult), ...validation.results]
  const failures = results.filter((result) => !result.passed && result.severity === 'error')
  const guilty = guiltyFiles(plan, failures)
  const failing = failingRows(plan, refused)
  const blob = failing.length === 0 ? undefined : await artifacts.put(Buffer.from(canonicalJson(failing)))
  const said = { verdict: 'failed', sentence: describeFailure(dataset.name, failures) } as const
  const report: ValidationReport = {
    ...makeReport(context, plan, { ...validation, results }, said, [...guilty]),
    failingRowsSha256: blob?.sha256 ?? null,
  }
  const files = [...problems, ...arrivals].map(({ file }) => file).filter(({ path }) => guilty.has(path))
  await db.write(async (trx) => {
    if (blob) await recordBlob(trx, { projectId, blob, nowMs: clock.now() })
    await recordReport(trx, report, { projectId, version: null })
    await insertQuarantined(
      trx,
      files.slice(0, MAX_QUARANTINED).map(({ path, sha256 }) => ({
        project_id: projectId,
        dataset_id: dataset.id,
        source_sha256: sha256,
        definition_hash: plan.judgedBy,
        path,
        report_id: report.id,
        created_ms: clock.now(),
      })),
    )
    await tellRejected(trx, actor, plan, { report, failures, files })
    await recordChange(context, trx, actor, plan, {
      columns: columnsAtSource(plan, refused),
      versionId: null,
      reportId: report.id,
      rows: report.rows,
      lateRows: 0,
    })
  })
  await rememberItems(context, plan)
  return report
}

/** Rows that show what is wrong; of personal columns that are kept the values are masked. */
function failingRows({ dataset }: IngestPlan, { problems, validation }: Refused): FailingRow[] {
  return [
    ...problems.flatMap(({ file, failingRows: rows }) =>
      rows.map(({ row, reason, values }) => ({ file: file.path, row, checks: [reason], values })),
    ),
    ...validation.failingRows.map((row) => concealKeptRow(row, dataset)),
  ].slice(0, MAX_FAILING_ROWS)
}

async function tellRejected(
  trx: Trx,
  actor: Actor,
  { dataset }: IngestPlan,
  told: { report: ValidationReport; failures: readonly CheckResult[]; files: readonly SourceItem[] },
): Promise<void> {
  const { projectId, id: datasetId, name } = dataset
  const { id: reportId, sentence, createdMs: atMs, rows } = told.report
  const payload = { datasetId, name, reportId, sentence }
  await appendEvent(trx, { projectId, kind: 'dataset.rejected', payload, atMs })
  await recordDecision(trx, {
    projectId,
    kind: 'validation',
    subjectType: 'dataset',
    subjectId: name,
    verdict: 'rejected',
    sentence,
    rule: `expectations ${dataset.definitionHash.slice(0, 12)}`,
    numbers: {
      failedChecks: told.failures.length,
      rows,
      failingRows: sum(told.failures.map(({ failing }) => failing ?? 0)),
    },
    inputs: { reportId, files: told.files.map(({ path, sha256 }) => ({ path, sha256 })) },
    atMs,
  })
  await audit(trx, { projectId, actor, action: 'data.reject', subject: name, detail: { reportId } })
}

/** What is wrong with all that arrived is nobody's fault in particular: then every file is set aside. */
function guiltyFiles({ arriving }: IngestPlan, failures: readonly CheckResult[]): Set<string> {
  if (failures.some(({ file }) => file === null)) return new Set(arriving.map(({ path }) => path))
  return new Set(failures.flatMap(({ file }) => file ?? []))
}

/** The columns of the first file whose columns no longer fit, else all that were met together. */
function columnsAtSource({ kept }: IngestPlan, { problems, arrivals }: Refused): readonly Column[] {
  const known = mergeSchemas(kept.map(({ columns }) => columns))
  const breaking = [...problems, ...arrivals].find(
    ({ columns }) => columns !== undefined && compareSchemas(known, columns)?.kind === 'breaking',
  )
  return breaking?.columns ?? mergeSchemas([known, ...arrivals.map(({ columns }) => columns)])
}
