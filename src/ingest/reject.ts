import { describeFailure, makeReport, problemResult } from './report.ts'
import { sum } from '../kernel/sum.ts'
import { concealKeptRow } from '../data/data.ts'
import { recordReport } from '../reports/reports.ts'
import { audit, recordDecision } from '../governance/governance.ts'
import { appendEvent } from '../jobs/events.ts'
import type { Actor } from '../kernel/actor.ts'
import { canonicalJson } from '../kernel/json.ts'
import { recordBlob } from '../ports/artifacts/blobs.ts'
import type { Arrival, FileProblem } from './arrivals.ts'
import { compareSchemas, mergeSchemas } from '../sources/sources.ts'
import { recordChange } from './changes.ts'
import type { IngestContext, IngestPlan } from './plan.ts'
import type { Column } from '../sources/schema.ts'
import type { ValidationReport } from '../reports/schema.ts'
import type { CheckResult, FailingRow } from '../expectations/schema.ts'
import { insertQuarantined } from './store.ts'
import { rememberItems } from './remember.ts'
import { MAX_FAILING_ROWS, type Validation } from '../expectations/expectations.ts'

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
    if (blob) await recordBlob(trx, { projectId: dataset.projectId, blob, nowMs: clock.now() })
    await recordReport(trx, report, { projectId: dataset.projectId, version: null })
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

function knownColumns({ kept }: IngestPlan): Column[] {
  return mergeSchemas(kept.map(({ columns }) => columns))
}

function isBreaking(plan: IngestPlan, columns: readonly Column[] | undefined): boolean {
  return columns !== undefined && compareSchemas(knownColumns(plan), columns)?.kind === 'breaking'
}
