import { AppError } from '../kernel/errors.ts'
import { quoteIdentifier, quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { clopperPearson } from '../statistics/proportion.ts'
import type { BalanceGroup, BalanceReport } from './schema.ts'

const MAX_GROUPS = 50
/** A group smaller than this share of the rows is no measure for others (29 CFR 1607.4 D). */
const REFERENCE_SHARE = 0.02
const FOUR_FIFTHS = 0.8
const Z95 = 1.959963984540054

/**
 * How groups of people compare: how many rows, how often the label is positive with exact 95 % intervals, that rate beside the highest of a group with at
 * least 2 % of the rows (the four-fifths rule of the US Uniform Guidelines, 29 CFR 1607.4 D; interval of the ratio by Katz et al. 1978), and
 * how often each column is missing. Groups beyond the 50 largest count together. Throws `invalid` when the label has more than two values and
 * none is said to be positive.
 */
export async function groupBalance(
  session: AnalyticsSession,
  scan: string,
  input: { columns: readonly string[]; by: string; label: string | undefined; positive: string | undefined },
): Promise<BalanceReport> {
  const { by, label } = input
  const positive = label === undefined ? undefined : await positiveValue(session, scan, label, input.positive)
  const group = `CAST(${quoteIdentifier(by)} AS VARCHAR)`
  const others = input.columns.filter((name) => name !== by)
  const nulls = others.map((name, index) => `count(*) - count(${quoteIdentifier(name)}) AS m${index}`)
  const labelled =
    label === undefined
      ? ['0 AS labelled', '0 AS positives']
      : [
          `count(${quoteIdentifier(label)}) AS labelled`,
          `count(*) FILTER (WHERE CAST(${quoteIdentifier(label)} AS VARCHAR) = ${quoteLiteral(positive!)}) AS positives`,
        ]
  const sums = [...others.map((_, index) => `m${index}`), 'labelled', 'positives', 'n'].map(
    (name) => `sum(${name})::BIGINT AS ${name}`,
  )
  const counted = await session.query(
    `WITH counted AS (SELECT ${group} AS g, count(*) AS n, ${[...nulls, ...labelled].join(', ')} FROM (${scan}) GROUP BY 1),
       ranked AS (SELECT *, row_number() OVER (ORDER BY n DESC, g NULLS LAST) AS place FROM counted)
     SELECT any_value(g) FILTER (WHERE place <= ${MAX_GROUPS}) AS g, bool_and(place > ${MAX_GROUPS}) AS rest, count(*) AS merged, ${sums.join(', ')}
     FROM ranked GROUP BY least(place, ${MAX_GROUPS + 1}) ORDER BY min(place)`,
  )
  const rows = counted.reduce((sum, row) => sum + Number(row['n']), 0)
  const groups = counted.map((row): BalanceGroup => {
    const n = Number(row['n'])
    const tally = { successes: Number(row['positives']), n: Number(row['labelled']) }
    return {
      group: row['rest'] === true ? null : (row['g'] as string | null),
      merged: row['rest'] === true ? Number(row['merged']) : null,
      rows: n,
      share: n / rows,
      labelled: tally.n,
      positives: tally.successes,
      rate: tally.n === 0 ? null : { value: tally.successes / tally.n, ...clopperPearson(tally) },
      ratio: null,
      missing: Object.fromEntries(others.map((name, index) => [name, Number(row[`m${index}`]) / n])),
    }
  })
  return {
    by,
    label: label ?? null,
    positive: positive ?? null,
    rows,
    ...compareRates(groups),
    missingness: unequalMissingness(others, groups),
  }
}

/** The label's value that counts as positive: as said, else the greater of two (`true`, 1, `yes`). */
async function positiveValue(
  session: AnalyticsSession,
  scan: string,
  label: string,
  said: string | undefined,
): Promise<string> {
  const column = quoteIdentifier(label)
  const rows = await session.query(
    `SELECT DISTINCT CAST(${column} AS VARCHAR) AS v FROM (${scan}) WHERE ${column} IS NOT NULL ORDER BY v LIMIT 1000`,
  )
  const values = rows.map((row) => String(row['v']))
  if (said !== undefined) {
    if (values.includes(said)) return said
    throw new AppError('invalid', `${label} is never ${said}; it is ${values.slice(0, 10).join(', ')}`)
  }
  if (values.length === 2 || values.length === 1) return values.at(-1)!
  const shown = values.length === 0 ? 'no value' : `${values.slice(0, 5).join(', ')}, …`
  throw new AppError('invalid', `${label} is no label of two values (${shown}): say which one is positive`)
}

function compareRates(groups: readonly BalanceGroup[]): Pick<BalanceReport, 'reference' | 'groups'> {
  const rated = groups.filter(
    ({ rate, share, merged }) => rate !== null && share >= REFERENCE_SHARE && merged === null,
  )
  const best = rated.reduce<BalanceGroup | undefined>(
    (highest, group) => (highest === undefined || group.rate!.value > highest.rate!.value ? group : highest),
    undefined,
  )
  if (!best || best.positives === 0) return { reference: null, groups: [...groups] }
  return {
    reference: best.group ?? 'null',
    groups: groups.map((group) => (group.rate === null ? group : { ...group, ratio: ratioTo(best, group) })),
  }
}

function ratioTo(best: BalanceGroup, group: BalanceGroup): NonNullable<BalanceGroup['ratio']> {
  const value = group.rate!.value / best.rate!.value
  if (group === best) return { value: 1, lower: 1, upper: 1, belowFourFifths: 'no' }
  // Katz' interval of a ratio is on its logarithm; half a case keeps a rate of zero finite.
  const half = group.positives === 0 ? 0.5 : 0
  const positives = group.positives + half
  const spread = Math.sqrt(
    1 / positives - 1 / (group.labelled + half) + 1 / best.positives - 1 / best.labelled,
  )
  const centre = positives / (group.labelled + half) / best.rate!.value
  const [lower, upper] = [
    group.positives === 0 ? 0 : centre * Math.exp(-Z95 * spread),
    centre * Math.exp(Z95 * spread),
  ]
  const belowFourFifths = value >= FOUR_FIFTHS ? 'no' : upper < FOUR_FIFTHS ? 'yes' : 'perhaps'
  return { value, lower, upper, belowFourFifths }
}

/** Columns that are missing more often in one group than in another, the most unequal first. */
function unequalMissingness(
  columns: readonly string[],
  groups: readonly BalanceGroup[],
): BalanceReport['missingness'] {
  return columns
    .map((column) => {
      const shares = groups.map(({ missing }) => missing[column]!)
      return { column, least: Math.min(...shares), most: Math.max(...shares) }
    })
    .filter(({ least, most }) => most > least)
    .sort((a, b) => b.most - b.least - (a.most - a.least))
}
