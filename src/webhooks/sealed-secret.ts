import { AppError } from '../kernel/errors.ts'
import type { Config } from '../kernel/config.ts'
import { parseKey, readOrMakeKey } from '../kernel/key-file.ts'
import { seal, unseal } from '../kernel/sealing.ts'

type KeyPlace = Pick<Config, 'dataDir' | 'secretsKey'>

/** Encrypts a secret under the key of the setting `secretsKey`, or of `secrets.key` in the data folder, which is made with mode 0600. */
export function sealSecret(place: KeyPlace, secret: string): string {
  return seal(keyOf(place), secret)
}

/** Throws `unavailable` when it was sealed with another key. */
export function openSecret(place: KeyPlace, sealed: string): string {
  try {
    return unseal(keyOf(place), sealed)
  } catch (error) {
    const message =
      'The secret was encrypted with another key: give the webhook its secret again, or bring the key back'
    throw new AppError('unavailable', message, { cause: error })
  }
}

function keyOf({ dataDir, secretsKey }: KeyPlace): Buffer {
  return parseKey(secretsKey ?? readOrMakeKey(dataDir, 'secrets.key'), 'The key of secrets')
}
