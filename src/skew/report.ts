import type { Context } from '../http/context.ts'
import { requirePermission, type Caller } from '../kernel/actor.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import { mismatchRate } from './judge.ts'
import type { SkewCounts, SkewReport } from './schema.ts'
import { listHours, listProblems, sumCounts, type CountFilter } from './store.ts'

const MAX_HOURS = 20_000
const MAX_EXAMPLES = 5

export interface SkewQuery extends Caller {
  deployment?: string | undefined
  source?: string | undefined
  days: number
}

/** What was computed again in the last days of domain time, for each feature of each version and deployment. */
export async function listSkew(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  query: SkewQuery,
): Promise<SkewReport> {
  const { projectId, actor, deployment, source } = query
  requirePermission(actor, 'view', projectId)
  const span = spanOf(clock.now(), query)
  const sums = await sumCounts(db.read, span)
  const hours = Map.groupBy(await listHours(db.read, { ...span, limit: MAX_HOURS }), keyOf)
  const problems = await listProblems(db.read, { projectId, fromMs: span.fromMs })
  return {
    features: sums.map((sum) => {
      const own = hours.get(keyOf(sum)) ?? []
      return {
        ...sum,
        rate: mismatchRate(sum),
        hours: own
          .map(({ startMs, checked, mismatched, late }) => ({ startMs, checked, mismatched, late }))
          .reverse(),
        examples: own
          .flatMap(({ examples }) => examples)
          .sort((a, b) => Number(a.kind === 'late') - Number(b.kind === 'late'))
          .slice(0, MAX_EXAMPLES),
      }
    }),
    problems: problems.filter(
      (each) => source === undefined && (deployment ?? each.deployment) === each.deployment,
    ),
  }
}

/** Sums by feature over all deployments and versions, for lists. */
export async function sumSkew(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  query: Pick<SkewQuery, 'projectId' | 'days'>,
): Promise<SkewCounts[]> {
  return await sumCounts(db.read, spanOf(clock.now(), query))
}

function spanOf(
  nowMs: number,
  { projectId, deployment, source, days }: Pick<SkewQuery, 'projectId' | 'deployment' | 'source' | 'days'>,
): CountFilter {
  return { projectId, deployment, source, fromMs: nowMs - days * DAY_MS, toMs: nowMs + DAY_MS }
}

function keyOf({ deployment, model, version, feature }: Omit<SkewCounts, 'source'>): string {
  return JSON.stringify([deployment, model, version, feature])
}
