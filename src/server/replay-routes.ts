import { sum } from '../kernel/sum.ts'
import { z } from 'zod'
import { latestGeneration, listGateways } from '../serving/serving.ts'
import { roomTicks } from './rooms.ts'
import { route } from '../http/route.ts'
import { AppError } from '../kernel/errors.ts'
import { countEventsAfter, lastEventPosition, listCursors, START, type Consumer } from '../jobs/events.ts'
import { countPendingJobs } from '../jobs/jobs.ts'
import { DomainClock } from '../ports/db/domain-clock.ts'
import type { Clock } from '../kernel/clock.ts'

/** The driver of a replay steps domain time here and waits until nothing is pending. */
export function replayRoutes(consumers: readonly Consumer[]) {
  return [
    route({
      method: 'POST',
      path: '/replay',
      summary: 'Steps the domain time of a replay, and does what the server does on its own as time goes by',
      permission: 'administer',
      body: z.strictObject({ nowMs: z.number().int() }),
      response: z.object({ nowMs: z.number() }),
      async handle({ context, body }) {
        await replayClock(context.clock).advance(body.nowMs)
        for (const tick of roomTicks) await tick.run(context)
        return { nowMs: body.nowMs }
      },
    }),
    route({
      method: 'GET',
      path: '/replay',
      summary: 'The domain time, and what is still to be done before the next step',
      permission: 'view',
      response: z.object({
        nowMs: z.number(),
        pending: z.object({
          jobs: z.number(),
          events: z.number(),
          gateways: z.number().describe('Gateways that do not serve the newest generation yet'),
        }),
      }),
      async handle({ context: { db, clock } }) {
        // Work goes from jobs to events and from events to jobs: read in this order, and without a new event meanwhile, none is between the two.
        const newest = await lastEventPosition(db.read, db.dialect)
        const cursors = await listCursors(db.read)
        const waiting = await Promise.all(
          consumers.map(({ name, kinds }) =>
            countEventsAfter(db.read, db.dialect, { after: cursors.get(name) ?? START, kinds }),
          ),
        )
        const jobs = await countPendingJobs(db.read)
        const isQuiet = (await lastEventPosition(db.read, db.dialect)).seq === newest.seq
        const events = sum(waiting) + (isQuiet ? 0 : 1)
        const generation = await latestGeneration(db.read)
        const gateways = (await listGateways(db.read)).filter((gateway) => gateway.generation < generation)
        return { nowMs: clock.now(), pending: { jobs, events, gateways: gateways.length } }
      },
    }),
  ]
}

function replayClock(clock: Clock): DomainClock {
  if (clock instanceof DomainClock) return clock
  throw new AppError('invalid', 'Domain time runs by itself here; start with replay = true to step it')
}
