import type { FailingRow } from '../expectations/schema.ts'
import type { Context } from '../http/context.ts'
import { maskValue } from '../privacy/privacy.ts'
import type { PersonalColumn } from '../privacy/schema.ts'
import type { DatasetSummary } from '../summaries/schema.ts'
import type { Dataset, DatasetVersion } from './schema.ts'
import { listFindings } from './store-personal.ts'

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
