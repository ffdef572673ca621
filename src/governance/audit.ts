import type { Caller } from '../kernel/actor.ts'
import { randomIds } from '../kernel/ids.ts'
import type { JsonObject } from '../kernel/json.ts'
import type { Trx } from '../ports/db/db.ts'
import { insertAudit } from './store-audit.ts'

export interface AuditEntry extends Caller {
  /** `room.verb`, such as `registry.set_alias`. */
  action: string
  subject: string
  detail?: JsonObject
}

/** Writes who did what, in the transaction of the change. */
export async function audit(trx: Trx, entry: AuditEntry): Promise<void> {
  await insertAudit(trx, {
    id: randomIds.uuid(),
    project_id: entry.projectId,
    actor_id: entry.actor.id,
    actor_name: entry.actor.name,
    action: entry.action,
    subject: entry.subject,
    detail_json: JSON.stringify(entry.detail ?? {}),
    hash: null,
  })
}
