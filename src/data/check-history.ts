import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import type { CheckResult } from '../expectations/schema.ts'
import type { CheckSeries, ValidationReport } from './schema.ts'
import { findDataset } from './store.ts'
import { listCheckResults } from './store-checks.ts'
import type { CheckResultRow } from './tables.ts'

/** Each check that the newest reports of a dataset have, with what it said in each of them, oldest first. */
export async function checkHistory(
  { db }: Pick<Context, 'db'>,
  {
    projectId,
    dataset: name,
    ...range
  }: { projectId: string; dataset: string; reports: number; key?: string | undefined },
): Promise<CheckSeries[]> {
  const dataset = await findDataset(db.read, projectId, name)
  if (!dataset) throw new AppError('not_found', `There is no dataset ${name}`)
  const series = new Map<string, CheckSeries>()
  for (const row of await listCheckResults(db.read, dataset.id, range)) {
    const { check_key: key, check_kind: check, title, severity } = row
    const points = series.get(key)?.points ?? []
    series.set(key, { key, check, title, severity, points: [...points, toPoint(row)] })
  }
  return [...series.values()]
}

function toPoint(row: CheckResultRow): CheckSeries['points'][number] {
  return {
    reportId: row.report_id,
    version: row.version_number,
    atMs: row.created_ms,
    passed: row.passed === 1,
    message: row.message,
    files: row.files,
    rows: row.rows,
    failing: row.failing,
    observed: row.observed_min === null ? null : { min: row.observed_min, max: row.observed_max! },
    expected:
      row.expected_min === null && row.expected_max === null
        ? null
        : { min: row.expected_min, max: row.expected_max },
  }
}

/** What each check said in a report, its files together: failing rows are sums, measurements a range. */
export function toCheckRows(
  report: Pick<ValidationReport, 'id' | 'datasetId' | 'results' | 'createdMs'>,
  { projectId, version }: { projectId: string; version: number | null },
): CheckResultRow[] {
  return [...Map.groupBy(report.results, ({ key }) => key)].map(([key, results]) => {
    const worst = results.find(({ passed }) => !passed) ?? results.at(-1)!
    const observed = results.flatMap((result) => result.observed ?? [])
    return {
      report_id: report.id,
      check_key: key,
      project_id: projectId,
      dataset_id: report.datasetId,
      check_kind: worst.check,
      title: worst.title,
      severity: worst.severity,
      passed: worst.passed ? 1 : 0,
      message: worst.message,
      files: results.length,
      rows: sum(results.map(({ rows }) => rows)),
      failing: failingOf(results),
      observed_min: observed.length === 0 ? null : observed.reduce((a, b) => Math.min(a, b)),
      observed_max: observed.length === 0 ? null : observed.reduce((a, b) => Math.max(a, b)),
      expected_min: worst.expected?.min ?? null,
      expected_max: worst.expected?.max ?? null,
      version_number: version,
      created_ms: report.createdMs,
    }
  })
}

function failingOf(results: readonly CheckResult[]): number | null {
  const known = results.flatMap(({ failing }) => failing ?? [])
  return known.length === 0 ? null : sum(known)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
