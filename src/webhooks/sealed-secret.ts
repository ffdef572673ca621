import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { AppError } from '../kernel/errors.ts'
import type { Config } from '../kernel/config.ts'
import { parseKey, readOrMakeKey } from '../kernel/key-file.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16
const ALGORITHM = 'aes-256-gcm'

type KeyPlace = Pick<Config, 'dataDir' | 'secretsKey'>

/** Encrypts a secret with AES-256-GCM under the key of the setting `secretsKey`, or of `secrets.key` in the data folder, which is made with mode 0600. */
export function sealSecret(place: KeyPlace, secret: string): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(ALGORITHM, keyOf(place), nonce)
  const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')
}

/** Throws `unavailable` when it was sealed with another key. */
export function openSecret(place: KeyPlace, sealed: string): string {
  const bytes = Buffer.from(sealed, 'base64')
  const decipher = createDecipheriv(ALGORITHM, keyOf(place), bytes.subarray(0, NONCE_BYTES))
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
  try {
    return Buffer.concat([
      decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)),
      decipher.final(),
    ]).toString('utf8')
  } catch (error) {
    const message =
      'The secret was encrypted with another key: give the webhook its secret again, or bring the key back'
    throw new AppError('unavailable', message, { cause: error })
  }
}

function keyOf({ dataDir, secretsKey }: KeyPlace): Buffer {
  return parseKey(secretsKey ?? readOrMakeKey(dataDir, 'secrets.key'), 'The key of secrets')
}
