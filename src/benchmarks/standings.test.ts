import { expect, it } from 'vitest'
import { meanBlocks, stretches } from '../statistics/bootstrap.ts'
import { createRandom } from '../statistics/random.ts'
import { releasedScore, type Blocks } from './ladder.ts'
import { standingsOf } from './standings.ts'

const ROWS = 2000
const block = stretches(ROWS, 20)
const random = createRandom(3)
const noise = Float64Array.from({ length: ROWS }, () => random.next())

/** Losses that share the noise of the rows, around a level. */
function losses(level: number): Blocks {
  const own = createRandom(Math.round(level * 1e6))
  return meanBlocks(
    noise.map((value) => level + value + 0.05 * own.next()),
    block,
  )
}

function entry(name: string, level: number, atMs = 0) {
  const blocks = losses(level)
  return {
    participant: `user:${name}`,
    name,
    submissionId: name,
    label: name,
    submissions: 1,
    atMs,
    blocks,
    released: releasedScore(blocks),
  }
}

it('ranks are ranges: who cannot be told from whom shares them', () => {
  const standings = standingsOf([entry('c', 0.6), entry('a', 0.3), entry('b', 0.3001), entry('d', 0.9)], -1)
  expect(standings.map(({ name, rank }) => [name, rank.from, rank.to])).toEqual([
    [standings[0]!.name, 1, 2],
    [standings[1]!.name, 1, 2],
    ['c', 3, 3],
    ['d', 4, 4],
  ])
  expect(standings[0]!.behind).toBeNull()
  const [, tied, third] = standings
  expect(tied!.behind!.lower).toBeLessThanOrEqual(0)
  expect(third!.behind!.lower).toBeGreaterThan(0)
  expect(third!.behind!.difference).toBeCloseTo(0.3, 2)
})

it('turns round where more is better, and pairs rows: a small difference on the same rows is told', () => {
  const shifted = (name: string, shift: number) => {
    const blocks = meanBlocks(
      noise.map((value) => value + shift),
      block,
    )
    return { ...entry(name, 0.5), blocks, released: releasedScore(blocks) }
  }
  const standings = standingsOf([shifted('low', 0), shifted('high', 0.001)], 1)
  expect(standings.map(({ name, rank }) => [name, rank.from, rank.to])).toEqual([
    ['high', 1, 1],
    ['low', 2, 2],
  ])
  expect(standings[1]!.behind!.difference).toBeCloseTo(0.001, 6)
  expect(standingsOf([], 1)).toEqual([])
})
