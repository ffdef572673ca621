import { z } from 'zod'
import type { JobHandler } from '../jobs/jobs.ts'
import type { Consumer } from '../jobs/events.ts'
import { enqueue } from '../jobs/jobs.ts'
import type { EventCatalogue } from '../kernel/events.ts'
import { AppError } from '../kernel/errors.ts'
import { deploy } from './deploy.ts'
import { listServing } from './store.ts'
import { carryOutEffect } from './effect.ts'
import { controller } from './transition.ts'

const deployPayload = z.object({
  deployment: z.string(),
  model: z.string(),
  version: z.int(),
  cause: z.string(),
})

export const jobs: JobHandler[] = [
  {
    kind: 'rollout.effect',
    run: (context, job) =>
      carryOutEffect(context, {
        projectId: job.projectId,
        effectId: z.string().parse(job.payload['effectId']),
        isLastAttempt: job.lastAttempt,
      }),
  },
  {
    kind: 'rollout.deploy',
    async run(context, job) {
      const { deployment, model, version, cause } = deployPayload.parse(job.payload)
      try {
        await deploy(context, {
          projectId: job.projectId,
          actor: controller,
          deployment,
          model,
          version,
          cause,
        })
      } catch (error) {
        // Refused by its gates: the decision is stored, there is nothing to try again.
        if (error instanceof AppError && (error.code === 'conflict' || error.code === 'invalid')) return
        throw error
      }
    },
  },
]

/** What outside clients and pipelines ask for becomes jobs, which go through the gates. */
export const consumers: Consumer[] = [
  {
    name: 'rollout.requests',
    kinds: ['effect.requested', 'model.alias_set'],
    async handle(_context, trx, event) {
      if (event.kind === 'effect.requested') {
        const { effectId, kind } = event.payload as EventCatalogue['effect.requested']
        if (kind !== 'deploy') return
        await enqueue(trx, {
          projectId: event.projectId,
          kind: 'rollout.effect',
          payload: { effectId },
          uniqueKey: `rollout.effect:${effectId}`,
          maxAttempts: 8,
        })
        return
      }
      const { model, alias, version: number, source } = event.payload as EventCatalogue['model.alias_set']
      if (alias !== 'champion' || source === 'rollout') return
      for (const { name: deployment } of await listServing(trx, { projectId: event.projectId, model })) {
        const cause = `alias:${event.seq}`
        await enqueue(trx, {
          projectId: event.projectId,
          kind: 'rollout.deploy',
          payload: { deployment, model, version: number, cause },
          uniqueKey: `rollout.deploy:${deployment}:${cause}`,
        })
      }
    },
  },
]
