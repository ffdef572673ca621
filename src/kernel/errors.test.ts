import { expect, it } from 'vitest'
import { toAppError } from './errors.ts'

it.each([
  ['the system', { code: 'ENOSPC' }],
  ['a quota', { code: 'EDQUOT' }],
  ['SQLite', { code: 'ERR_SQLITE_ERROR', errcode: 13 }],
  ['PostgreSQL', { code: '53100' }],
])('A full disk is said as such, whoever says it: %s', (_, thrown) => {
  const error = toAppError(Object.assign(new Error('write'), thrown))
  expect(error).toMatchObject({ code: 'unavailable', message: expect.stringContaining('disk is full') })
  expect(toAppError(Object.assign(new Error('open'), { code: 'EIO' })).code).toBe('internal')
})
