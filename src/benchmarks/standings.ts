import { differenceInterval, jackknifeDifference } from '../statistics/bootstrap.ts'
import { leftOutOf, roundTo, type Blocks, type Released } from './ladder.ts'
import type { Standing } from './schema.ts'

export interface Entry extends Pick<
  Standing,
  'participant' | 'name' | 'submissionId' | 'label' | 'submissions' | 'atMs'
> {
  blocks: Blocks
  released: Released
}

/**
 * The leaderboard of the best submission of each participant. Two are told apart where the 95 % interval of their difference on the same
 * rows leaves out zero: against the leader the interval of `differenceInterval`, between others that of a jackknife over blocks. A rank is
 * a range: 1 + how many are surely better, up to all but those that are surely worse. Intervals are not widened for the number of pairs.
 */
export function standingsOf(entries: readonly Entry[], direction: 1 | -1): Standing[] {
  const left = new Map(entries.map((entry) => [entry, leftOutOf(entry.blocks)]))
  const sorted = entries.toSorted(
    (a, b) => direction * (left.get(b)!.estimate - left.get(a)!.estimate) || a.atMs - b.atMs,
  )
  const [leader] = sorted
  const behind = new Map(
    sorted.slice(1).map((entry) => {
      const [better, worse] = direction === 1 ? [leader!, entry] : [entry, leader!]
      return [entry, differenceInterval(better.blocks, worse.blocks)]
    }),
  )
  const isBetter = (a: Entry, b: Entry): boolean => {
    if (a === leader) return behind.get(b)!.lower > 0
    if (b === leader) return false
    const { lower, upper } = jackknifeDifference(left.get(a)!, left.get(b)!)
    return direction === 1 ? lower > 0 : upper < 0
  }
  return sorted.map((entry) => {
    const others = sorted.filter((other) => other !== entry)
    const { participant, name, submissionId, label, submissions, atMs, released } = entry
    const gap = behind.get(entry)
    const rounded = (value: number): number => roundTo(value, gap!.standardError)
    return {
      participant,
      name,
      submissionId,
      label,
      submissions,
      atMs,
      score: released,
      rank: {
        from: 1 + others.filter((other) => isBetter(other, entry)).length,
        to: sorted.length - others.filter((other) => isBetter(entry, other)).length,
      },
      behind: gap
        ? { difference: rounded(gap.estimate), lower: rounded(gap.lower), upper: rounded(gap.upper) }
        : null,
    }
  })
}
