import type { Context } from '../http/context.ts'
import { AppError } from '../kernel/errors.ts'
import { quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { Trx } from '../ports/db/db.ts'
import type { ReadSource } from '../sources/sources.ts'
import { hmacSql, setHmacKey } from './hmac.ts'
import { heldKeys, type PrivacyKey } from './keys.ts'
import { addCameAgain, countErasedKeys, listErasedKeys } from './store.ts'
import type { ErasedKeyRow } from './tables.ts'

/** Rows of erased people, which stay out of what is read. */
export interface LeaveOut {
  /** The source without them. Counts what it left out in `found`. */
  apply(session: AnalyticsSession, source: ReadSource): Promise<ReadSource>
  /** Rows left out so far, by the hash of their key. */
  readonly found: ReadonlyMap<string, number>
  /** How many keys were erased when this was made: `requireNoNewErasure` compares. */
  readonly known: number
}

/** Throws `unavailable` when a key was erased under a privacy key that this process does not have. */
export async function leaveOutErased(
  { config, db }: Pick<Context, 'config' | 'db'>,
  projectId: string,
): Promise<LeaveOut> {
  const erased = await listErasedKeys(db.read, projectId)
  const held = erased.length === 0 ? [] : heldKeys(config, projectId)
  const found = new Map<string, number>()
  const columns = Map.groupBy(erased, (row) => row.key_column)
  return {
    found,
    known: erased.length,
    async apply(session, source) {
      let { from } = source
      for (const [index, { name }] of source.columns.entries()) {
        const rows = columns.get(name)
        if (!rows) continue
        const text = `CAST(${source.expressions[index]!} AS VARCHAR)`
        for (const [keyId, same] of Map.groupBy(rows, (row) => row.key_id))
          from = await without(session, from, { text, hashes: same, key: keyOf(held, keyId), found })
      }
      return { ...source, from }
    },
  }
}

async function without(
  session: AnalyticsSession,
  from: string,
  input: { text: string; hashes: readonly ErasedKeyRow[]; key: PrivacyKey; found: Map<string, number> },
): Promise<string> {
  const { text, hashes, key, found } = input
  await setHmacKey(session, key.bytes, key.id)
  const hash = hmacSql(text, key.id)
  const list = hashes.map(({ key_hash }) => quoteLiteral(key_hash)).join(', ')
  const counted = await session.query(
    `SELECT h, count(*) AS n FROM (SELECT ${hash} AS h FROM ${from}) WHERE h IN (${list}) GROUP BY h`,
  )
  if (counted.length === 0) return from
  for (const { h, n } of counted) found.set(String(h), (found.get(String(h)) ?? 0) + Number(n))
  return `(SELECT * FROM ${from} WHERE NOT coalesce(${hash} IN (${list}), false))`
}

function keyOf(held: readonly PrivacyKey[], keyId: string): PrivacyKey {
  const key = held.find(({ id }) => id === keyId)
  if (key) return key
  throw new AppError(
    'unavailable',
    `A person was erased under the privacy key ${keyId}, which this process does not have: without it their rows could come back. ` +
      'Name it after the present key in TIDEMILL_PRIVACY_KEY',
  )
}

/** Whether people were erased since `leaveOut` was made: what was read then may have their rows. Call it under the dataset's lock. */
export async function isErasedSince(
  trx: Trx,
  projectId: string,
  { known }: Pick<LeaveOut, 'known'>,
): Promise<boolean> {
  return (await countErasedKeys(trx, projectId)) !== known
}

/** Counts what was left out, with the version that it was left out of. */
export async function recordLeftOut(trx: Trx, projectId: string, { found }: LeaveOut): Promise<void> {
  for (const [keyHash, rows] of found) await addCameAgain(trx, { projectId, keyHash, rows })
}
