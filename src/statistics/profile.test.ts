import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { AppError } from '../kernel/errors.ts'
import { equalWidthBins, freezeNumericBins } from './bins.ts'
import {
  addProfiles,
  decodeProfile,
  emptyProfile,
  encodeProfile,
  featureCells,
  labelCells,
  observe,
  observeColumn,
  observeLabel,
  observeScores,
  prepareLayout,
  profileTotals,
  scoreCells,
  scoresOfLabel,
} from './profile.ts'
import type { Profile } from './profile.ts'

const layout = prepareLayout({
  features: [
    { name: 'hour', bins: freezeNumericBins(Array.from({ length: 24 }, (_, i) => i)) },
    { name: 'origin', bins: { kind: 'category', categories: ['ATL', 'ORD'] } },
  ],
  score: equalWidthBins(0, 1, 20),
  label: { kind: 'category', categories: ['0', '1'] },
})

type Row = { hour: number | null; origin: string; score: number; label: 0 | 1 | null }

const rows = fc.array(
  fc.record({
    hour: fc.option(fc.double({ min: -5, max: 30 })),
    origin: fc.constantFrom('ATL', 'ORD', 'XXX'),
    score: fc.double({ min: 0, max: 1, noNaN: true }),
    label: fc.option(fc.constantFrom<0 | 1>(0, 1)),
  }),
)

function profileOf(observed: readonly Row[]): Profile {
  const profile = emptyProfile(layout)
  for (const row of observed) {
    const cell = observe(layout, profile, [row.hour, row.origin], row.score)
    if (row.label !== null) observeLabel(layout, profile, cell, row.label)
  }
  return profile
}

test('profiles add up: a whole is the sum of its parts, in any order', () => {
  fc.assert(
    fc.property(rows, rows, rows, (a, b, c) => {
      const [p, q, r] = [profileOf(a), profileOf(b), profileOf(c)]
      expect(addProfiles(p, q, r)).toEqual(profileOf([...a, ...b, ...c]))
      expect(addProfiles(r, addProfiles(q, p))).toEqual(addProfiles(addProfiles(p, q), r))
    }),
  )
})

test('bytes decode to the profile they were made of, with large and negative counts', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(layout.length - 1), fc.integer({ min: -(2 ** 50), max: 2 ** 50 }))),
      (cells) => {
        const profile = emptyProfile(layout)
        for (const [cell, count] of cells) profile.counts[cell] = count
        expect(decodeProfile(layout, encodeProfile(profile))).toEqual(profile)
      },
    ),
  )
})

test('a corrected label subtracts the old cell exactly', () => {
  fc.assert(
    fc.property(rows, fc.nat(22), (observed, cell) => {
      const before = profileOf(observed)
      const corrected = addProfiles(before)
      observeLabel(layout, corrected, cell, 0)
      observeLabel(layout, corrected, cell, 0, -1)
      expect(corrected).toEqual(before)
    }),
  )
})

test('each section counts what it should', () => {
  const profile = profileOf([
    { hour: null, origin: 'ATL', score: 0.01, label: 1 },
    { hour: 3, origin: 'XXX', score: 0.99, label: 1 },
    { hour: 3, origin: 'ORD', score: 0.99, label: null },
  ])
  expect(profileTotals(profile)).toEqual({ rows: 3, labelled: 2, violations: 0 })
  expect(featureCells(layout, profile, 0)[0]).toBe(1)
  expect([...featureCells(layout, profile, 1)]).toEqual([0, 1, 1, 1])
  expect([scoreCells(layout, profile)[3], scoreCells(layout, profile)[22]]).toEqual([1, 2])
  expect([...labelCells(layout, profile)]).toEqual([0, 0, 0, 2])
  const positives = scoresOfLabel(layout, profile, 1)
  expect([positives[3], positives[22]]).toEqual([1, 1])
  expect(scoresOfLabel(layout, profile, 0).every((count) => count === 0)).toBe(true)
})

test('columns give the same counts as rows', () => {
  fc.assert(
    fc.property(rows, (observed) => {
      const byColumn = emptyProfile(layout)
      observeColumn(
        layout,
        byColumn,
        0,
        observed.map((row) => row.hour),
      )
      observeColumn(
        layout,
        byColumn,
        1,
        observed.map((row) => row.origin),
      )
      observeScores(
        layout,
        byColumn,
        observed.map((row) => row.score),
      )
      expect(byColumn).toEqual(profileOf(observed.map((row) => ({ ...row, label: null }))))
    }),
  )
})

test('a profile of another layout is refused, and so are damaged bytes', () => {
  const other = prepareLayout({ ...layout, score: equalWidthBins(0, 1, 10) })
  const bytes = encodeProfile(profileOf([{ hour: 1, origin: 'ATL', score: 0.5, label: 1 }]))
  expect(() => decodeProfile(other, bytes)).toThrow(AppError)
  expect(() => addProfiles(emptyProfile(layout), emptyProfile(other))).toThrow('is expected')
  expect(() => decodeProfile(layout, bytes.subarray(0, bytes.length - 1))).toThrow('end too early')
  expect(() => decodeProfile(layout, Uint8Array.of(...bytes, 0))).toThrow('too many')
  expect(() => decodeProfile(layout, Uint8Array.of(9, ...bytes.subarray(1)))).toThrow('version 9')
})

test('a sparse profile is a small fraction of its cells', () => {
  const profile = profileOf([{ hour: 1, origin: 'ATL', score: 0.5, label: 1 }])
  expect(encodeProfile(profile).length).toBeLessThan(30)
})
