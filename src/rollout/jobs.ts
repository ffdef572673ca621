import { z } from 'zod'
import type { JobHandler } from '../jobs/jobs.ts'
import { AppError } from '../kernel/errors.ts'
import { CHAMPION } from '../registry/registry.ts'
import { deploy } from './deploy.ts'
import { carryOutEffect } from './effect.ts'
import { followRollback, stopUnapproved } from './promotion-changes.ts'
import { controller } from './transition.ts'

const deployPayload = z.object({
  deployment: z.string(),
  model: z.string(),
  version: z.int(),
  cause: z.string(),
  goesBack: z.boolean().default(false),
})

const stopPayload = z.object({ rolloutId: z.string(), state: z.string() })

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
      const { goesBack, ...input } = deployPayload.parse(job.payload)
      try {
        const { projectId } = job
        if (goesBack) await followRollback(context, { ...input, projectId })
        else await deploy(context, { ...input, projectId, actor: controller, whileAlias: CHAMPION })
      } catch (error) {
        // Refused by its gates, its inputs or the protection of the alias, where the decision is stored, or deleted meanwhile: there is nothing to try again.
        if (error instanceof AppError && ['conflict', 'invalid', 'denied', 'not_found'].includes(error.code))
          return
        throw error
      }
    },
  },
  {
    kind: 'rollout.stop_unapproved',
    run: (context, job) =>
      stopUnapproved(context, { ...stopPayload.parse(job.payload), projectId: job.projectId }),
  },
]
