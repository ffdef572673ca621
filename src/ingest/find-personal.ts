import { listFindings } from '../data/data.ts'
import type { Dataset } from '../data/schema.ts'
import type { CheckResult } from '../expectations/schema.ts'
import type { Context } from '../http/context.ts'
import { parquetScan } from '../ports/analytics/analytics.ts'
import { detectPersonal } from '../privacy/privacy.ts'
import type { PersonalFinding } from '../privacy/schema.ts'
import type { Column } from '../sources/schema.ts'
import type { Arrival } from './arrivals.ts'
import type { IngestContext, IngestPlan } from './plan.ts'

/** Looks for personal columns in what arrives, as it is stored: what is dropped, hashed or masked is no longer there. */
export async function findPersonal(
  { artifacts, analytics }: Pick<IngestContext, 'artifacts' | 'analytics'>,
  arrivals: readonly Arrival[],
  columns: readonly Column[],
): Promise<PersonalFinding[]> {
  if (arrivals.length === 0) return []
  const paths = await Promise.all(arrivals.map(({ blob }) => artifacts.localPath(blob.sha256)))
  await using session = await analytics.session({ threads: 1 })
  return await detectPersonal(session, `SELECT * FROM ${parquetScan(paths)}`, columns)
}

/** What is known of the next version: what was found now, and what was found before in columns that it still has. */
export async function mergeFindings(
  { db }: Pick<Context, 'db'>,
  { parent, kept }: Pick<IngestPlan, 'parent' | 'kept'>,
  found: readonly PersonalFinding[],
  schema: readonly Column[],
): Promise<PersonalFinding[]> {
  const before = parent && kept.length > 0 ? await listFindings(db.read, parent.id) : []
  const merged = new Map([...before, ...found].map((finding) => [finding.column, finding]))
  return schema.flatMap(({ name }) => merged.get(name) ?? [])
}

/**
 * A warning for each column that the dataset says nothing of. What points at a person only together with other columns
 * (coordinates, postal codes) warns of nothing by itself.
 */
export function untaggedColumns(
  { definition }: Pick<Dataset, 'definition'>,
  arrivals: readonly Arrival[],
  findings: readonly PersonalFinding[],
): CheckResult[] {
  const [first, ...others] = arrivals
  if (!first) return []
  const file = others.length === 0 ? first.file.path : null
  return findings
    .filter(({ column, confidence }) => confidence !== 'low' && definition.personal?.[column] === undefined)
    .map(({ column, evidence }) => ({
      check: 'personal',
      key: `personal:${column}`,
      column,
      title: `${column} is not personal, or the dataset says what to do with it`,
      severity: 'warn',
      passed: false,
      file,
      rows: 0,
      failing: null,
      failingRows: [],
      observed: null,
      expected: null,
      against: null,
      message: `personal data in column ${column}: say in the dataset what to do with it (${evidence})`,
    }))
}
