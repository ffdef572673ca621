import { quoteIdentifier, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { kindOf, type Column } from '../sources/schema.ts'
import { MOST_CATEGORIES, type Contingency, type GroupedMoments } from './associations.ts'
import type { PairState } from './moments.ts'
import type { ColumnState } from './state.ts'

/** Numbers are compared among the first columns of them, and so are categories. */
const NUMBERS = 12
const CATEGORIES = 8

/** The columns of numbers that are held against each other and against categories. */
export function numbersOf(states: readonly ColumnState[]): ColumnState[] {
  return states.filter(({ type }) => kindOf(type) === 'number').slice(0, NUMBERS)
}

/** The columns of few values; few of them are counted exactly. */
function categoriesOf(states: readonly ColumnState[]): ColumnState[] {
  return states
    .filter(
      ({ type, smallestHashes: { length } }) =>
        kindOf(type) === 'category' && length > 0 && length <= MOST_CATEGORIES,
    )
    .slice(0, CATEGORIES)
}

export async function pairsOf(
  session: AnalyticsSession,
  scan: string,
  states: readonly ColumnState[],
): Promise<PairState[]> {
  const numbers = numbersOf(states)
  const pairs = numbers.flatMap((x, index) => numbers.slice(index + 1).map((y) => [x, y] as const))
  if (pairs.length === 0) return []
  const aggregates = pairs.flatMap(([x, y], index) => {
    const [a, b] = [finiteOf(x), finiteOf(y)]
    if (isWhole(x) && isWhole(y)) return [`covar_pop(${a}, ${b}) AS c_${index}`]
    return ['count', 'avgx', 'avgy', 'sxx', 'syy', 'sxy'].map(
      (part) => `regr_${part}(${b}, ${a}) AS ${part}_${index}`,
    )
  })
  const [row] = await session.query(`SELECT ${aggregates.join(', ')} FROM (${scan})`)
  return pairs.map(([x, y], index) => {
    const names = { x: x.name, y: y.name }
    const of = (part: string): number => Number(row![`${part}_${index}`] ?? 0)
    if (isWhole(x) && isWhole(y)) {
      const { count, mean: meanX, m2: m2X } = x.moments!
      const { mean: meanY, m2: m2Y } = y.moments!
      return { ...names, count, meanX, meanY, m2X, m2Y, c: of('c') * count }
    }
    return {
      ...names,
      count: of('count'),
      meanX: of('avgx'),
      meanY: of('avgy'),
      m2X: of('sxx'),
      m2Y: of('syy'),
      c: of('sxy'),
    }
  })
}

/** Whether every row has a finite number: then the pair's moments are the columns'. */
function isWhole({ rows, moments }: ColumnState): boolean {
  return moments !== null && moments.count === rows
}

/** How often the values of each two columns of few values stand together: all of them in one scan. */
export async function contingenciesOf(
  session: AnalyticsSession,
  scan: string,
  states: readonly ColumnState[],
): Promise<Contingency[]> {
  const names = categoriesOf(states).map(({ name }) => name)
  const sets = names.flatMap((_, x) => names.slice(x + 1).map((__, after) => [x, x + 1 + after] as const))
  if (sets.length === 0) return []
  const found = new Map<number, Contingency>(
    sets.map((set) => [maskOf(set, names.length), { x: names[set[0]]!, y: names[set[1]]!, cells: [] }]),
  )
  const columns = names.map((_, at) => `c${at}`)
  const grouped = sets.map(([x, y]) => `(c${x}, c${y})`)
  const rows = await session.query(
    `SELECT grouping(${columns.join(', ')}) AS mask, ${columns.join(', ')}, count(*) AS n FROM (SELECT ${textsOf(names)} FROM (${scan})) GROUP BY GROUPING SETS (${grouped.join(', ')})`,
  )
  const setOf = new Map(sets.map((set) => [maskOf(set, names.length), set]))
  for (const row of rows) {
    const [x, y] = setOf.get(Number(row['mask']))!.map((at) => row[`c${at}`])
    if (typeof x === 'string' && typeof y === 'string')
      found.get(Number(row['mask']))!.cells.push([x, y, Number(row['n'])])
  }
  return [...found.values()]
}

/** The moments of each column of numbers beside each value of each column of few values: all of them in one scan. */
export async function groupedOf(
  session: AnalyticsSession,
  scan: string,
  states: readonly ColumnState[],
): Promise<GroupedMoments[]> {
  const [names, numbers] = [categoriesOf(states).map(({ name }) => name), numbersOf(states)]
  if (names.length === 0 || numbers.length === 0) return []
  const values = numbers.map((state, at) => `${finiteOf(state)} AS v${at}`)
  const aggregates = numbers.map(
    (_, at) => `count(v${at}) AS n${at}, avg(v${at}) AS mean${at}, var_pop(v${at}) AS variance${at}`,
  )
  const columns = names.map((_, at) => `c${at}`)
  const rows = await session.query(
    `SELECT grouping(${columns.join(', ')}) AS mask, ${[...columns, ...aggregates].join(', ')} FROM (SELECT ${textsOf(names)}, ${values.join(', ')} FROM (${scan}))
     GROUP BY GROUPING SETS (${columns.map((column) => `(${column})`).join(', ')})`,
  )
  return names.flatMap((category, index) => {
    const mask = maskOf([index], names.length)
    const own = rows.filter((row) => Number(row['mask']) === mask && typeof row[`c${index}`] === 'string')
    return numbers.map(({ name: number }, at) => ({
      category,
      number,
      groups: own.flatMap((row): GroupedMoments['groups'] => {
        const count = Number(row[`n${at}`])
        if (count === 0) return []
        const moments = { count, mean: Number(row[`mean${at}`]), m2: Number(row[`variance${at}`]) * count }
        return [[String(row[`c${index}`]), moments]]
      }),
    }))
  })
}

function textsOf(names: readonly string[]): string {
  return names.map((name, at) => `CAST(${quoteIdentifier(name)} AS VARCHAR) AS c${at}`).join(', ')
}

/** What `grouping` says of a set: a bit for each column that is not in it, the first column's the highest. */
function maskOf(set: readonly number[], width: number): number {
  return set.reduce((mask, at) => mask - 2 ** (width - 1 - at), 2 ** width - 1)
}

/** Whole numbers are finite. */
export function finiteOf({ name, type }: Pick<Column, 'name' | 'type'>): string {
  const number = `CAST(${quoteIdentifier(name)} AS DOUBLE)`
  return type === 'DOUBLE' ? `CASE WHEN isfinite(${number}) THEN ${number} END` : number
}
