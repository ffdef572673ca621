import type { Consumer } from '../jobs/events.ts'
import { enqueue } from '../jobs/jobs.ts'
import type { DomainEvent, EventCatalogue } from '../kernel/events.ts'
import type { Trx } from '../ports/db/db.ts'
import { listRequestedEffects } from '../pipelines/pipelines.ts'
import { followFeatures, writeDesiredState } from './desired-state.ts'
import { listActiveRollouts, listServing } from './store.ts'

/** A `deploy` is looked at when it is asked for, and again when a registration of its run, or the run, has ended. */
async function enqueueDeploys(trx: Trx, { kind, payload, projectId, seq }: DomainEvent): Promise<void> {
  if (kind !== 'pipeline.run_finished') {
    const effect = payload as EventCatalogue['effect.requested']
    if (effect.kind !== (kind === 'effect.requested' ? 'deploy' : 'register')) return
  }
  const { runId } = payload as EventCatalogue['pipeline.run_finished']
  const waiting = await listRequestedEffects(trx, runId)
  for (const { id: effectId } of waiting.filter((effect) => effect.kind === 'deploy')) {
    await enqueue(trx, {
      projectId,
      kind: 'rollout.effect',
      payload: { effectId },
      uniqueKey: `rollout.effect:${effectId}:${seq}`,
      maxAttempts: 8,
    })
  }
}

/** What outside clients and pipelines ask for becomes jobs, which go through the gates; gateways hear of new and revoked tokens and of declared features. */
export const consumers: Consumer[] = [
  {
    name: 'rollout.requests',
    kinds: ['effect.requested', 'effect.settled', 'pipeline.run_finished', 'model.alias_set'],
    async handle(_context, trx, event) {
      if (event.kind !== 'model.alias_set') return enqueueDeploys(trx, event)
      const { model, alias, version: number, source } = event.payload as EventCatalogue['model.alias_set']
      if (alias !== 'champion' || source === 'rollout') return
      for (const { name: deployment } of await listServing(trx, { projectId: event.projectId, model })) {
        const cause = `alias:${event.seq}`
        await enqueue(trx, {
          projectId: event.projectId,
          kind: 'rollout.deploy',
          payload: { deployment, model, version: number, cause, goesBack: source === 'promotion_rollback' },
          uniqueKey: `rollout.deploy:${deployment}:${cause}`,
        })
      }
    },
  },
  {
    name: 'rollout.access',
    kinds: ['access.changed'],
    async handle(context, trx) {
      await writeDesiredState(context, trx, { changed: [], nowMs: await context.db.wallTime(trx) })
    },
  },
  {
    name: 'rollout.features',
    kinds: ['project.applied', 'privacy.key_changed', 'erasure.requested'],
    handle: (context, trx) => followFeatures(context, trx),
  },
  {
    name: 'rollout.promotions',
    kinds: ['promotion.changed'],
    async handle(_context, trx, { payload, projectId }) {
      const { promotionId, state } = payload as EventCatalogue['promotion.changed']
      if (state !== 'declined' && state !== 'withdrawn') return
      const admitted = (await listActiveRollouts(trx)).filter(
        (rollout) => rollout.promotionId === promotionId,
      )
      for (const { id: rolloutId } of admitted)
        await enqueue(trx, { projectId, kind: 'rollout.stop_unapproved', payload: { rolloutId, state } })
    },
  },
]
