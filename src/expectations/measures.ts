import { quoteIdentifier, quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { ScanContext } from './compile.ts'
import type { Expectation } from './definition.ts'
import { quantileOf } from './quantiles.ts'
import { valueCounts } from './repeats.ts'

type Measure = Extract<
  Expectation,
  {
    check:
      | 'sumBetween'
      | 'meanBetween'
      | 'standardDeviationBetween'
      | 'quantileBetween'
      | 'distinctCount'
      | 'distinctShare'
      | 'uniqueShare'
      | 'mostCommonShare'
      | 'valueShare'
  }
>

/** An aggregate over the values of a column in one file, and what has to be known before. */
export function measureOf(
  e: Measure,
  scan: Pick<ScanContext, 'arriving' | 'file'> & { index: number },
): { measure: string; prepare?: (session: AnalyticsSession) => Promise<void> } {
  const column = quoteIdentifier(e.column)
  switch (e.check) {
    case 'sumBetween':
      return { measure: `sum(${column})` }
    case 'meanBetween':
      return { measure: `avg(${column})` }
    case 'standardDeviationBetween':
      return { measure: `stddev_samp(${column})` }
    case 'quantileBetween':
      return quantileOf(column, e.quantile, scan)
    case 'distinctCount':
      return { measure: `count(DISTINCT ${column})` }
    case 'distinctShare':
      return { measure: share(`count(DISTINCT ${column})`, column) }
    case 'uniqueShare': {
      const { once, prepare } = valueCounts(column, scan)
      return { measure: share(once, column), prepare }
    }
    case 'mostCommonShare': {
      const { most, prepare } = valueCounts(column, scan)
      return { measure: share(most, column), prepare }
    }
    case 'valueShare': {
      const value = typeof e.value === 'string' ? quoteLiteral(e.value) : String(e.value)
      const compared = typeof e.value === 'string' ? `CAST(${column} AS VARCHAR)` : column
      return { measure: share(`count(*) FILTER (WHERE ${compared} = ${value})`, column) }
    }
  }
}

function share(count: string, column: string): string {
  return `${count} / nullif(count(${column}), 0)`
}
