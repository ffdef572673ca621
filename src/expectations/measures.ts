import { quoteIdentifier, quoteLiteral } from '../ports/analytics/analytics.ts'
import type { Expectation } from './definition.ts'
import { FILE } from './row-checks.ts'

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

/** An aggregate over the values of a column in one file; `window` is computed for each row before. */
export function measureOf(e: Measure, index: number): { measure: string; window?: Record<string, string> } {
  const column = quoteIdentifier(e.column)
  const repeats = {
    [`__w${index}`]: `CASE WHEN ${column} IS NOT NULL THEN count(*) OVER (PARTITION BY ${FILE}, ${column}) END`,
  }
  switch (e.check) {
    case 'sumBetween':
      return { measure: `sum(${column})` }
    case 'meanBetween':
      return { measure: `avg(${column})` }
    case 'standardDeviationBetween':
      return { measure: `stddev_samp(${column})` }
    case 'quantileBetween':
      return { measure: `quantile_cont(${column}, ${e.quantile})` }
    case 'distinctCount':
      return { measure: `count(DISTINCT ${column})` }
    case 'distinctShare':
      return { measure: share(`count(DISTINCT ${column})`, column) }
    case 'uniqueShare':
      return { measure: share(`count(*) FILTER (WHERE __w${index} = 1)`, column), window: repeats }
    case 'mostCommonShare':
      return { measure: share(`max(__w${index})`, column), window: repeats }
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
