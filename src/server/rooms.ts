import type { Hono } from 'hono'
import { routes as governanceRoutes } from '../governance/routes.ts'
import type { Context } from '../http/context.ts'
import type { Route } from '../http/route.ts'
import type { Consumer } from '../jobs/events.ts'
import type { Actor } from '../kernel/actor.ts'
import type { Tick } from './ticker.ts'

/** What each room brings to the server. */
export const roomRoutes: readonly Route[] = [...governanceRoutes]

export const roomConsumers: readonly Consumer[] = []

export const roomTicks: readonly Tick[] = []

export type Protocol = (context: Context, authenticate: (request: Request) => Promise<Actor>) => Hono

export const protocols: readonly Protocol[] = []
