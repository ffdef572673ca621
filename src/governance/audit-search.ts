import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import type { AuditItem, Seal } from './audit-schema.ts'
import { sentenceOf } from './audit-sentence.ts'
import { findBrokenSeal } from './seal.ts'
import { countSeals, findLastSealed, hasSeal, listAuditRows, type AuditFilter } from './store-audit.ts'
import type { AuditRow } from './tables.ts'

export interface SearchAudit extends Caller, Omit<AuditFilter, 'projectId'> {
  /** Also what belongs to no project or to another: for a maintainer of all projects. */
  everywhere?: boolean | undefined
}

/** Who did what, newest first. */
export async function searchAudit(
  { db }: Pick<Context, 'db'>,
  { actor, projectId, everywhere = false, ...filter }: SearchAudit,
): Promise<AuditItem[]> {
  requirePermission(actor, 'maintain', everywhere ? '*' : projectId)
  const rows = await listAuditRows(db.read, { ...filter, projectId: everywhere ? undefined : projectId })
  return rows.map(toItem)
}

function toItem(row: AuditRow): AuditItem {
  const { seq, action, subject } = row
  const detail = JSON.parse(row.detail_json) as Record<string, unknown>
  return {
    seq,
    project: row.project_id,
    actorId: row.actor_id,
    actor: row.actor_name,
    action,
    subject,
    detail,
    sentence: sentenceOf({ action, subject, detail }),
    atMs: row.at_ms,
    sealed: row.hash !== null,
  }
}

/** Reads the whole log and follows its chain of seals. `noted` is a seal that was written down elsewhere. */
export async function verifySeal(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, noted }: Caller & { noted?: string | undefined },
): Promise<Seal> {
  requirePermission(actor, 'maintain', projectId)
  const last = await findLastSealed(db.read)
  return {
    ...(await countSeals(db.read)),
    last: last ? { seq: last.seq, hash: last.hash!, atMs: last.at_ms } : null,
    brokenAt: (await findBrokenSeal({ db })) ?? null,
    noted: noted === undefined ? null : await hasSeal(db.read, noted),
  }
}
