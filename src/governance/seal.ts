import type { Context } from '../http/context.ts'
import { hashJson } from '../kernel/json.ts'
import { findLastSealed, listSealed, listUnsealed, updateSeal } from './store-audit.ts'
import type { AuditRow } from './tables.ts'

const BATCH = 500
const FIRST = '0'.repeat(64)

/**
 * Chains the audit rows that were committed since: each row's hash covers the hash before it and everything it says,
 * so that a row can't be changed, removed or put in between without breaking the chain. One sealer at a time.
 */
export async function sealAudit({ db }: Pick<Context, 'db'>): Promise<number> {
  return await db.write(async (trx) => {
    const rows = await listUnsealed(trx, db.dialect, BATCH)
    let previous = (rows.length === 0 ? undefined : await findLastSealed(trx))?.hash ?? FIRST
    for (const row of rows) {
      previous = hashOf(previous, row)
      await updateSeal(trx, { seq: row.seq, hash: previous })
    }
    return rows.length
  })
}

/** The first audit row whose hash does not follow from the rows before it; undefined when the chain holds. */
export async function findBrokenSeal({ db }: Pick<Context, 'db'>): Promise<number | undefined> {
  let previous = FIRST
  let after = 0
  for (;;) {
    const rows = await listSealed(db.read, { after, limit: BATCH })
    for (const row of rows) {
      previous = hashOf(previous, row)
      if (row.hash !== previous) return row.seq
      after = row.seq
    }
    if (rows.length < BATCH) return undefined
  }
}

function hashOf(previous: string, row: AuditRow): string {
  return hashJson({ previous, ...row, hash: undefined })
}
