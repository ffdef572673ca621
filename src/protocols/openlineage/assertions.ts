import { foldResults } from '../../reports/reports.ts'
import type { CheckResult } from '../../expectations/schema.ts'

/** An item of the facet `DataQualityAssertionsDatasetFacet`. */
export interface Assertion {
  assertion: string
  success: boolean
  column?: string
  severity: string
  name: string
  description: string
  expected?: string
  actual?: string
}

/** The words that OpenLineage's consumers know, by the name of the check; others keep their own in snake case. */
const ASSERTIONS: Readonly<Record<string, string>> = {
  inSet: 'accepted_values',
  references: 'relationships',
  sql: 'custom_sql',
}

/** One assertion for each check, all files of the report together. */
export function assertionsOf(results: readonly CheckResult[]): Assertion[] {
  return foldResults(results).map(({ key, told, rows, failing, observed }) => {
    const expected = told.expected ? rangeText(told.expected) : undefined
    const measured = observed && rangeText(observed)
    const actual = failing === null ? measured : `${failing} of ${rows} rows fail`
    return {
      assertion: ASSERTIONS[told.check] ?? snakeCase(told.check),
      success: told.passed,
      ...(told.column !== null && { column: told.column }),
      severity: told.severity,
      name: key,
      description: told.passed ? told.title : `${told.title}: ${told.message}`,
      ...(expected !== undefined && { expected }),
      ...(actual !== undefined && actual !== null && { actual }),
    }
  })
}

function rangeText({ min, max }: { min: number | null; max: number | null }): string {
  if (min === max) return String(min)
  return `${min ?? ''}..${max ?? ''}`
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
