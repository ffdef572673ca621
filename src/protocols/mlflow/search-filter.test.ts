import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { AppError } from '../../kernel/errors.ts'
import { Filter } from '../../tracking/filter.ts'
import {
  EXPERIMENTS,
  LOGGED_MODELS,
  MODEL_VERSIONS,
  REGISTERED_MODELS,
  RUNS,
  parseOrderBy,
  parseSearchFilter,
} from './search-filter.ts'

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

it('takes a long text with thousands of conditions', () => {
  const long = `${"params.a = '1' AND ".repeat(2000)}params.b = '2'`
  const parsed = parseSearchFilter(long, RUNS)
  expect('and' in parsed && parsed.and.length).toBe(2001)
})
