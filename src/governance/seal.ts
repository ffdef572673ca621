import type { Context } from '../http/context.ts'
import { hashJson } from '../kernel/json.ts'
import type { Trx } from '../ports/db/db.ts'
import { findLastSealed, listSealed, listUnsealed, updateSeals } from './store-audit.ts'
import type { AuditRow } from './tables.ts'

const BATCH = 500
const FIRST = '0'.repeat(64)

/**
 * Chains the audit rows that were committed since: each row's hash covers the hash before it and everything it says,
 * so that a row can't be changed, removed or put in between without breaking the chain. One sealer at a time; in pieces, so that
 * writers get in between. Returns how many rows it sealed.
 */
export async function sealAudit(context: Pick<Context, 'db'>): Promise<number> {
  let sealed = 0
  for (;;) {
    const rows = await sealPiece(context)
    sealed += rows
    if (rows < BATCH) return sealed
  }
}

async function sealPiece({ db }: Pick<Context, 'db'>): Promise<number> {
  const seal = async (trx: Trx): Promise<number> => {
    const rows = await listUnsealed(trx, db.dialect, BATCH)
    let previous = (rows.length === 0 ? undefined : await findLastSealed(trx))?.hash ?? FIRST
    const seals = rows.map((row) => {
      previous = hashOf(previous, row)
      return { seq: row.seq, hash: previous }
    })
    await updateSeals(trx, seals)
    return rows.length
  }
  return await db.write(seal, { tells: () => false })
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
