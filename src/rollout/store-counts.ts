import { sql } from 'kysely'
import type { Queryable, Trx } from '../ports/db/db.ts'
import type { RolloutCount, TrafficHour } from './schema.ts'
import type { Total } from './verdict.ts'

/** Adds one count to its second and to the running total of its stage. */
export async function addCount(trx: Trx, projectId: string, count: RolloutCount): Promise<void> {
  const { n, sum, sumSq } = count
  const key = {
    rollout_id: count.rolloutId,
    stage: count.stage,
    variant: count.variant,
    metric: count.metric,
    project_id: projectId,
    n,
    sum,
    sum_sq: sumSq,
  }
  await trx
    .insertInto('rollout_count')
    .values({ ...key, generation: count.generation, gateway_id: count.gatewayId, second: count.second })
    .onConflict((conflict) =>
      conflict
        .columns(['rollout_id', 'generation', 'stage', 'variant', 'metric', 'gateway_id', 'second'])
        .doUpdateSet({
          n: sql`rollout_count.n + ${n}`,
          sum: sql`rollout_count.sum + ${sum}`,
          sum_sq: sql`rollout_count.sum_sq + ${sumSq}`,
        }),
    )
    .execute()
  await trx
    .insertInto('rollout_total')
    .values(key)
    .onConflict((conflict) =>
      conflict.columns(['rollout_id', 'stage', 'variant', 'metric']).doUpdateSet({
        n: sql`rollout_total.n + ${n}`,
        sum: sql`rollout_total.sum + ${sum}`,
        sum_sq: sql`rollout_total.sum_sq + ${sumSq}`,
      }),
    )
    .execute()
}

export async function listTotals(at: Queryable, rolloutId: string): Promise<Total[]> {
  const rows = await at
    .selectFrom('rollout_total')
    .selectAll()
    .where('rollout_id', '=', rolloutId)
    .orderBy('stage')
    .orderBy('metric')
    .orderBy('variant')
    .execute()
  return rows.map(({ stage, variant, metric, n, sum, sum_sq }) => ({
    stage,
    variant,
    metric,
    n,
    sum,
    sumSq: sum_sq,
  }))
}

export async function addTrafficHour(trx: Trx, projectId: string, hour: TrafficHour): Promise<void> {
  await trx
    .insertInto('traffic_hour')
    .values({
      project_id: projectId,
      deployment: hour.deployment,
      version: hour.version,
      variant: hour.variant,
      hour_ms: hour.hourMs,
      n: hour.n,
      errors: hour.errors,
    })
    .onConflict((conflict) =>
      conflict.columns(['project_id', 'deployment', 'version', 'variant', 'hour_ms']).doUpdateSet({
        n: sql`traffic_hour.n + ${hour.n}`,
        errors: sql`traffic_hour.errors + ${hour.errors}`,
      }),
    )
    .execute()
}

export async function listTraffic(
  at: Queryable,
  filter: { projectId: string; deployment: string; fromMs: number; toMs: number; limit: number },
): Promise<TrafficHour[]> {
  const rows = await at
    .selectFrom('traffic_hour')
    .selectAll()
    .where('project_id', '=', filter.projectId)
    .where('deployment', '=', filter.deployment)
    .where('hour_ms', '>=', filter.fromMs)
    .where('hour_ms', '<', filter.toMs)
    .orderBy('hour_ms', 'desc')
    .orderBy('variant', 'desc')
    .limit(filter.limit)
    .execute()
  return rows.reverse().map((row) => ({
    deployment: row.deployment,
    version: row.version,
    variant: row.variant,
    hourMs: row.hour_ms,
    n: row.n,
    errors: row.errors,
  }))
}

/** The newest hour in which a deployment was asked. */
export async function findLastTrafficHour(
  at: Queryable,
  { projectId, deployment }: { projectId: string; deployment: string },
): Promise<number | undefined> {
  const row = await at
    .selectFrom('traffic_hour')
    .select('hour_ms')
    .where('project_id', '=', projectId)
    .where('deployment', '=', deployment)
    .orderBy('hour_ms', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.hour_ms
}
