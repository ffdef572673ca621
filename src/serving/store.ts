import type { Queryable, Trx } from '../ports/db/db.ts'
import type { DesiredState } from './schema.ts'
import type { GatewayRow } from './tables.ts'

export async function latestGeneration(at: Queryable): Promise<number> {
  const found = await at
    .selectFrom('desired_state')
    .select('generation')
    .orderBy('generation', 'desc')
    .limit(1)
    .executeTakeFirst()
  return found?.generation ?? 0
}

/** The document of the highest generation. */
export async function findDesiredState(at: Queryable): Promise<DesiredState | undefined> {
  const found = await at
    .selectFrom('desired_state')
    .select('document_json')
    .orderBy('generation', 'desc')
    .limit(1)
    .executeTakeFirst()
  return found === undefined ? undefined : (JSON.parse(found.document_json) as DesiredState)
}

export async function listCandidateLeases(
  at: Queryable,
): Promise<{ rollout_id: string; until_ms: number }[]> {
  return await at.selectFrom('candidate_lease').select(['rollout_id', 'until_ms']).execute()
}

export async function upsertGateway(trx: Trx, row: GatewayRow): Promise<void> {
  const { gateway_id: _, created_ms: __, ...changed } = row
  await trx
    .insertInto('gateway')
    .values(row)
    .onConflict((conflict) => conflict.column('gateway_id').doUpdateSet(changed))
    .execute()
}

export async function listGateways(at: Queryable): Promise<GatewayRow[]> {
  return await at.selectFrom('gateway').selectAll().orderBy('gateway_id').execute()
}
