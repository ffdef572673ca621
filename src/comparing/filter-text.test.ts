import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { AppError } from '../kernel/errors.ts'
import { Filter } from '../search/search.ts'
import { parseFilterText } from './filter-text.ts'

const NOW = Date.UTC(2026, 0, 31)
const parse = (text: string) => parseFilterText(text, NOW)

function problem(text: string): { message: string; at: string } {
  try {
    parse(text)
  } catch (error) {
    const { message, details } = error as AppError
    const { position, length } = details as { position: number; length: number }
    return { message, at: text.slice(position, position + length) }
  }
  throw new Error(`${text} was read`)
}

test('and binds closer than or, not closest, and parentheses change that', () => {
  const a = { field: 'metric', key: 'a', operator: '>', value: 1 }
  const b = { field: 'param', key: 'b', operator: '=', value: 'x' }
  const c = { field: 'attribute', key: 'status', operator: '=', value: 'FAILED' }
  expect(parse("metrics.a > 1 or params.b = 'x' and not status = 'failed'")).toEqual({
    or: [a, { and: [b, { not: c }] }],
  })
  expect(parse("(metrics.a > 1 OR params.b = x) status = 'FAILED'")).toEqual({ and: [{ or: [a, b] }, c] })
})

test('keys in quotes and back-ticks, lists, null, like, contains and plain words', () => {
  expect(parse('metrics.`val loss` <= 1e-3')).toEqual({
    field: 'metric',
    key: 'val loss',
    operator: '<=',
    value: 0.001,
  })
  expect(parse("params.\"a.b\" == 'it''s'")).toEqual({
    field: 'param',
    key: 'a.b',
    operator: '=',
    value: "it's",
  })
  expect(parse("status not in ('FAILED', 'KILLED')")).toEqual({
    field: 'attribute',
    key: 'status',
    operator: 'not in',
    values: ['FAILED', 'KILLED'],
  })
  expect(parse('tags.team in (a, b)')).toEqual({
    or: [
      { field: 'tag', key: 'team', operator: '=', value: 'a' },
      { field: 'tag', key: 'team', operator: '=', value: 'b' },
    ],
  })
  expect(parse('tags.team is null and parent is not null')).toEqual({
    and: [
      { field: 'tag', key: 'team', operator: 'missing' },
      { field: 'attribute', key: 'parentRunId', operator: 'exists' },
    ],
  })
  expect(parse('params.model contains tree')).toMatchObject({ operator: 'ilike', value: '%tree%' })
  expect(parse("dataset.name like 'fl%'")).toMatchObject({ field: 'dataset', operator: 'like' })
  expect(parse('swift-otter')).toEqual({
    field: 'attribute',
    key: 'name',
    operator: 'ilike',
    value: '%swift-otter%',
  })
  expect(parse('  ')).toEqual({ and: [] })
})

test('times are dates in UTC, milliseconds, or ages', () => {
  expect(parse('started > -7d')).toMatchObject({ key: 'startMs', value: NOW - 7 * 86_400_000 })
  expect(parse("ended <= '2026-01-02T03:04'")).toMatchObject({ value: Date.UTC(2026, 0, 2, 3, 4) })
  expect(parse('start_time >= 1700000000000')).toMatchObject({ value: 1_700_000_000_000 })
})

test('an error says what would be right, and where the problem is', () => {
  expect(problem('metrics.auc > high')).toMatchObject({
    at: 'high',
    message: expect.stringContaining('number'),
  })
  expect(problem('colour = red')).toMatchObject({
    at: 'colour',
    message: expect.stringContaining('name, status'),
  })
  expect(problem('what?').message).toContain('Write metrics.')
  expect(problem("name = 'open")).toMatchObject({ at: "'", message: expect.stringContaining('not closed') })
  expect(problem('(status = FAILED').message).toContain('parenthesis')
  expect(problem('metrics.auc').message).toContain('must follow')
  expect(problem('metrics.auc >').message).toContain('missing')
  expect(problem('status is null').at).toBe('status')
  expect(problem('started > yesterday').at).toBe('yesterday')
  expect(problem(`${'('.repeat(40)}a`).message).toContain('nested')
})

test('any text is read into a valid filter or refused as invalid, in bounded time', () => {
  const piece = fc.constantFrom(
    'metrics.',
    'params.x',
    '=',
    '>',
    "'",
    '"',
    '(',
    ')',
    'and ',
    'or ',
    'not ',
    ' in ',
    '1',
    ' is ',
    'null',
    ' ',
    '`',
    ',',
    'é',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece, { maxLength: 30 }).map((parts) => parts.join('')),
      ),
      (text) => {
        try {
          Filter.parse(parse(text))
        } catch (error) {
          expect(error).toBeInstanceOf(AppError)
          expect((error as AppError).code).toBe('invalid')
        }
      },
    ),
  )
})
