import { z } from 'zod'
import { enqueue } from '../jobs/jobs.ts'
import type { Trx } from '../ports/db/db.ts'
import type { ViewSpec } from './schema.ts'

/** What the job `features.materialize` is asked for. */
export const materializePayload = z.object({
  view: z.string(),
  definitionHash: z.string(),
  complete: z.boolean().default(false),
  fromMs: z.number().optional(),
})

/** Asks a worker to bring a view up to the present. `cause` makes asking twice for the same reason one job. */
export async function enqueueMaterialize(
  trx: Trx,
  {
    projectId,
    spec,
    cause,
    runAtMs,
    complete = false,
    fromMs,
  }: {
    projectId: string
    spec: Pick<ViewSpec, 'view' | 'definitionHash'>
    cause?: string
    runAtMs?: number
    complete?: boolean
    fromMs?: number | undefined
  },
): Promise<string | undefined> {
  const { view, definitionHash } = spec
  return await enqueue(trx, {
    projectId,
    kind: 'features.materialize',
    payload: { view, definitionHash, complete, ...(fromMs !== undefined && { fromMs }) },
    ...(runAtMs !== undefined && { runAtMs }),
    ...(cause !== undefined && {
      uniqueKey: `features.materialize:${projectId}:${view}:${definitionHash}:${cause}`,
    }),
  })
}
