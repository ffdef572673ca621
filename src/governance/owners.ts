import type { Actor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import type { Queryable } from '../ports/db/db.ts'
import { findTeamByName, findUserByName, listTeamMembers, listUserRows } from './store-people.ts'

const TEAM = 'team:'

/** Throws `invalid` for an owner that is neither a user nor a `team:<name>`. Where nobody signs in yet, any name will do. */
export async function requireOwner(at: Queryable, owner: string): Promise<void> {
  const known = owner.startsWith(TEAM)
    ? await findTeamByName(at, owner.slice(TEAM.length))
    : await findUserByName(at, owner)
  if (known || (await listUserRows(at)).length === 0) return
  throw new AppError(
    'invalid',
    `There is no ${owner.startsWith(TEAM) ? 'team' : 'user'} ${owner.replace(TEAM, '')}`,
    {
      details: { owner },
    },
  )
}

/** Whether something with this owner is theirs: it names them, or a team of theirs. */
export async function isOwnedBy(at: Queryable, owner: string | null, actor: Actor): Promise<boolean> {
  if (owner === null) return false
  if (!owner.startsWith(TEAM)) return owner === actor.name
  const team = await findTeamByName(at, owner.slice(TEAM.length))
  const members = team ? await listTeamMembers(at) : []
  return members.some(({ team_id, user_id }) => team_id === team!.id && actor.id === `user:${user_id}`)
}
