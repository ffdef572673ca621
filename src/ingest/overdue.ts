import { findLatestReport, listArrivals, recordReport } from '../reports/reports.ts'
import { judgeWait } from '../expectations/expectations.ts'
import type { CheckResult } from '../expectations/schema.ts'
import { audit, recordDecision } from '../governance/governance.ts'
import type { Actor } from '../kernel/actor.ts'
import type { IngestContext, IngestPlan } from './plan.ts'
import type { ValidationReport } from '../reports/schema.ts'
import { lockDataset } from '../data/data.ts'

export const OVERDUE = 'anomaly:freshness:overdue'

/**
 * Reports once that nothing has arrived for longer than usual, where the dataset has an anomaly check of its freshness. The
 * next arrival is judged as ever.
 */
export async function tellOverdue(
  { db, clock, ids }: Pick<IngestContext, 'db' | 'clock' | 'ids'>,
  actor: Actor,
  { dataset }: Pick<IngestPlan, 'dataset'>,
): Promise<ValidationReport | undefined> {
  const check = dataset.definition.expect.find((e) => e.check === 'anomaly' && e.of === 'freshness')
  if (check?.check !== 'anomaly') return undefined
  const latest = await findLatestReport(db.read, dataset.id)
  if (!latest || latest.results.some(({ key, passed }) => key === OVERDUE && !passed)) return undefined
  const earlier = (await listArrivals(db.read, dataset.id)).filter((ms) => ms < latest.createdMs)
  const waited = judgeWait(check, [...earlier, latest.createdMs], clock.now())
  if (!waited) return undefined
  const report = overdueReport(
    dataset.name,
    { id: ids.uuid(), datasetId: dataset.id, createdMs: clock.now() },
    {
      severity: check.severity,
      ...waited,
    },
  )
  return await db.write(async (trx) => {
    await lockDataset(trx, dataset.id)
    if ((await findLatestReport(trx, dataset.id))?.id !== latest.id) return undefined
    await recordReport(trx, report, { projectId: dataset.projectId, version: null })
    await recordDecision(trx, {
      projectId: dataset.projectId,
      kind: 'validation',
      subjectType: 'dataset',
      subjectId: dataset.name,
      verdict: 'overdue',
      sentence: report.sentence,
      rule: `expectations ${dataset.definitionHash.slice(0, 12)}`,
      numbers: { waitedMs: waited.observed ?? 0, usualMs: waited.expected?.max ?? 0 },
      inputs: { reportId: report.id },
      atMs: report.createdMs,
    })
    await audit(trx, {
      projectId: dataset.projectId,
      actor,
      action: 'data.overdue',
      subject: dataset.name,
      detail: { reportId: report.id },
    })
    return report
  })
}

function overdueReport(
  name: string,
  head: Pick<ValidationReport, 'id' | 'datasetId' | 'createdMs'>,
  waited: Pick<CheckResult, 'severity' | 'observed' | 'expected' | 'message'>,
): ValidationReport {
  const result: CheckResult = {
    check: 'anomaly',
    key: OVERDUE,
    column: null,
    title: 'data arrive as often as usual',
    passed: false,
    file: null,
    rows: 0,
    failing: null,
    failingRows: [],
    against: null,
    ...waited,
  }
  return {
    ...head,
    verdict: waited.severity === 'error' ? 'failed' : 'warned',
    sentence: `${name}: ${waited.message}`,
    rows: 0,
    results: [result],
    files: [],
    failingRowsSha256: null,
  }
}
