import { quoteIdentifier, quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { aucFromTable } from '../statistics/ranking.ts'
import type { ColumnEvidence } from './evidence.ts'
import type { Task } from './task.ts'

/** How well one column predicts the target by itself: AUC, R², or the share of errors of always saying the commonest class that it avoids. */
export interface Power {
  measure: 'AUC' | 'R²' | 'errors avoided'
  value: number
}

const BINS = 40
const CATEGORIES = 200
/** A cell's mean is drawn towards the mean of all as if so many rows of it were added. */
const SHRINKAGE = 5

interface Cell {
  bin: string
  half: number
  outcome: string
  n: number
  sum: number
  squares: number
}

/**
 * The mean of the target in each of up to 40 bins of about equal counts, or in each of the 200 commonest categories, nulls apart,
 * learned on one half of the rows and judged on the other, both ways: a column that only remembers rows gains nothing.
 * `sample` is a table with the column `__half`; `outcome` is SQL of the target (a number, or the class as text).
 */
export async function powerOf(
  session: AnalyticsSession,
  sample: string,
  { column, task, outcome }: { column: ColumnEvidence; task: Task; outcome: string },
): Promise<Power> {
  const isClass = task === 'multiclass'
  const measured = isClass ? '0 AS sum, 0 AS squares' : `sum(y) AS sum, sum(y * y) AS squares`
  const rows = await session.query(
    `SELECT bin, __half AS half, ${isClass ? 'y' : "''"} AS outcome, count(*) AS n, ${measured}
     FROM (SELECT coalesce(CAST(${await binOf(session, sample, column)} AS VARCHAR), '') AS bin, __half, ${outcome} AS y FROM ${sample})
     WHERE y IS NOT NULL GROUP BY ALL`,
  )
  const cells = rows.map((row): Cell => ({
    bin: String(row['bin']),
    half: Number(row['half']),
    outcome: String(row['outcome']),
    n: Number(row['n']),
    sum: Number(row['sum']),
    squares: Number(row['squares']),
  }))
  const judge = task === 'binary' ? aucOf : isClass ? errorsAvoided : rSquared
  const halves = [0, 1].map((half) =>
    judge(
      cells.filter((c) => c.half !== half),
      cells.filter((c) => c.half === half),
    ),
  )
  const value = (halves[0]! + halves[1]!) / 2
  return { measure: task === 'binary' ? 'AUC' : isClass ? 'errors avoided' : 'R²', value }
}

async function binOf(
  session: AnalyticsSession,
  sample: string,
  { name, kind }: ColumnEvidence,
): Promise<string> {
  const column = quoteIdentifier(name)
  if (kind === 'category' || kind === 'other') {
    const common = await session.query(
      `SELECT CAST(${column} AS VARCHAR) AS value FROM ${sample} WHERE ${column} IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, value LIMIT ${CATEGORIES}`,
    )
    if (common.length < CATEGORIES) return column
    const list = common.map(({ value }) => quoteLiteral(String(value)))
    return `CASE WHEN CAST(${column} AS VARCHAR) IN (${list.join(', ')}) THEN CAST(${column} AS VARCHAR) WHEN ${column} IS NOT NULL THEN '(others)' END`
  }
  const number = kind === 'timestamp' ? `CAST(epoch_ms(${column}) AS DOUBLE)` : `CAST(${column} AS DOUBLE)`
  const shares = Array.from({ length: BINS - 1 }, (_, at) => (at + 1) / BINS)
  const [found] = await session.query(
    `SELECT quantile_disc(${number}, [${shares.join(', ')}]) FILTER (WHERE isfinite(${number})) AS edges FROM ${sample}`,
  )
  const edges = [...new Set((found!['edges'] ?? []) as number[])]
  if (edges.length === 0) return `(${column} IS NOT NULL)`
  return `CASE WHEN ${column} IS NULL THEN NULL ${edges.map((edge, at) => `WHEN ${number} <= ${edge} THEN ${at}`).join(' ')} ELSE ${edges.length} END`
}

/** What each bin's mean is in the half that is learned from. */
function scores(learned: readonly Cell[]): (bin: string) => number {
  const [n, sum] = [total(learned, 'n'), total(learned, 'sum')]
  const mean = n === 0 ? 0 : sum / n
  const byBin = new Map(
    learned.map((cell) => [cell.bin, (cell.sum + SHRINKAGE * mean) / (cell.n + SHRINKAGE)]),
  )
  return (bin) => byBin.get(bin) ?? mean
}

function aucOf(learned: readonly Cell[], judged: readonly Cell[]): number {
  const score = scores(learned)
  const byScore = Map.groupBy(judged, (cell) => score(cell.bin))
  const ordered = [...byScore].toSorted(([a], [b]) => a - b).map(([, cells]) => cells)
  const positives = ordered.map((cells) => total(cells, 'sum'))
  const negatives = ordered.map((cells) => total(cells, 'n') - total(cells, 'sum'))
  const { auc } = aucFromTable(positives, negatives)
  return Number.isNaN(auc) ? 0.5 : auc
}

function rSquared(learned: readonly Cell[], judged: readonly Cell[]): number {
  const score = scores(learned)
  const [n, sum, squares] = [total(judged, 'n'), total(judged, 'sum'), total(judged, 'squares')]
  if (n === 0) return 0
  const spread = squares - (sum * sum) / n
  const missed = judged.reduce((error, cell) => {
    const guess = score(cell.bin)
    return error + cell.squares - 2 * guess * cell.sum + guess * guess * cell.n
  }, 0)
  return spread <= 0 ? 0 : Math.max(0, 1 - missed / spread)
}

function errorsAvoided(learned: readonly Cell[], judged: readonly Cell[]): number {
  const commonest = (cells: readonly Cell[]): string => {
    const byClass = [...Map.groupBy(cells, ({ outcome }) => outcome)]
    return byClass.toSorted(([, a], [, b]) => total(b, 'n') - total(a, 'n'))[0]?.[0] ?? ''
  }
  const overall = commonest(learned)
  const guesses = new Map(
    [...Map.groupBy(learned, ({ bin }) => bin)].map(([bin, cells]) => [bin, commonest(cells)]),
  )
  const errors = (guess: (cell: Cell) => string): number =>
    judged.reduce((sum, cell) => sum + (guess(cell) === cell.outcome ? 0 : cell.n), 0)
  const base = errors(() => overall)
  return base === 0 ? 0 : Math.max(0, 1 - errors(({ bin }) => guesses.get(bin) ?? overall) / base)
}

function total(cells: readonly Cell[], key: 'n' | 'sum' | 'squares'): number {
  return cells.reduce((sum, cell) => sum + cell[key], 0)
}
