import { hkdfSync } from 'node:crypto'
import { audit } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import type { Config } from '../kernel/config.ts'
import { AppError } from '../kernel/errors.ts'
import { sha256 } from '../kernel/json.ts'
import { parseKey, readOrMakeKey } from '../kernel/key-file.ts'
import type { Trx } from '../ports/db/db.ts'
import { findKeyId, insertKeyId, upsertKeyId } from './store.ts'

/** A project's own key. The id tells keys apart and tells nothing of the key. */
export interface PrivacyKey {
  id: string
  bytes: Uint8Array
}

type KeyPlace = Pick<Config, 'dataDir' | 'privacyKey'>

/**
 * The keys of a project that this process has, derived from the setting `privacyKey`, or from `privacy.key` in the data folder, by
 * HKDF-SHA-256 (RFC 5869). The first hashes; the others know what was hashed before them.
 */
export function heldKeys({ dataDir, privacyKey }: KeyPlace, projectId: string): PrivacyKey[] {
  const texts = (privacyKey ?? readOrMakeKey(dataDir, 'privacy.key')).split(',')
  return texts.map((text) => {
    const master = parseKey(text, 'The privacy key')
    const bytes = Buffer.from(hkdfSync('sha256', master, '', `tidemill privacy ${projectId}`, 32))
    return { id: sha256(Buffer.concat([Buffer.from('key id '), bytes])).slice(0, 12), bytes }
  })
}

/**
 * The key that hashes a project's values. Throws `unavailable` when this process has another key than the one the project
 * has used so far: two keys at once would give one person two hashes.
 */
export async function currentKey(
  { config, db, clock }: Pick<Context, 'config' | 'db' | 'clock'>,
  projectId: string,
): Promise<PrivacyKey> {
  const [held] = heldKeys(config, projectId)
  const known =
    (await findKeyId(db.read, projectId)) ??
    (await db.write((trx) => ensureKeyId({ config, clock }, trx, projectId)))
  if (known === held!.id) return held!
  throw new AppError(
    'unavailable',
    `This process has the privacy key ${held!.id}, the project uses ${known}: give every machine the same ` +
      'TIDEMILL_PRIVACY_KEY, or, to go over to a new key, run tidemill privacy rotate-key',
  )
}

/** The id of the key that a project uses; that of this process where there was none. */
export async function ensureKeyId(
  { config, clock }: Pick<Context, 'config' | 'clock'>,
  trx: Trx,
  projectId: string,
): Promise<string> {
  const known = await findKeyId(trx, projectId)
  if (known !== undefined) return known
  const key_id = heldKeys(config, projectId)[0]!.id
  await insertKeyId(trx, { project_id: projectId, key_id, created_ms: clock.now() })
  return (await findKeyId(trx, projectId))!
}

/**
 * Goes over to the key that this process has. Datasets that hash a column read their files again at the next ingest. Returns the
 * id of the key; asking again changes nothing.
 */
export async function rotateKey(
  { config, db, clock }: Pick<Context, 'config' | 'db' | 'clock'>,
  { projectId, actor }: Caller,
): Promise<{ keyId: string; before: string | null }> {
  requirePermission(actor, 'administer', projectId)
  const keyId = heldKeys(config, projectId)[0]!.id
  return await db.write(async (trx) => {
    const before = (await findKeyId(trx, projectId)) ?? null
    if (before === keyId) return { keyId, before }
    const atMs = clock.now()
    await upsertKeyId(trx, { project_id: projectId, key_id: keyId, created_ms: atMs })
    await appendEvent(trx, { projectId, kind: 'privacy.key_changed', payload: { keyId }, atMs })
    await audit(trx, { projectId, actor, action: 'privacy.rotate_key', subject: keyId, detail: { before } })
    return { keyId, before }
  })
}
