import type { AnalyticsSession } from '../ports/analytics/analytics.ts'

const BLOCK_BYTES = 64

/**
 * Gives a session the key for `hmacSql`. The two padded blocks of the key (RFC 2104) are variables of the session, set
 * through parameters, so that no text of a query and no error holds them.
 */
export async function setHmacKey(session: AnalyticsSession, key: Uint8Array, name = 'own'): Promise<void> {
  const { inner, outer } = variables(name)
  const padded = Buffer.alloc(BLOCK_BYTES)
  Buffer.from(key).copy(padded)
  const hex = (pad: number): string => Buffer.from(padded.map((byte) => byte ^ pad)).toString('hex')
  await session.execute(
    'CREATE OR REPLACE TEMP TABLE __privacy_key AS SELECT unhex($1) AS inner_block, unhex($2) AS outer_block',
    [hex(0x36), hex(0x5c)],
  )
  await session.execute(`SET VARIABLE ${inner} = (SELECT inner_block FROM __privacy_key)`)
  await session.execute(`SET VARIABLE ${outer} = (SELECT outer_block FROM __privacy_key)`)
  await session.execute('DROP TABLE __privacy_key')
}

/** HMAC-SHA-256 of a text's UTF-8 bytes as 64 hex digits (RFC 2104), out of two SHA-256 over blocks; null stays null. */
export function hmacSql(text: string, name = 'own'): string {
  const { inner, outer } = variables(name)
  return `sha256(getvariable('${outer}') || unhex(sha256(getvariable('${inner}') || encode(${text}))))`
}

/** `name` tells several keys of one session apart. */
function variables(name: string): { inner: string; outer: string } {
  return { inner: `__privacy_inner_${name}`, outer: `__privacy_outer_${name}` }
}
