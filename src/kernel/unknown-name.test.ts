import { expect, test } from 'vitest'
import { instead, unknownName } from './unknown-name.ts'

const datasets = ['flights', 'movies', 'penguins', 'seattle-weather', 'stocks', 'cars', 'people']

test.each([
  ['flihgts', 'flights'],
  ['fligths', 'flights'],
  ['Flights', 'flights'],
  ['movie', 'movies'],
  ['pengiuns', 'penguins'],
  ['car', 'cars'],
  ['seattle', 'seattle-weather'],
])('%s was likely meant to be %s', (typed, meant) => {
  expect(instead(typed, datasets)).toBe(`. Did you mean ${meant}?`)
})

test('What is near to nothing is not guessed at; few names are all told', () => {
  expect(instead('x', datasets)).toBe('')
  expect(instead('boats', datasets)).toBe('')
  expect(instead('boats', ['flights', 'people'])).toBe('; there are flights, people')
  expect(instead('boats', ['flights'])).toBe('; there is flights')
  expect(unknownName('dataset', 'boats', [], { dataset: 'boats' })).toMatchObject({
    code: 'not_found',
    message: 'There is no dataset boats; there are none yet',
    details: { dataset: 'boats' },
  })
})
