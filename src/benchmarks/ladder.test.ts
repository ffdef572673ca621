import { array, assert, integer, property } from 'fast-check'
import { expect, it } from 'vitest'
import { createRandom, type Random } from '../statistics/random.ts'
import { meanBlocks, metricOfBlocks, stretches } from '../statistics/bootstrap.ts'
import { beatsBest, releasedScore, roundTo, type Blocks } from './ladder.ts'

const ROWS = 1000
const block = stretches(ROWS, 20)

function accuracy(guess: Uint8Array, labels: Uint8Array): Blocks {
  return meanBlocks(
    Float64Array.from(labels, (label, row) => (guess[row] === label ? 1 : 0)),
    block,
  )
}

function coins(random: Random): Uint8Array {
  return Uint8Array.from({ length: ROWS }, () => (random.next() < 0.5 ? 0 : 1))
}

interface Board {
  /** What the participant sees of a submission, and whether it counts as better than what was seen before. */
  submit(guess: Uint8Array): { shown: number; better: boolean }
}

/** Shows the exact score of everything. */
function naiveBoard(labels: Uint8Array): Board {
  return {
    submit(guess) {
      const shown = metricOfBlocks(accuracy(guess, labels))
      return { shown, better: shown > 0.5 }
    },
  }
}

function ladderBoard(labels: Uint8Array): Board {
  let best: Blocks | undefined
  let shown = 0
  return {
    submit(guess) {
      const blocks = accuracy(guess, labels)
      const better = beatsBest(best, blocks, 1)
      if (better) {
        best = blocks
        shown = releasedScore(blocks).estimate
      }
      return { shown, better }
    },
  }
}

/**
 * The boosting attack of Blum and Hardt: many guesses at random vote, those that the board does not call better against themselves. Returns
 * the score that the board then shows; the labels are coins, so that no guess is truly better than 0.5.
 */
function attack(board: Board, guesses: number, random: Random): number {
  const votes = new Float64Array(ROWS)
  for (let i = 0; i < guesses; i++) {
    const guess = coins(random)
    const sign = board.submit(guess).better ? 1 : -1
    for (let row = 0; row < ROWS; row++) votes[row]! += guess[row] === 1 ? sign : -sign
  }
  return board.submit(Uint8Array.from(votes, (vote) => (vote > 0 ? 1 : 0))).shown
}

it('an attacker who learns from 400 answers gains a lot on a naive leaderboard, and hardly anything here', () => {
  const gains = { naive: 0, ladder: 0 }
  const RUNS = 5
  for (let seed = 1; seed <= RUNS; seed++) {
    const labels = coins(createRandom(seed))
    gains.naive += (attack(naiveBoard(labels), 400, createRandom(seed + 100)) - 0.5) / RUNS
    gains.ladder += (attack(ladderBoard(labels), 400, createRandom(seed + 100)) - 0.5) / RUNS
  }
  // Of 1,000 coins √(400 / 1,000) / π ≈ 0.2 is what theory gives the attack; luck alone gives the best of 400 about 0.05.
  expect(gains.naive).toBeGreaterThan(0.15)
  expect(gains.ladder).toBeLessThan(0.07)
})

it('a submission that is truly better is shown, whatever came before', () => {
  const random = createRandom(7)
  const labels = coins(random)
  const board = ladderBoard(labels)
  for (let i = 0; i < 100; i++) board.submit(coins(random))
  const skilled = Uint8Array.from(labels, (label) => (random.next() < 0.8 ? label : 1 - label))
  const { better, shown } = board.submit(skilled)
  expect(better).toBe(true)
  expect(shown).toBeCloseTo(0.8, 1)
})

it('what is not better by its standard error is not shown: never the same again, never a worse one', () => {
  assert(
    property(array(integer({ min: 0, max: 1 }), { minLength: 40, maxLength: 200 }), (wins) => {
      const rows = stretches(wins.length, 20)
      const blocks = meanBlocks(wins, rows)
      const worse = meanBlocks(
        wins.map((win, row) => (row % 3 === 0 ? 0 : win)),
        rows,
      )
      expect(beatsBest(blocks, blocks, 1)).toBe(false)
      expect(beatsBest(blocks, worse, 1)).toBe(false)
      expect(beatsBest(worse, blocks, -1)).toBe(false)
      expect(beatsBest(undefined, blocks, 1)).toBe(true)
    }),
  )
})

it('a score has no more digits than its standard error can carry', () => {
  expect(roundTo(0.73456, 0.0123)).toBe(0.73)
  expect(roundTo(0.73456, 0.3)).toBe(0.7)
  expect(roundTo(1234.5, 23)).toBe(1230)
  expect(roundTo(0.5, 0)).toBe(0.5)
})
