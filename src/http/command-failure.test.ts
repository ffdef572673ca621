import { expect, test } from 'vitest'
import { AppError } from '../kernel/errors.ts'
import { commandFailure } from './command-failure.ts'

test.each([
  [{ code: 'ENOSPC', path: '/data/x' }, 'unavailable', 'The disk is full: /data/x'],
  [{ code: 'EROFS', path: '/data' }, 'denied', 'The file system can only be read: /data'],
  [{ code: 'EACCES' }, 'denied', 'This user may not do that with the file'],
  // SQLITE_READONLY_DIRECTORY and SQLITE_FULL.
  [{ code: 'ERR_SQLITE_ERROR', errcode: 1544 }, 'denied', 'The file system can only be read'],
  [{ code: 'ERR_SQLITE_ERROR', errcode: 13 }, 'unavailable', 'The disk is full'],
])('What the system refuses is a sentence and no stack: %j', (fields, code, message) => {
  expect(commandFailure(Object.assign(new Error('refused'), fields))).toMatchObject({ code, message })
})

test('Anything else stays as it is, or is internal', () => {
  const known = new AppError('conflict', 'taken')
  expect(commandFailure(known)).toBe(known)
  expect(commandFailure(new TypeError('x is undefined'))).toMatchObject({ code: 'internal' })
  expect(commandFailure(undefined)).toMatchObject({ code: 'internal' })
})
