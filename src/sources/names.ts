import { amount } from '../kernel/amount.ts'
import { MAX_COLUMNS } from './limits.ts'
import { problem, type ReadProblem } from './reading.ts'

/** What is wrong with the names of a file's columns. SQL does not tell capital letters from small ones. */
export function namesProblem(names: readonly string[]): ReadProblem | undefined {
  if (names.length > MAX_COLUMNS)
    return problem(`it has ${amount(names.length)} columns; at most ${amount(MAX_COLUMNS)} are read`)
  const first = new Map<string, string>()
  for (const name of names) {
    if (name === '') return problem('a column has no name')
    const before = first.get(name.toLowerCase())
    if (before === name) return problem(`the column ${name} is there twice`)
    if (before !== undefined) return problem(`the columns ${before} and ${name} differ only in case`)
    first.set(name.toLowerCase(), name)
  }
  return undefined
}
