import { enqueue } from '../jobs/jobs.ts'
import type { Trx } from '../ports/db/db.ts'
import type { ViewSpec } from './schema.ts'

/** Asks a worker to bring a view up to the present. `cause` makes asking twice for the same reason one job. */
export async function enqueueMaterialize(
  trx: Trx,
  {
    projectId,
    spec,
    cause,
    complete,
    runAtMs,
  }: {
    projectId: string
    spec: Pick<ViewSpec, 'view' | 'definitionHash'>
    cause?: string
    complete?: boolean
    runAtMs?: number
  },
): Promise<string | undefined> {
  const { view, definitionHash } = spec
  return await enqueue(trx, {
    projectId,
    kind: 'features.materialize',
    payload: { view, definitionHash, ...(complete === true && { complete }) },
    ...(runAtMs !== undefined && { runAtMs }),
    ...(cause !== undefined && {
      uniqueKey: `features.materialize:${projectId}:${view}:${definitionHash}:${cause}`,
    }),
  })
}
