import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from './errors.ts'

const KEY_BYTES = 32

/** A key of 32 bytes in base64. Throws `invalid` for anything else. */
export function parseKey(text: string, what: string): Buffer {
  const key = Buffer.from(text.trim(), 'base64')
  if (key.byteLength === KEY_BYTES) return key
  throw new AppError('invalid', `${what} must be ${KEY_BYTES} bytes in base64, not ${key.byteLength}`)
}

/** The text of a key in the data folder. A missing file is made with mode 0600 and random bytes; of two who make it one wins. */
export function readOrMakeKey(dataDir: string, name: string): string {
  const path = join(dataDir, name)
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  mkdirSync(dataDir, { recursive: true })
  try {
    const file = openSync(path, 'wx', 0o600)
    try {
      writeSync(file, randomBytes(KEY_BYTES).toString('base64'))
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readFileSync(path, 'utf8')
}
