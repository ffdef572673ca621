import type { Context } from '../http/context.ts'
import { searchAudit } from '../governance/governance.ts'
import type { Caller } from '../kernel/actor.ts'

/** Where an alias pointed, and by whose hand. */
export interface AliasAt {
  model: string
  alias: string
  version: number
  actor: string
  sinceMs: number
  /** The entry of the audit log that says so. */
  seq: number
}

const ACTIONS = ['set_alias', 'delete_alias', 'import_aliases', 'update_model', 'delete_model'] as const
/** More moves of aliases than a project sees in its life. */
const MOST = 50_000

/** The aliases of a project at a wall time, from the audit log. */
export async function listAliasesAt(
  { db }: Pick<Context, 'db'>,
  { projectId, actor, wallMs }: Caller & { wallMs: number },
): Promise<AliasAt[]> {
  const entries = await Promise.all(
    ACTIONS.map((action) =>
      searchAudit({ db }, { projectId, actor, action: `registry.${action}`, toMs: wallMs, limit: MOST }),
    ),
  )
  const aliases = new Map<string, AliasAt>()
  const set = (
    entry: (typeof entries)[number][number],
    pointed: { alias: string; version: number },
  ): void => {
    const { subject: model, actor: by, atMs: sinceMs, seq } = entry
    const { alias, version } = pointed
    aliases.set(`${model}@${alias}`, { model, alias, version, actor: by, sinceMs, seq })
  }
  for (const entry of entries.flat().sort((a, b) => a.seq - b.seq)) {
    const { action, subject, detail } = entry
    if (action === 'registry.set_alias') set(entry, detail as { alias: string; version: number })
    else if (action === 'registry.import_aliases')
      for (const pointed of detail['aliases'] as { alias: string; version: number }[]) set(entry, pointed)
    else if (action === 'registry.delete_alias') aliases.delete(`${subject}@${String(detail['alias'])}`)
    else move(aliases, subject, detail['newName'], action === 'registry.delete_model')
  }
  return [...aliases.values()].sort((a, b) => (a.model + a.alias < b.model + b.alias ? -1 : 1))
}

/** A model that is renamed takes its aliases along; one that is deleted has none. */
function move(aliases: Map<string, AliasAt>, model: string, newName: unknown, deleted: boolean): void {
  if (!deleted && typeof newName !== 'string') return
  for (const [key, at] of aliases) {
    if (at.model !== model) continue
    aliases.delete(key)
    if (!deleted) aliases.set(`${String(newName)}@${at.alias}`, { ...at, model: String(newName) })
  }
}
