import type { Context } from '../http/context.ts'
import { followServed } from '../promotions/promotions.ts'
import { LEASE_MS } from './deploy.ts'
import { nextStep, type Judgement, type Step } from './next-step.ts'
import type { Trx } from '../ports/db/db.ts'
import type { Rollout } from './schema.ts'
import { sentenceOf } from './sentence.ts'
import { settleRollouts } from './settle.ts'
import { findLease, listActiveRollouts, upsertLease } from './store.ts'
import { listTotals } from './store-counts.ts'
import { controller, move, type Move } from './transition.ts'
import type { Total } from './verdict.ts'

const CONFIRM_EVERY_MS = 1000

/**
 * One look at every rollout under way: confirms its lease, judges what has been counted, and takes the step that the rules
 * ask for. Call it as often as you like, from as many processes as you like: a step is taken once, since it names the
 * transition it follows, and all of it is one transaction.
 */
export async function tickRollouts(context: Pick<Context, 'db' | 'clock' | 'config' | 'log'>): Promise<void> {
  for (const rollout of await listActiveRollouts(context.db.read)) {
    try {
      await tick(context, rollout)
    } catch (error) {
      context.log.error(
        { err: error, rollout: rollout.id },
        'a rollout could not be judged; it will be tried again',
      )
    }
  }
  await settleRollouts(context)
}

async function tick(context: Pick<Context, 'db' | 'clock' | 'config'>, rollout: Rollout): Promise<void> {
  const totals = await listTotals(context.db.read, rollout.id)
  const judgement = judge(rollout, totals, context.clock.now())
  const made = toMove(rollout, judgement, totals)
  if (made) {
    const nowMs = await context.db.wallTime()
    await context.db.write(async (trx) => {
      const moved = await move(context, trx, { ...made, rollout, nowMs })
      if (moved && (made.to === 'succeeded' || made.to === 'rolled_back'))
        await follow(context, trx, rollout, made.to)
    })
  }
  if (!made || made.to === 'shadow' || made.to === 'canary') await confirmLease(context, rollout)
}

export function judge(rollout: Rollout, totals: readonly Total[], nowMs: number): Judgement {
  return nextStep({
    plan: rollout.plan,
    stage: rollout.stage,
    totals,
    startedMs: rollout.startedMs,
    stageStartedMs: rollout.stageStartedMs,
    nowMs,
  })
}

/** After a rollback too: a client outside may have set the alias to the candidate. */
async function follow(
  context: Pick<Context, 'clock'>,
  trx: Trx,
  { projectId, model, candidate, stable, ...admission }: Rollout,
  to: 'succeeded' | 'rolled_back',
): Promise<void> {
  const { version } = to === 'succeeded' ? candidate : stable
  const direction = to === 'succeeded' ? 'forward' : 'back'
  await followServed(context, trx, { projectId, actor: controller, model, version, admission, direction })
}

function toMove(rollout: Rollout, judgement: Judgement, totals: readonly Total[]): Move | undefined {
  const { step } = judgement
  if (step.action === 'wait' || (step.action === 'hold' && rollout.heldSinceMs !== null)) return undefined
  const named = {
    candidate: `${rollout.model}/${rollout.candidate.version}`,
    stable: `${rollout.model}/${rollout.stable.version}`,
    plan: rollout.plan,
  }
  const stage = step.action === 'advance' ? rollout.stage + 1 : rollout.stage
  return {
    to: stateAfter(step, rollout, stage),
    stage,
    verdict: step.action,
    sentence: sentenceOf(step, judgement, rollout.stage, named),
    rule: ruleOf(step),
    actor: controller,
    judgement,
    totals,
  }
}

function stateAfter(step: Step, rollout: Rollout, stage: number): Move['to'] {
  if (step.action === 'promote') return 'succeeded'
  if (step.action === 'roll_back') return 'rolled_back'
  return rollout.plan.stages[stage]!.mode
}

function ruleOf(step: Step): string {
  switch (step.action) {
    case 'wait':
    case 'hold':
      return 'Missing data never promotes: held until it comes, rolled back at the time limit'
    case 'advance':
      return 'The stage is filled and no metric of any stage has failed'
    case 'promote':
      return 'The last stage is filled, no metric of any stage has failed, and what promotion needs has passed'
    case 'roll_back':
      if (step.why === 'limit') return 'The lower bound of a share is above its absolute limit'
      if (step.why === 'fail') return 'The lower bound of the harm is above the margin'
      return 'The time limit has passed without proof'
  }
}

async function confirmLease({ db }: Pick<Context, 'db'>, rollout: Rollout): Promise<void> {
  const nowMs = await db.wallTime()
  const untilMs = await findLease(db.read, rollout.id)
  if (untilMs !== undefined && untilMs - nowMs > LEASE_MS - CONFIRM_EVERY_MS) return
  await db.write(async (trx) => {
    // The rollout may have ended since it was read; a lease without a candidate would do nothing but stay.
    const active = await listActiveRollouts(trx)
    if (!active.some(({ id }) => id === rollout.id)) return
    await upsertLease(trx, { rolloutId: rollout.id, projectId: rollout.projectId, untilMs: nowMs + LEASE_MS })
  })
}
