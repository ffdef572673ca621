import { kindOf, type Column, type ColumnKind } from '../sources/schema.ts'
import type { Expectation } from './definition.ts'
import type { CompileContext, ReferencedVersion } from './compile.ts'

/** What the expectation needs of the columns and does not find. */
export function unmetNeeds(
  e: Expectation,
  { columns, time, references }: Pick<CompileContext, 'columns' | 'time' | 'references'>,
): string | undefined {
  if (e.check === 'freshness' && time === undefined) return 'the dataset declares no time column'
  const types = new Map(columns.map(({ name, type }) => [name, kindOf(type)]))
  for (const [name, kinds] of neededColumns(e)) {
    const kind = types.get(name)
    if (kind === undefined) return `the column ${name} is missing`
    if (kinds && !kinds.includes(kind))
      return `the column ${name} is a ${kind}, it must be a ${kinds.join(' or a ')}`
  }
  return e.check === 'references' ? unmetReference(e, types, references.get(e.dataset)) : undefined
}

function neededColumns(e: Expectation): [string, ColumnKind[] | undefined][] {
  switch (e.check) {
    case 'sumBetween':
    case 'meanBetween':
    case 'standardDeviationBetween':
    case 'quantileBetween':
    case 'finite':
      return [[e.column, ['number']]]
    case 'matches':
    case 'format':
    case 'length':
      return [[e.column, ['category']]]
    case 'between':
      return [[e.column, typeof (e.min ?? e.max) === 'string' ? ['timestamp', 'category'] : ['number']]]
    case 'inSet': {
      const number = typeof e.values[0] === 'number'
      return [[e.column, number ? ['number'] : undefined]]
    }
    case 'unique':
    case 'references':
      return e.columns.map((name) => [name, undefined])
    case 'lessOrEqual':
      return [
        [e.left, undefined],
        [e.right, undefined],
      ]
    case 'sameDistribution':
      return [[e.column, ['number', 'category']]]
    case 'notNull':
    case 'castable':
    case 'increasing':
    case 'distinctCount':
    case 'distinctShare':
    case 'uniqueShare':
    case 'mostCommonShare':
    case 'valueShare':
      return [[e.column, undefined]]
    case 'anomaly':
      return e.columns?.map((name) => [name, undefined]) ?? []
    case 'noDuplicateRows':
    case 'sql':
    case 'columns':
    case 'rowCount':
    case 'rowCountChange':
    case 'freshness':
      return []
  }
}

function unmetReference(
  e: Extract<Expectation, { check: 'references' }>,
  types: ReadonlyMap<string, ColumnKind>,
  referenced: ReferencedVersion | undefined,
): string | undefined {
  if (!referenced) return `the dataset ${e.dataset} has no version yet`
  for (const [index, theirs] of e.theirs.entries()) {
    const column = referenced.columns.find(({ name }) => name === theirs)
    if (!column) return `${referenced.reference} has no column ${theirs}`
    const [ours, kind] = [types.get(e.columns[index]!)!, kindOf(column.type)]
    if (ours !== kind)
      return `the column ${e.columns[index]} is a ${ours}, ${e.dataset}.${theirs} is a ${kind}`
  }
  return undefined
}

/** How a file's columns differ from those that are expected. */
export function wrongColumns(
  e: Extract<Expectation, { check: 'columns' }>,
  columns: readonly Column[],
): string | undefined {
  const types = new Map(columns.map(({ name, type }) => [name, type]))
  const problems = Object.entries(e.columns).flatMap(([name, expected]) => {
    const type = types.get(name)
    if (type === undefined) return [`the column ${name} is missing`]
    if (expected === 'any' || expected === type || expected === kindOf(type)) return []
    const found = expected === expected.toUpperCase() ? type : `a ${kindOf(type)}`
    return [`the column ${name} is ${found}, it must be ${article(expected)}`]
  })
  const extra = e.exact ? columns.filter(({ name }) => !(name in e.columns)).map(({ name }) => name) : []
  if (extra.length > 0) problems.push(`unexpected columns: ${extra.join(', ')}`)
  const order = columns.map(({ name }) => name).filter((name) => e.order?.includes(name))
  const expected = e.order?.filter((name) => types.has(name)) ?? []
  const misplaced = expected.find((name, index) => order[index] !== name)
  if (misplaced !== undefined)
    problems.push(`the columns come in the order ${order.join(', ')}, it must be ${expected.join(', ')}`)
  return problems.length > 0 ? problems.join('; ') : undefined
}

function article(expected: string): string {
  return expected === expected.toUpperCase() ? expected : `a ${expected}`
}
