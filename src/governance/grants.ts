import type { Context } from '../http/context.ts'
import { requirePermission, type Actor, type Role } from '../kernel/actor.ts'
import type { Trx } from '../ports/db/db.ts'
import { audit } from './audit.ts'
import type { Member } from './people-schema.ts'
import {
  deleteGrant,
  listGrants,
  listTeamRows,
  listUserRows,
  upsertGrant,
  type HolderType,
} from './store-people.ts'
import { getTeam } from './teams.ts'
import { getUser, keepingAnAdmin, tellAccessChanged } from './users.ts'

export interface SetRole {
  /** `*` is all projects. */
  projectId: string
  actor: Actor
  type: HolderType
  name: string
  /** Null takes the role away. */
  role: Role | null
}

/** Gives a user or a team a role in a project, in place of the one it had. The last admin for all projects stays. */
export async function setRole({ db, clock }: Pick<Context, 'db' | 'clock'>, input: SetRole): Promise<void> {
  const { projectId, actor, type, name, role } = input
  requirePermission(actor, 'administer', projectId)
  await db.write(async (trx) => {
    const holderId = await holderOf(trx, type, name)
    await keepingAnAdmin(trx, async () => {
      if (role === null) return await deleteGrant(trx, { projectId, holderType: type, holderId })
      const created_ms = await db.wallTime(trx)
      const holder = { holder_type: type, holder_id: holderId }
      await upsertGrant(trx, { project_id: projectId, ...holder, role, created_ms })
    })
    const subject = type === 'team' ? `team:${name}` : name
    await audit(trx, { projectId, actor, action: 'people.set_role', subject, detail: { role } })
    await tellAccessChanged(trx, clock)
  })
}

async function holderOf(trx: Trx, type: HolderType, name: string): Promise<string> {
  return (type === 'user' ? await getUser(trx, name) : await getTeam(trx, name)).id
}

/** Who has a role in a project, those with a role for all projects included. */
export async function listMembers(
  { db }: Pick<Context, 'db'>,
  { actor, projectId }: { actor: Actor; projectId: string },
): Promise<Member[]> {
  requirePermission(actor, 'view', projectId)
  const users = new Map((await listUserRows(db.read)).map((user) => [user.id, user.name]))
  const teams = new Map((await listTeamRows(db.read)).map((team) => [team.id, team.name]))
  const grants = [...(await listGrants(db.read, projectId)), ...(await listGrants(db.read, '*'))]
  return grants.map(({ holder_type, holder_id, role, project_id }) => ({
    type: holder_type as HolderType,
    name: (holder_type === 'user' ? users : teams).get(holder_id) ?? holder_id,
    role: role as Role,
    everywhere: project_id === '*',
  }))
}
