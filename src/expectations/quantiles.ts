import type { AnalyticsSession } from '../ports/analytics/analytics.ts'
import { FILE } from './repeats.ts'

/** About so many rows are drawn to learn where the quantile lies. */
const DRAWN = 100_000
/** How far from the wanted share it is looked for. Of so many rows this is twelve standard errors. */
const MARGIN = 0.02

/**
 * A quantile of each file's values, exactly, linear between two of them. Drawn rows tell between which two values it must lie: what is outside is only
 * counted, what is between is counted by value. Where that was wrong, which the counts show, all values of the file are counted.
 */
export function quantileOf(
  column: string,
  quantile: number,
  { index, arriving, file }: { index: number; arriving: string; file: string },
): { measure: string; prepare: (session: AnalyticsSession) => Promise<void> } {
  const [bounds, found] = [`__bounds_${index}`, `__quantiles_${index}`]
  const values = `(SELECT file_index AS number, ${FILE} AS file, file_row_number AS row, ${column} AS x FROM ${arriving} WHERE ${column} IS NOT NULL)`
  return {
    measure: `(SELECT value FROM ${found} WHERE file = ${file})`,
    async prepare(session) {
      const [arrived] = await session.query(
        `SELECT count(*) AS rows, count(DISTINCT file_index) AS files FROM ${arriving}`,
      )
      const nth = Math.max(1, Math.floor(Number(arrived!['rows']) / DRAWN))
      const bound = (share: number): string =>
        share < 0 || share > 1 ? 'NULL' : `quantile_disc(x, CAST(${share} AS DOUBLE))`
      await session.execute(
        `CREATE OR REPLACE TEMP TABLE ${bounds} AS SELECT number, ${bound(quantile - MARGIN)} AS low, ${bound(quantile + MARGIN)} AS high
         FROM ${values} WHERE hash(row) % ${nth} = 0 GROUP BY number`,
      )
      const drawn = `${values} JOIN ${bounds} USING (number)`
      await session.execute(`CREATE OR REPLACE TEMP TABLE ${found} AS ${valuesAt(quantile, drawn)}`)
      const [known] = await session.query(`SELECT count(*) AS files FROM ${found}`)
      if (known!['files'] === arrived!['files']) return
      const others = `(SELECT *, NULL AS low, NULL AS high FROM ${values} WHERE number NOT IN (SELECT number FROM ${found}))`
      await session.execute(`INSERT INTO ${found} ${valuesAt(quantile, others)}`)
    },
  }
}

/** The value of each file where both of the two that it lies between are within the bounds; no bound is null. */
function valuesAt(quantile: number, values: string): string {
  return `WITH totals AS (
      SELECT number, any_value(file) AS file, count(*) FILTER (x < low) AS below, CAST(${quantile} AS DOUBLE) * (count(*) - 1) AS place
      FROM ${values} GROUP BY number
    ), counted AS (
      SELECT number, x, count(*) AS n FROM ${values} WHERE NOT coalesce(x < low OR x > high, false) GROUP BY number, x
    ), placed AS (
      SELECT number, x, below + sum(n) OVER (PARTITION BY number ORDER BY x) AS passed FROM counted JOIN totals USING (number)
    ), sides AS (
      SELECT number, CAST(min(x) FILTER (passed > floor(place)) AS DOUBLE) AS a, CAST(min(x) FILTER (passed > ceil(place)) AS DOUBLE) AS b
      FROM placed JOIN totals USING (number) WHERE below <= floor(place) GROUP BY number
    )
    SELECT number, file, CASE WHEN a = b THEN a ELSE a + (b - a) * (place - floor(place)) END AS value
    FROM sides JOIN totals USING (number) WHERE b IS NOT NULL`
}
