import { parquetScan } from '../ports/analytics/analytics.ts'
import type { CheckResult, FailingRow } from '../expectations/schema.ts'
import type { Context } from '../http/context.ts'
import { detectPersonal, maskValue } from '../privacy/privacy.ts'
import type { PersonalColumn, PersonalFinding } from '../privacy/schema.ts'
import type { Column } from '../sources/schema.ts'
import type { Arrival } from './arrivals.ts'
import type { IngestContext, IngestPlan } from './plan.ts'
import type { Dataset, DatasetVersion } from './schema.ts'
import type { DatasetSummary } from '../summaries/schema.ts'
import { listFindings } from './store-personal.ts'

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

/** The personal columns of a version: those that were found, and those that the dataset names. */
export async function personalColumns(
  { db }: Pick<Context, 'db'>,
  { definition }: Pick<Dataset, 'definition'>,
  version: Pick<DatasetVersion, 'id'>,
): Promise<PersonalColumn[]> {
  const findings = new Map(
    (await listFindings(db.read, version.id)).map((finding) => [finding.column, finding]),
  )
  const names = new Set([...findings.keys(), ...Object.keys(definition.personal ?? {})])
  return [...names].map((column) => {
    const policy = definition.personal?.[column] ?? null
    const { kind, confidence, share, evidence, examples } = findings.get(column) ?? UNFOUND
    return { column, kind, confidence, share, evidence, examples, policy }
  })
}

/** Values of personal columns that are stored as they are, masked where they are shown one by one. */
export function concealKept(
  summary: DatasetSummary,
  { definition }: Pick<Dataset, 'definition'>,
): DatasetSummary {
  const columns = summary.columns.map((column) => {
    if (definition.personal?.[column.name] !== 'keep') return column
    const shown = (value: string | number | null): string | number | null =>
      typeof value === 'string' ? maskValue(value) : value
    const top = column.top.map(({ value, count }) => ({ value: maskValue(value), count }))
    return { ...column, min: shown(column.min), max: shown(column.max), top }
  })
  return { ...summary, columns }
}

export function concealKeptRow<Row extends Pick<FailingRow, 'values'>>(
  row: Row,
  { definition }: Pick<Dataset, 'definition'>,
): Row {
  const values = Object.entries(row.values).map(([name, value]) => [
    name,
    value !== null && definition.personal?.[name] === 'keep' ? maskValue(value) : value,
  ])
  return { ...row, values: Object.fromEntries(values) as FailingRow['values'] }
}

const UNFOUND = { kind: null, confidence: null, share: null, evidence: null, examples: [] }
