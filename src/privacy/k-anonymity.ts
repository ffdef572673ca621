import { quoteIdentifier, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { AnonymityGroup, AnonymityReport } from './schema.ts'

const SHOWN_GROUPS = 20

/**
 * How well people hide among each other: rows that agree in all quasi-identifiers are one group, and the table is k-anonymous for the size
 * of the smallest (Sweeney 2002); null is a value like another. With a sensitive column also how many different values
 * the groups have: the table is l-diverse for the least (distinct l-diversity, Machanavajjhala et al. 2007).
 */
export async function kAnonymity(
  session: AnalyticsSession,
  scan: string,
  { columns, sensitive, k }: { columns: readonly string[]; sensitive: string | undefined; k: number },
): Promise<AnonymityReport> {
  const keys = columns.map((name, index) => `${quoteIdentifier(name)} AS q${index}`).join(', ')
  const names = columns.map((_, index) => `q${index}`).join(', ')
  // Distinct values in two steps, which DuckDB can spill to disk.
  const value = sensitive === undefined ? '' : `, ${quoteIdentifier(sensitive)} AS s`
  const counted =
    sensitive === undefined
      ? `SELECT ${names}, count(*) AS n, NULL AS l FROM (SELECT ${keys} FROM (${scan})) GROUP BY ${names}`
      : `SELECT ${names}, sum(n)::BIGINT AS n, count(s) AS l FROM (
           SELECT ${names}, s, count(*) AS n FROM (SELECT ${keys}${value} FROM (${scan})) GROUP BY ${names}, s) GROUP BY ${names}`
  await session.execute(`CREATE OR REPLACE TEMP TABLE __privacy_groups AS ${counted}`)
  const [row] = await session.query(
    `SELECT count(*) AS groups, coalesce(sum(n), 0)::BIGINT AS rows, min(n) AS k, min(l) AS l,
       count(*) FILTER (WHERE n < ${k}) AS small, coalesce(sum(n) FILTER (WHERE n < ${k}), 0)::BIGINT AS below,
       coalesce(sum(n) FILTER (WHERE n = 1), 0)::BIGINT AS alone,
       coalesce(sum(n) FILTER (WHERE l < 2), 0)::BIGINT AS uniform
     FROM __privacy_groups`,
  )
  const worst = await session.query(
    `SELECT ${columns.map((_, index) => `CAST(q${index} AS VARCHAR) AS q${index}`).join(', ')}, n, l
     FROM __privacy_groups ORDER BY n, l, ${names} LIMIT ${SHOWN_GROUPS}`,
  )
  await session.execute('DROP TABLE __privacy_groups')
  const rows = Number(row!['rows'])
  return {
    columns: [...columns],
    sensitive: sensitive ?? null,
    rows,
    groups: Number(row!['groups']),
    k: row!['k'] as number | null,
    asked: k,
    smallGroups: Number(row!['small']),
    rowsBelow: Number(row!['below']),
    shareBelow: rows === 0 ? 0 : Number(row!['below']) / rows,
    rowsAlone: Number(row!['alone']),
    l: sensitive === undefined ? null : (row!['l'] as number | null),
    rowsOfOneValue: sensitive === undefined ? null : Number(row!['uniform']),
    smallest: worst.map((group): AnonymityGroup => ({
      values: columns.map((_, index) => group[`q${index}`] as string | null),
      rows: Number(group['n']),
      distinct: group['l'] as number | null,
    })),
  }
}
