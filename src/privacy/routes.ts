import { z } from 'zod'
import { route } from '../http/route.ts'
import { rotateKey } from './keys.ts'

export const routes = [
  route({
    method: 'POST',
    path: '/privacy/rotate-key',
    summary:
      'Goes over to the privacy key that the server has; hashed columns are read again at the next ingest',
    permission: 'administer',
    response: z.object({ keyId: z.string(), before: z.string().nullable() }),
    handle: async ({ context, actor, projectId }) => await rotateKey(context, { projectId, actor }),
  }),
]
