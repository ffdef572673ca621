import type { Hono } from 'hono'
import { routes as governanceRoutes } from '../governance/routes.ts'
import { sealAudit } from '../governance/seal.ts'
import type { Context } from '../http/context.ts'
import type { Route } from '../http/route.ts'
import type { Consumer } from '../jobs/events.ts'
import type { Actor } from '../kernel/actor.ts'
import type { Tick } from './ticker.ts'

/** What each room brings to the server. */
export const roomRoutes: readonly Route[] = [...governanceRoutes]

export const roomConsumers: readonly Consumer[] = []

export const roomTicks: readonly Tick[] = [
  { name: 'seal the audit log', everyMs: 2_000, run: async (context) => void (await sealAudit(context)) },
]

export type Protocol = (context: Context, authenticate: (request: Request) => Promise<Actor>) => Hono

export const protocols: readonly Protocol[] = []
