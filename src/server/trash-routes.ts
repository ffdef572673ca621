import { z } from 'zod'
import { route } from '../http/route.ts'
import { durationMs } from '../kernel/duration.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import { Trash, purgeTrash, showTrash } from './trash.ts'

const chosen = {
  olderThan: durationMs.optional().describe('Deleted at least so long ago, such as `7d`; default 30d'),
  experimentId: z.string().optional().describe('Only what is in this experiment, and it'),
}
const DEFAULT_AGE_MS = 30 * DAY_MS

export const trashRoutes = [
  route({
    method: 'GET',
    path: '/trash',
    summary:
      'Deleted experiments, runs and logged models, with what keeps them, and artifacts of runs that exist no more',
    permission: 'view',
    query: z.strictObject(chosen),
    response: Trash,
    handle: ({ context, actor, projectId, query: { olderThan = DEFAULT_AGE_MS, experimentId } }) =>
      showTrash(context, { projectId, actor, olderThanMs: olderThan, experimentId }),
  }),
  route({
    method: 'POST',
    path: '/trash/purge',
    summary:
      'Purge the same for good, but what a model version or a pipeline run refers to; answers what was there',
    permission: 'administer',
    body: z.strictObject(chosen),
    response: Trash,
    handle: ({ context, actor, projectId, body: { olderThan = DEFAULT_AGE_MS, experimentId } }) =>
      purgeTrash(context, { projectId, actor, olderThanMs: olderThan, experimentId }),
  }),
]
