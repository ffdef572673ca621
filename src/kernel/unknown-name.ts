import { AppError } from './errors.ts'

/** Names that are all told when none of them is near. */
const FEW = 6

/** `not_found` for a name that nothing of a kind has, with the name that was likely meant, or those there are. */
export function unknownName(
  kind: string,
  name: string,
  known: readonly string[],
  details: Record<string, unknown> = {},
): AppError {
  return new AppError('not_found', `There is no ${kind} ${name}${instead(name, known)}`, { details })
}

/** How a sentence about an unknown name goes on: `. Did you mean flights?`, or the few names that there are. */
export function instead(name: string, known: readonly string[]): string {
  const near = nearestName(name, known)
  if (near !== undefined) return `. Did you mean ${near}?`
  if (known.length === 0) return '; there are none yet'
  if (known.length > FEW) return ''
  return known.length === 1 ? `; there is ${known[0]}` : `; there are ${known.join(', ')}`
}

/** The name that is at most two slips (or a third of the letters) away, or begins or goes on alike. */
function nearestName(name: string, known: readonly string[]): string | undefined {
  const wanted = name.toLowerCase()
  const allowed = Math.min(2, Math.ceil(wanted.length / 3))
  const near = known
    .map((each) => ({ each, slips: slips(wanted, each.toLowerCase()) }))
    .filter(({ slips: count }) => count <= allowed)
    .toSorted((a, b) => a.slips - b.slips)[0]?.each
  return near ?? known.find((each) => wanted.length >= 3 && each.toLowerCase().startsWith(wanted))
}

/** Letters to insert, leave out, replace or swap with their neighbour: the optimal string alignment distance. */
function slips(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return Infinity
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = last[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1)
      let least = Math.min(last[column]! + 1, current[column - 1]! + 1, replaced)
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        least = Math.min(least, before[column - 2]! + 1)
      current.push(least)
    }
    before = last
    last = current
  }
  return last[b.length]!
}
