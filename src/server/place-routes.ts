import { z } from 'zod'
import { isSignInRequired } from '../http/caller.ts'
import { route } from '../http/route.ts'
import type { ServerPlace } from '../http/whose-server.ts'

export const placeRoutes = [
  route({
    method: 'GET',
    path: '/server',
    summary:
      'Where this server works, which tells servers of one machine apart; null where people must sign in',
    permission: 'public',
    response: z.object({
      folder: z.string().nullable().describe('the folder in which it was started'),
      dataDir: z.string().nullable().describe('the folder of everything that it keeps'),
    }),
    async handle({ context: { config } }): Promise<ServerPlace> {
      if (isSignInRequired(config)) return { folder: null, dataDir: null }
      return { folder: process.cwd(), dataDir: config.dataDir }
    },
  }),
]
