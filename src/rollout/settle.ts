import { recordDecision } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { judgeStages } from './next-step.ts'
import type { Rollout } from './schema.ts'
import { describe } from './sentence.ts'
import { listUnsettledRollouts, markSettled } from './store.ts'
import { listTotals } from './store-counts.ts'
import { toJson } from './transition.ts'
import type { MetricVerdict } from './verdict.ts'

/** Looks at decisions again once the labels of their time have arrived, and says whether they were right. Each once. */
export async function settleRollouts({ db, clock }: Pick<Context, 'db' | 'clock'>): Promise<void> {
  const atMs = clock.now()
  for (const rollout of await listUnsettledRollouts(db.read)) {
    if ((rollout.finishedMs ?? atMs) + rollout.plan.labelHorizonMs > atMs) continue
    const totals = await listTotals(db.read, rollout.id)
    const metrics = judgeStages(rollout.plan, rollout.stage, totals)
    const settled = settle(rollout, metrics)
    await db.write(async (trx) => {
      if (!(await markSettled(trx, { id: rollout.id, atMs })) || rollout.plan.labelHorizonMs === 0) return
      await recordDecision(trx, {
        projectId: rollout.projectId,
        kind: 'rollout',
        subjectType: 'rollout',
        subjectId: rollout.id,
        verdict: `settled_${settled.verdict}`,
        sentence: settled.sentence,
        rule: 'The same verdicts on all labels that arrived within the label horizon after the end',
        numbers: { metrics: toJson({ metrics })['metrics']! },
        inputs: { deployment: rollout.deployment, totals: toJson({ totals })['totals']! },
        cause: rollout.cause,
        atMs,
      })
    })
  }
}

function settle(
  {
    state,
    model,
    candidate,
    stable,
    plan,
  }: Pick<Rollout, 'state' | 'model' | 'candidate' | 'stable' | 'plan'>,
  metrics: readonly MetricVerdict[],
): { verdict: 'right' | 'wrong' | 'open'; sentence: string } {
  const failed = metrics.find(({ verdict }) => verdict === 'fail')
  const proofs = plan.promoteOn.map((name) =>
    metrics.find(({ metric, verdict }) => metric === name && verdict === 'pass'),
  )
  const isProven = failed === undefined && proofs.every((proof) => proof !== undefined)
  const shown = failed ?? proofs[0] ?? metrics.findLast(({ metric }) => metric === plan.promoteOn[0])
  const isPromoted = state === 'succeeded'
  const verdict = failed
    ? isPromoted
      ? 'wrong'
      : 'right'
    : isProven
      ? isPromoted
        ? 'right'
        : 'wrong'
      : 'open'
  const named = `${model}/${candidate.version}`
  const numbers = shown && shown.verdict !== 'no_data' ? `: ${describe(shown, plan)}` : ''
  const since = 'With the labels that have come since,'
  if (candidate.id === stable.id)
    return settleTwin(`${since} the A/A rollout of ${named}`, numbers, { failed, isProven })
  const what = `${isPromoted ? 'promoting' : 'rolling back'} ${named}`
  const word = verdict === 'open' ? 'can be called neither right nor wrong' : `was ${verdict}`
  return { verdict, sentence: `${since} ${what} ${word}${numbers}.` }
}

/** A version is as good as itself: harm that is seen was a false alarm. */
function settleTwin(
  named: string,
  numbers: string,
  { failed, isProven }: { failed: MetricVerdict | undefined; isProven: boolean },
): { verdict: 'right' | 'wrong' | 'open'; sentence: string } {
  if (failed) return { verdict: 'wrong', sentence: `${named} shows harm where there is none${numbers}.` }
  if (isProven) return { verdict: 'right', sentence: `${named} shows no harm, as it should${numbers}.` }
  return { verdict: 'open', sentence: `${named} has proven nothing${numbers}.` }
}
