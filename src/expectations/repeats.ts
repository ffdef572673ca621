import type { AnalyticsSession } from '../ports/analytics/analytics.ts'

export const FILE = '__file'
const ROW = 'file_row_number'
/** The place of a row among all that arrive. A file of fewer rows than 2⁴⁰ is expected. */
const PLACE = `(file_index * ${2 ** 40} + ${ROW})`

/** So many keys are held at once, or a sixteenth of them. */
const KEYS_AT_ONCE = 1_000_000
const MOST_PASSES = 16

interface Prepared {
  bad: string
  prepare: (session: AnalyticsSession) => Promise<void>
}

/**
 * Rows whose key an earlier row has, exactly. Hashes that occur more than once are found a share of all hashes at a time, so that memory does not grow
 * with the rows; the keys themselves are compared where a hash repeats. `where` limits what is compared.
 */
export function repeatedRows(
  keys: readonly string[],
  { index, arriving, where = 'true' }: { index: number; arriving: string; where?: string },
): Prepared {
  const [hash, hashes, firsts] = [`hash(${keys.join(', ')})`, `__hashes_${index}`, `__firsts_${index}`]
  return {
    bad: `(${where} AND ${hash} IN (SELECT h FROM ${hashes}) AND ${PLACE} NOT IN (SELECT place FROM ${firsts}))`,
    async prepare(session) {
      const [counted] = await session.query(`SELECT count(*) AS n FROM ${arriving}`)
      const passes = Math.min(MOST_PASSES, Math.max(1, Math.ceil(Number(counted!['n']) / KEYS_AT_ONCE)))
      await session.execute(`CREATE OR REPLACE TEMP TABLE ${hashes} (h UBIGINT)`)
      for (let pass = 0; pass < passes; pass++) {
        await session.execute(
          `INSERT INTO ${hashes} SELECT h FROM (SELECT ${hash} AS h FROM ${arriving} WHERE ${where}) WHERE h % ${passes} = ${pass} GROUP BY h HAVING count(*) > 1`,
        )
      }
      await session.execute(
        `CREATE OR REPLACE TEMP TABLE ${firsts} AS SELECT min(${PLACE}) AS place FROM ${arriving} WHERE ${where} AND ${hash} IN (SELECT h FROM ${hashes}) GROUP BY ${keys.join(', ')}`,
      )
    },
  }
}

/**
 * Rows whose value compares so with the one before it in its file. They are read in their order by a window that holds one row; that they
 * come so is checked.
 */
export function rowsAfter(
  column: string,
  comparison: '<' | '<=',
  { index, arriving }: { index: number; arriving: string },
): Prepared {
  const falls = `__falls_${index}`
  return {
    bad: `${PLACE} IN (SELECT place FROM ${falls})`,
    async prepare(session) {
      await session.execute(
        `CREATE OR REPLACE TEMP TABLE ${falls} AS SELECT place FROM (
           SELECT ${PLACE} AS place, lag(${PLACE}) OVER () AS before, ${ROW} AS row, ${column} ${comparison} lag(${column}) OVER () AS falls FROM ${arriving}
         ) WHERE CASE WHEN row > 0 AND place <> before + 1 THEN error('the rows came out of their order') ELSE row > 0 AND falls END`,
      )
    },
  }
}

/** For each file, how many values occur once, and how often the most common one does. */
export function valueCounts(
  column: string,
  { index, arriving, file }: { index: number; arriving: string; file: string },
): { once: string; most: string; prepare: Prepared['prepare'] } {
  const counts = `__counts_${index}`
  const of = (what: string): string => `(SELECT ${what} FROM ${counts} WHERE file = ${file})`
  return {
    once: of('once'),
    most: of('most'),
    async prepare(session) {
      await session.execute(
        `CREATE OR REPLACE TEMP TABLE ${counts} AS SELECT file, count(*) FILTER (n = 1) AS once, max(n) AS most
         FROM (SELECT ${FILE} AS file, count(*) AS n FROM ${arriving} WHERE ${column} IS NOT NULL GROUP BY ${FILE}, ${column}) GROUP BY file`,
      )
    },
  }
}
