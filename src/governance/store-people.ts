import type { Queryable, Trx } from '../ports/db/db.ts'
import type { ProjectRow, RoleGrantRow, TeamMemberRow, TeamRow, UserRow } from './tables.ts'

export type HolderType = 'user' | 'team'

export async function findUserByName(at: Queryable, name: string): Promise<UserRow | undefined> {
  return await at.selectFrom('user').selectAll().where('name', '=', name).executeTakeFirst()
}

export async function findUser(at: Queryable, id: string): Promise<UserRow | undefined> {
  return await at.selectFrom('user').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function findUserByEmail(at: Queryable, email: string): Promise<UserRow | undefined> {
  return await at.selectFrom('user').selectAll().where('email', '=', email).executeTakeFirst()
}

export async function findUserByIdentity(
  at: Queryable,
  issuer: string,
  subject: string,
): Promise<UserRow | undefined> {
  return await at
    .selectFrom('user')
    .selectAll()
    .where('oidc_issuer', '=', issuer)
    .where('oidc_subject', '=', subject)
    .executeTakeFirst()
}

export async function listUserRows(at: Queryable): Promise<UserRow[]> {
  return await at.selectFrom('user').selectAll().orderBy('name').execute()
}

export async function insertUser(trx: Trx, row: UserRow): Promise<void> {
  await trx.insertInto('user').values(row).execute()
}

export async function updateUser(
  trx: Trx,
  id: string,
  change: Partial<Pick<UserRow, 'email' | 'password_hash' | 'oidc_issuer' | 'oidc_subject' | 'disabled_ms'>>,
): Promise<void> {
  await trx.updateTable('user').set(change).where('id', '=', id).execute()
}

export async function findTeamByName(at: Queryable, name: string): Promise<TeamRow | undefined> {
  return await at.selectFrom('team').selectAll().where('name', '=', name).executeTakeFirst()
}

export async function listTeamRows(at: Queryable): Promise<TeamRow[]> {
  return await at.selectFrom('team').selectAll().orderBy('name').execute()
}

export async function insertTeam(trx: Trx, row: TeamRow): Promise<void> {
  await trx.insertInto('team').values(row).execute()
}

/** With its members and its roles. */
export async function deleteTeam(trx: Trx, id: string): Promise<void> {
  await trx.deleteFrom('team_member').where('team_id', '=', id).execute()
  await trx.deleteFrom('role_grant').where('holder_type', '=', 'team').where('holder_id', '=', id).execute()
  await trx.deleteFrom('team').where('id', '=', id).execute()
}

export async function listTeamMembers(at: Queryable): Promise<TeamMemberRow[]> {
  return await at.selectFrom('team_member').selectAll().execute()
}

export async function upsertTeamMember(trx: Trx, row: TeamMemberRow): Promise<void> {
  await trx
    .insertInto('team_member')
    .values(row)
    .onConflict((conflict) => conflict.columns(['team_id', 'user_id']).doNothing())
    .execute()
}

export async function deleteTeamMember(
  trx: Trx,
  { teamId, userId }: { teamId: string; userId: string },
): Promise<void> {
  await trx.deleteFrom('team_member').where('team_id', '=', teamId).where('user_id', '=', userId).execute()
}

export async function listGrants(at: Queryable, projectId?: string): Promise<RoleGrantRow[]> {
  return await at
    .selectFrom('role_grant')
    .selectAll()
    .$if(projectId !== undefined, (query) => query.where('project_id', '=', projectId!))
    .orderBy('created_ms')
    .execute()
}

/** Locks the grants of the role admin for all projects: who takes one away waits for who does so meanwhile, and sees it. */
export async function lockAdminGrants(trx: Trx): Promise<void> {
  await trx
    .updateTable('role_grant')
    .set((eb) => ({ role: eb.ref('role') }))
    .where('project_id', '=', '*')
    .where('role', '=', 'admin')
    .execute()
}

/** Those of a user, and of the teams that the user is in. */
export async function listGrantsOf(at: Queryable, userId: string): Promise<RoleGrantRow[]> {
  const teams = at.selectFrom('team_member').select('team_id').where('user_id', '=', userId)
  return await at
    .selectFrom('role_grant')
    .selectAll()
    .where((eb) =>
      eb.or([
        eb.and([eb('holder_type', '=', 'user'), eb('holder_id', '=', userId)]),
        eb.and([eb('holder_type', '=', 'team'), eb('holder_id', 'in', teams)]),
      ]),
    )
    .execute()
}

export async function upsertGrant(trx: Trx, row: RoleGrantRow): Promise<void> {
  await trx
    .insertInto('role_grant')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['holder_type', 'holder_id', 'project_id']).doUpdateSet({ role: row.role }),
    )
    .execute()
}

export async function deleteGrant(
  trx: Trx,
  { projectId, holderType, holderId }: { projectId: string; holderType: HolderType; holderId: string },
): Promise<void> {
  await trx
    .deleteFrom('role_grant')
    .where('project_id', '=', projectId)
    .where('holder_type', '=', holderType)
    .where('holder_id', '=', holderId)
    .execute()
}

export async function listProjectRows(at: Queryable): Promise<ProjectRow[]> {
  return await at.selectFrom('project').selectAll().orderBy('name').execute()
}
