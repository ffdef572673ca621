import { sql } from 'kysely'
import type { Queryable } from '../ports/db/db.ts'
import { isIn } from '../ports/db/dialect.ts'
import { activeStates } from './schema.ts'

interface ServedVersion {
  role: 'stable' | 'candidate' | 'previous'
  deployment: string
  model: string
  version: number
}

/** Of these model versions, those that gateways load, and as what. In one statement: a promotion meanwhile is seen before or after, not in between. */
export async function listServedVersions(at: Queryable, ids: readonly string[]): Promise<ServedVersion[]> {
  return await at
    .selectFrom('deployment')
    .select([
      sql<ServedVersion['role']>`'stable'`.as('role'),
      'name as deployment',
      'model',
      sql<number>`stable_version`.as('version'),
    ])
    .where(isIn(at, sql.ref('stable_version_id'), ids))
    .unionAll(
      at
        .selectFrom('rollout')
        .select([
          sql<ServedVersion['role']>`'candidate'`.as('role'),
          'deployment',
          'model',
          'candidate_version as version',
        ])
        .where('state', 'in', activeStates)
        .where(isIn(at, sql.ref('candidate_version_id'), ids)),
    )
    .unionAll(
      at
        .selectFrom('deployment')
        .select([
          sql<ServedVersion['role']>`'previous'`.as('role'),
          'name as deployment',
          'model',
          sql<number>`previous_version`.as('version'),
        ])
        .where(isIn(at, sql.ref('previous_version_id'), ids)),
    )
    .execute()
}
