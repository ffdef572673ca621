import { sum } from '../kernel/sum.ts'
import type { Context } from '../http/context.ts'
import type { CheckResult } from '../expectations/schema.ts'
import type { CheckSeries } from './schema.ts'
import { getDataset } from '../data/data.ts'
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
  const dataset = await getDataset({ db }, { projectId, name })
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

/** What one check said about all files of a report: failing rows are sums, measurements a range. */
export interface FoldedResult {
  key: string
  /** What the first file that failed said, or the last one. */
  told: CheckResult
  files: number
  rows: number
  failing: number | null
  observed: { min: number; max: number } | null
}

export function foldResults(results: readonly CheckResult[]): FoldedResult[] {
  return [...Map.groupBy(results, ({ key }) => key)].map(([key, each]) => {
    const observed = each.flatMap((result) => result.observed ?? [])
    const failing = each.flatMap((result) => result.failing ?? [])
    return {
      key,
      told: each.find(({ passed }) => !passed) ?? each.at(-1)!,
      files: each.length,
      rows: sum(each.map(({ rows }) => rows)),
      failing: failing.length === 0 ? null : sum(failing),
      observed:
        observed.length === 0
          ? null
          : {
              min: observed.reduce((a, b) => Math.min(a, b)),
              max: observed.reduce((a, b) => Math.max(a, b)),
            },
    }
  })
}
