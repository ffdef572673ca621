import type { Context } from '../http/context.ts'
import { requirePermission, type Actor } from '../kernel/actor.ts'
import type { AuditItem, Seal } from './audit-schema.ts'
import { sentenceOf } from './audit-sentence.ts'
import { findBrokenSeal } from './seal.ts'
import { countSeals, findLastSealed, hasSeal, listAuditRows } from './store-audit.ts'
import type { AuditRow } from './tables.ts'

export interface SearchAudit {
  projectId: string
  actor: Actor
  /** Also what belongs to no project or to another: for a maintainer of all projects. */
  everywhere?: boolean | undefined
  /** Name or id of who acted. */
  by?: string | undefined
  /** An action, or what some begin with, such as `rollout.`. */
  action?: string | undefined
  subject?: string | undefined
  /** A part of what an entry says, without regard to case (of ASCII letters, on SQLite). */
  text?: string | undefined
  fromMs?: number | undefined
  /** Up to and with this wall time. */
  toMs?: number | undefined
  limit: number
  /** The `seq` of the last entry of the page before. */
  before?: number | undefined
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
  { projectId, actor, noted }: { projectId: string; actor: Actor; noted?: string | undefined },
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
