import { AppError } from '../kernel/errors.ts'
import {
  quoteIdentifier,
  quoteLiteral,
  type AnalyticsRow,
  type AnalyticsSession,
} from '../ports/analytics/analytics.ts'
import type { Check } from './compile.ts'
import { SHOWN_ROWS } from './judge.ts'
import { FILE } from './repeats.ts'

export interface Scan {
  /** SQL of the rows of all parts, with `__file` and `file_row_number`. */
  arriving: string
  parts: readonly string[]
  time: string | undefined
}

/**
 * All checks in one scan: of each part that has rows their number, the extent of its time and `value_<place of the check>`. When it fails, each check is
 * tried by itself, and those that can't be computed are refused.
 */
export async function countInOneScan(
  session: AnalyticsSession,
  scan: Scan,
  checks: readonly Check[],
): Promise<{ counted: Map<string, AnalyticsRow>; checks: readonly Check[] }> {
  const count = (of: readonly Check[]) => byPart(session, scan, countsOf(of, scan.time))
  try {
    return { counted: await count(checks), checks }
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'invalid')) throw error
  }
  const settled: Check[] = []
  for (const check of checks) {
    try {
      await count([check])
      settled.push(check)
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'invalid')) throw error
      const { key, title, phrase, severity, expectation, against } = check
      const [reason] = error.message.split('\n')
      const refused = `it can't be computed: ${reason}`
      settled.push({ key, title, phrase, severity, expectation, against, refused })
    }
  }
  return { counted: await count(settled), checks: settled }
}

/** The first failing rows of each part as `rows_<place of the check>`: a scan for those checks alone that have any. */
export async function findShownRows(
  session: AnalyticsSession,
  scan: Scan,
  checks: readonly Check[],
  counted: ReadonlyMap<string, AnalyticsRow>,
): Promise<Map<string, AnalyticsRow>> {
  const aggregates = checks.flatMap((check, index) => {
    const has = 'bad' in check && [...counted.values()].some((row) => Number(row[`value_${index}`]) > 0)
    return has ? [`min(file_row_number + 1, ${SHOWN_ROWS}) FILTER (WHERE ${check.bad}) AS rows_${index}`] : []
  })
  return aggregates.length === 0 ? new Map() : await byPart(session, scan, aggregates)
}

function countsOf(checks: readonly Check[], time: string | undefined): string[] {
  const bounds =
    time === undefined
      ? []
      : ['min', 'max'].map((end) => `epoch_ms(${end}(${quoteIdentifier(time)})) AS __${end}`)
  const values = checks.flatMap((check, index) => {
    if ('bad' in check) return [`${check.count ?? `count_if(${check.bad})`} AS value_${index}`]
    return 'measure' in check ? [`CAST(${check.measure} AS DOUBLE) AS value_${index}`] : []
  })
  return ['count(*) AS __rows', ...bounds, ...values]
}

/** SQL of the part that an aggregate is over. Of one part there is nothing to group, which is most of the work that can be saved. */
export function aggregatedFile([only, ...others]: readonly string[]): string {
  return others.length === 0 ? quoteLiteral(only!) : FILE
}

async function byPart(
  session: AnalyticsSession,
  { arriving, parts }: Scan,
  aggregates: readonly string[],
): Promise<Map<string, AnalyticsRow>> {
  const file = aggregatedFile(parts)
  const groups = file === FILE ? `GROUP BY ${FILE}` : 'HAVING count(*) > 0'
  const rows = await session.query(
    `SELECT ${file} AS part, ${aggregates.join(', ')} FROM ${arriving} ${groups}`,
  )
  return new Map(rows.map((row) => [String(row['part']), row]))
}
