import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { AppError } from '../../kernel/errors.ts'
import { Filter, type NumberOperator } from '../../search/search.ts'
import { parseOrderBy, parseSearchFilter } from './search-filter.ts'
import { EXPERIMENTS, LOGGED_MODELS, MODEL_VERSIONS, REGISTERED_MODELS, RUNS } from './search-vocabulary.ts'

const vocabularies = [RUNS, EXPERIMENTS, REGISTERED_MODELS, MODEL_VERSIONS, LOGGED_MODELS]

/** Texts made of what filters are made of, so that many get far into the grammar. */
const pieces = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'metrics',
        'params',
        'tags',
        'attributes',
        'dataset',
        '.',
        'name',
        'run_id',
        'start_time',
        ' ',
      ),
      fc.constantFrom(
        '=',
        '!=',
        '<',
        '>=',
        'LIKE',
        'ilike',
        'IN',
        'NOT IN',
        'IS NULL',
        'AND',
        ' and ',
        'OR',
        '(',
        ')',
        ',',
      ),
      fc.constantFrom("'a'", '"b"', '`c d`', "'", '"', '`', '1', '-2.5', '1e3', ';', '\n'),
      fc.string({ maxLength: 4 }),
    ),
    { maxLength: 16 },
  )
  .map((parts) => parts.join(''))

it('gives a filter of the tree, or refuses with `invalid`, for any text', () => {
  fc.assert(
    fc.property(pieces, fc.constantFrom(...vocabularies), (text, vocabulary) => {
      for (const parse of [parseSearchFilter, (order: string) => parseOrderBy([order], vocabulary)]) {
        try {
          const parsed = parse(text, vocabulary)
          if (!Array.isArray(parsed)) expect(Filter.safeParse(parsed).success).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(AppError)
          expect((error as AppError).code).toBe('invalid')
        }
      }
    }),
    { numRuns: 2000 },
  )
})

it('reads back any key in back-ticks and any value in quotes', () => {
  const key = fc
    .string({ minLength: 1, maxLength: 20 })
    .filter((text) => !text.includes('`') && text.trim() !== '')
  fc.assert(
    fc.property(key, fc.string({ maxLength: 30 }), (name, value) => {
      const quoted = `'${value.replaceAll("'", "''")}'`
      const parsed = parseSearchFilter(`params.\`${name}\` = ${quoted} AND metrics.auc > -1.5e-3`, RUNS)
      expect(parsed).toEqual({
        and: [
          { field: 'param', key: name, operator: '=', value },
          { field: 'metric', key: 'auc', operator: '>', value: -0.0015 },
        ],
      })
    }),
  )
})

const key = fc
  .string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
  .filter((text) => !text.includes('`') && text.trim() !== '')
const word = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,6}$/)
const value = fc.string({ maxLength: 12, unit: 'grapheme' })
/** Minus zero is written as zero. */
const number = fc
  .oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }))
  .map((drawn) => (drawn === 0 ? 0 : drawn))
const numberOperator = fc.constantFrom<NumberOperator>('=', '!=', '<', '<=', '>', '>=')
const textOperator = fc.constantFrom('=' as const, '!=' as const, 'like' as const, 'ilike' as const)
const quotes = fc.constantFrom("'", '"')
const space = fc.constantFrom(' ', '  ', '\n', '\t')

const quoted = (text: string, quote: string): string => quote + text.replaceAll(quote, quote + quote) + quote

/** A comparison with one of the ways to write it. */
const written: fc.Arbitrary<[Filter, string]> = fc.oneof(
  fc
    .tuple(fc.constantFrom('metric', 'metrics'), key, numberOperator, number, space)
    .map(([entity, name, operator, limit, gap]): [Filter, string] => [
      { field: 'metric', key: name, operator, value: limit },
      `${entity}.\`${name}\`${gap}${operator}${gap}${limit}`,
    ]),
  fc
    .tuple(fc.constantFrom('param', 'tag'), word, textOperator, value, quotes)
    .map(([field, name, operator, text, quote]): [Filter, string] => [
      { field, key: name, operator, value: text },
      `${field}s.${name} ${operator.toUpperCase()} ${quoted(text, quote)}`,
    ]),
  fc
    .tuple(fc.constantFrom('param', 'tag'), key, fc.boolean())
    .map(([field, name, exists]): [Filter, string] => [
      { field, key: name, operator: exists ? 'exists' : 'missing' },
      `${field}s.\`${name}\` is ${exists ? 'not ' : ''}null`,
    ]),
  fc
    .tuple(fc.constantFrom('in' as const, 'not in' as const), fc.array(value, { minLength: 1, maxLength: 4 }))
    .map(([operator, values]): [Filter, string] => [
      { field: 'attribute', key: 'id', operator, values },
      `attributes.run_id ${operator} (${values.map((text) => quoted(text, "'")).join(' , ')})`,
    ]),
  fc
    .tuple(fc.constantFrom('name', 'digest', 'context'), textOperator, value, quotes)
    .map(([name, operator, text, quote]): [Filter, string] => [
      { field: 'dataset', key: name, operator, value: text },
      `datasets.${name} ${operator} ${quoted(text, quote)}`,
    ]),
  fc
    .tuple(numberOperator, fc.integer())
    .map(([operator, limit]): [Filter, string] => [
      { field: 'attribute', key: 'startMs', operator, value: limit },
      `start_time ${operator} ${limit}`,
    ]),
)

it('reads back whatever tree it is written from', () => {
  const joined = fc.array(written, { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(joined, fc.constantFrom(' AND ', ' and ', '\nAnd\t'), (parts, and) => {
      const text = parts.map(([, clause]) => clause).join(and)
      expect(parseSearchFilter(text, RUNS)).toEqual({ and: parts.map(([tree]) => tree) })
    }),
    { numRuns: 1000 },
  )
})

it('is done with 100 kB of any hostile text in a moment', () => {
  const hostile = [
    "'",
    '"',
    '`',
    '(',
    "'a' ",
    "params.a = '",
    'tags.`',
    'AND ',
    'a.',
    'IS NOT ',
    "run_id IN ('a',",
    '9',
    ' ',
    "''",
  ]
  for (const vocabulary of vocabularies)
    for (const length of [49_999, 100_000])
      for (const piece of hostile) {
        const text = piece.repeat(Math.ceil(length / piece.length)).slice(0, length)
        const started = process.threadCpuUsage()
        try {
          parseSearchFilter(text, vocabulary)
        } catch (error) {
          expect((error as AppError).code).toBe('invalid')
          expect((error as AppError).message.length).toBeLessThan(1000)
        }
        expect(process.threadCpuUsage(started).user / 1000, piece).toBeLessThan(500)
      }
})

it('takes a long text with thousands of conditions', () => {
  const long = `${"params.a = '1' AND ".repeat(2000)}params.b = '2'`
  const parsed = parseSearchFilter(long, RUNS)
  expect('and' in parsed && parsed.and.length).toBe(2001)
})
