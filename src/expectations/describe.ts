import type { Expectation } from './definition.ts'

/** What a check is called. `phrase` completes "37 of 8,412 rows in a.csv …". */
export function describe(e: Expectation): { title: string; phrase: string } {
  const described = describePlain(e)
  if (!('when' in e) || e.when === undefined) return described
  return { ...described, title: `${described.title} when ${e.when}` }
}

/**
 * A name for each check under which its history is kept: kind and columns, so that another bound or severity goes on
 * with the same history. Checks alike in both are numbered.
 */
export function checkKeys(expectations: readonly Expectation[]): string[] {
  const seen = new Map<string, number>()
  return expectations.map((e) => {
    const name = [e.check, ...subjectOf(e)].join(':')
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    return count === 1 ? name : `${name}#${count}`
  })
}

function subjectOf(e: Expectation): string[] {
  if (e.check === 'sql') return [e.name]
  if (e.check === 'lessOrEqual') return [e.left, e.right]
  if (e.check === 'quantileBetween') return [e.column, String(e.quantile)]
  if (e.check === 'valueShare') return [e.column, String(e.value)]
  if (e.check === 'unique' || e.check === 'references') return e.columns
  if (e.check === 'anomaly') return [e.of]
  if ('column' in e) return [e.column]
  return 'on' in e && e.on === 'version' ? [e.on] : []
}

function describePlain(e: Expectation): { title: string; phrase: string } {
  switch (e.check) {
    case 'notNull':
      return { title: `${e.column} is known`, phrase: `have no ${e.column}` }
    case 'unique':
      return {
        title: `${e.columns.join(', ')} unique`,
        phrase: `repeat another row's ${e.columns.join(', ')}`,
      }
    case 'noDuplicateRows':
      return { title: 'no duplicate rows', phrase: 'repeat another row' }
    case 'inSet': {
      const shown = e.values.slice(0, 5).join(', ') + (e.values.length > 5 ? ', …' : '')
      return { title: `${e.column} in {${shown}}`, phrase: `have another ${e.column} than ${shown}` }
    }
    case 'between':
      return {
        title: `${e.column} ${rangeText(e.min, e.max)}`,
        phrase: `have a value of ${e.column} that is not ${rangeText(e.min, e.max)}`,
      }
    case 'matches':
      return {
        title: `${e.column} matches ${e.pattern}`,
        phrase: `have a value of ${e.column} that does not match ${e.pattern}`,
      }
    case 'length':
      return {
        title: `length of ${e.column} ${rangeText(e.min, e.max)}`,
        phrase: `have a value of ${e.column} whose length is not ${rangeText(e.min, e.max)}`,
      }
    case 'castable':
      return { title: `${e.column} is a ${e.to}`, phrase: `have a value of ${e.column} that is no ${e.to}` }
    case 'format':
      return {
        title: `${e.column} has the format ${e.format}`,
        phrase: `have a value of ${e.column} that has not the format ${e.format}`,
      }
    case 'finite':
      return { title: `${e.column} is finite`, phrase: `have a value of ${e.column} that is not finite` }
    case 'lessOrEqual':
      return {
        title: `${e.left} ≤ ${e.right}`,
        phrase: `have a value of ${e.left} greater than their ${e.right}`,
      }
    case 'increasing':
      return {
        title: `${e.column} rises`,
        phrase: `have a value of ${e.column} that is ${e.strictly ? 'not above' : 'below'} the row before`,
      }
    case 'references': {
      const theirs = `${e.dataset}.${e.theirs.join(', ')}`
      return {
        title: `${e.columns.join(', ')} in ${theirs}`,
        phrase: `have a value of ${e.columns.join(', ')} that is not in ${theirs}`,
      }
    }
    case 'sql':
      return { title: e.name, phrase: `fail ${e.name}` }
    case 'anomaly':
    case 'columns':
    case 'distinctCount':
    case 'distinctShare':
    case 'freshness':
    case 'meanBetween':
    case 'mostCommonShare':
    case 'quantileBetween':
    case 'rowCount':
    case 'rowCountChange':
    case 'sameDistribution':
    case 'standardDeviationBetween':
    case 'sumBetween':
    case 'uniqueShare':
    case 'valueShare':
      return { title: measureTitle(e), phrase: '' }
  }
}

const ANOMALIES = {
  rowCount: 'row count',
  freshness: 'freshness',
  nulls: 'share of nulls',
  distinct: 'distinct values',
  mean: 'mean',
  distribution: 'distribution',
}

type Measure = Exclude<
  Expectation,
  {
    check:
      | 'notNull'
      | 'unique'
      | 'noDuplicateRows'
      | 'inSet'
      | 'between'
      | 'matches'
      | 'length'
      | 'castable'
      | 'format'
      | 'finite'
      | 'lessOrEqual'
      | 'increasing'
      | 'references'
      | 'sql'
  }
>

function measureTitle(e: Measure): string {
  switch (e.check) {
    case 'columns':
      return `columns ${Object.keys(e.columns).join(', ')}`
    case 'rowCount':
      return `row count${e.on === 'version' ? ' of the version' : ''} ${rangeText(e.min, e.max)}`
    case 'rowCountChange': {
      const before = e.on === 'version' ? 'the version before' : `the median of the last ${e.last} files`
      return `row count beside ${before} ${rangeText(e.min, e.max)}`
    }
    case 'sumBetween':
      return `sum of ${e.column} ${rangeText(e.min, e.max)}`
    case 'meanBetween':
      return `mean of ${e.column} ${rangeText(e.min, e.max)}`
    case 'standardDeviationBetween':
      return `standard deviation of ${e.column} ${rangeText(e.min, e.max)}`
    case 'quantileBetween':
      return `quantile ${e.quantile} of ${e.column} ${rangeText(e.min, e.max)}`
    case 'distinctCount':
      return `distinct values of ${e.column} ${rangeText(e.min, e.max)}`
    case 'distinctShare':
      return `share of distinct values of ${e.column} ${rangeText(e.min, e.max)}`
    case 'uniqueShare':
      return `share of values of ${e.column} that occur once ${rangeText(e.min, e.max)}`
    case 'mostCommonShare':
      return `share of the most common ${e.column} ${rangeText(e.min, e.max)}`
    case 'valueShare':
      return `share of ${e.value} in ${e.column} ${rangeText(e.min, e.max)}`
    case 'sameDistribution': {
      const reference =
        typeof e.reference === 'number' ? `version ${e.reference}` : `the ${e.reference} version`
      return `distance of ${e.column} from ${reference} at most ${e.max}`
    }
    case 'anomaly':
      return `${ANOMALIES[e.of]} as usual`
    case 'freshness':
      return `age of the newest row in ms ${rangeText(undefined, e.maxAgeMs)}`
  }
}

function rangeText(min: number | string | undefined, max: number | string | undefined): string {
  if (min === undefined) return `at most ${max ?? 'anything'}`
  return max === undefined ? `at least ${min}` : `between ${min} and ${max}`
}
