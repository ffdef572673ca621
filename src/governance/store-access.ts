import type { Queryable, Trx } from '../ports/db/db.ts'
import type { ApiTokenRow, InviteRow, SessionRow, SignInAttemptRow, StepTokenRow } from './tables.ts'

export async function insertToken(trx: Trx, row: ApiTokenRow): Promise<void> {
  await trx.insertInto('api_token').values(row).execute()
}

export async function findTokenByHash(at: Queryable, hash: string): Promise<ApiTokenRow | undefined> {
  return await at.selectFrom('api_token').selectAll().where('secret_hash', '=', hash).executeTakeFirst()
}

export async function findToken(at: Queryable, id: string): Promise<ApiTokenRow | undefined> {
  return await at.selectFrom('api_token').selectAll().where('id', '=', id).executeTakeFirst()
}

/** Tokens of one user, or of all users, that are not revoked; newest first. */
export async function listUserTokens(at: Queryable, userId?: string): Promise<ApiTokenRow[]> {
  return await at
    .selectFrom('api_token')
    .selectAll()
    .where('revoked_ms', 'is', null)
    .$if(userId !== undefined, (query) => query.where('user_id', '=', userId!))
    .orderBy('id', 'desc')
    .execute()
}

export async function updateTokenUse(trx: Trx, id: string, nowMs: number): Promise<void> {
  await trx.updateTable('api_token').set({ used_ms: nowMs }).where('id', '=', id).execute()
}

export async function revokeToken(trx: Trx, id: string, nowMs: number): Promise<void> {
  await trx.updateTable('api_token').set({ revoked_ms: nowMs }).where('id', '=', id).execute()
}

export async function insertStepToken(trx: Trx, row: StepTokenRow): Promise<void> {
  await trx.insertInto('step_token').values(row).execute()
}

export async function findStepToken(
  at: Queryable,
  by: { hash: string } | { executionId: string },
): Promise<StepTokenRow | undefined> {
  const [column, value] =
    'hash' in by ? (['secret_hash', by.hash] as const) : (['execution_id', by.executionId] as const)
  return await at.selectFrom('step_token').selectAll().where(column, '=', value).executeTakeFirst()
}

/** Those of the execution, and what dead workers have left behind. */
export async function deleteStepTokens(
  trx: Trx,
  { executionId, beforeMs }: { executionId: string; beforeMs: number },
): Promise<void> {
  await trx
    .deleteFrom('step_token')
    .where((eb) => eb.or([eb('execution_id', '=', executionId), eb('created_ms', '<', beforeMs)]))
    .execute()
}

export async function insertInvite(trx: Trx, row: InviteRow): Promise<void> {
  await trx.insertInto('invite').values(row).execute()
}

export async function findInviteByHash(at: Queryable, hash: string): Promise<InviteRow | undefined> {
  return await at.selectFrom('invite').selectAll().where('secret_hash', '=', hash).executeTakeFirst()
}

/** Invites that can still be accepted. */
export async function listOpenInvites(at: Queryable, nowMs: number): Promise<InviteRow[]> {
  return await at
    .selectFrom('invite')
    .selectAll()
    .where('accepted_ms', 'is', null)
    .where('expires_ms', '>', nowMs)
    .execute()
}

/** A user has one open invite at most. */
export async function deleteOpenInvites(trx: Trx, userId: string): Promise<void> {
  await trx.deleteFrom('invite').where('user_id', '=', userId).where('accepted_ms', 'is', null).execute()
}

/** False when somebody was faster. */
export async function acceptInviteRow(trx: Trx, id: string, nowMs: number): Promise<boolean> {
  const row = await trx
    .updateTable('invite')
    .set({ accepted_ms: nowMs })
    .where('id', '=', id)
    .where('accepted_ms', 'is', null)
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

export async function insertSession(trx: Trx, row: SessionRow): Promise<void> {
  await trx.insertInto('session').values(row).execute()
}

export async function findSessionByHash(at: Queryable, hash: string): Promise<SessionRow | undefined> {
  return await at.selectFrom('session').selectAll().where('secret_hash', '=', hash).executeTakeFirst()
}

export async function updateSessionExpiry(trx: Trx, id: string, expiresMs: number): Promise<void> {
  await trx.updateTable('session').set({ expires_ms: expiresMs }).where('id', '=', id).execute()
}

export async function deleteSession(trx: Trx, hash: string): Promise<string | undefined> {
  const row = await trx
    .deleteFrom('session')
    .where('secret_hash', '=', hash)
    .returning('user_id')
    .executeTakeFirst()
  return row?.user_id
}

export async function deleteSessionsOf(trx: Trx, userId: string): Promise<void> {
  await trx.deleteFrom('session').where('user_id', '=', userId).execute()
}

export async function deleteExpiredSessions(trx: Trx, nowMs: number): Promise<void> {
  await trx.deleteFrom('session').where('expires_ms', '<=', nowMs).execute()
}

/** Counts one more failure; the row as it is then. */
export async function countAttempt(trx: Trx, key: string, nowMs: number): Promise<SignInAttemptRow> {
  return await trx
    .insertInto('sign_in_attempt')
    .values({ key, project_id: '*', failures: 1, since_ms: nowMs })
    .onConflict((conflict) =>
      conflict.column('key').doUpdateSet((eb) => ({ failures: eb('sign_in_attempt.failures', '+', 1) })),
    )
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** What was counted turned out to be none. */
export async function giveBackAttempt(trx: Trx, keys: readonly string[]): Promise<void> {
  await trx
    .updateTable('sign_in_attempt')
    .set((eb) => ({ failures: eb('failures', '-', 1) }))
    .where('key', 'in', keys)
    .where('failures', '>', 0)
    .execute()
}

export async function deleteAttemptsBefore(trx: Trx, sinceMs: number): Promise<void> {
  await trx.deleteFrom('sign_in_attempt').where('since_ms', '<', sinceMs).execute()
}

export async function deleteAttempts(trx: Trx, keys: readonly string[]): Promise<void> {
  await trx.deleteFrom('sign_in_attempt').where('key', 'in', keys).execute()
}
