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
  }: { projectId: string; spec: ViewSpec; cause?: string; complete?: boolean },
): Promise<string | undefined> {
  const { view, definitionHash } = spec
  return await enqueue(trx, {
    projectId,
    kind: 'features.materialize',
    payload: { view, definitionHash, ...(complete === true && { complete }) },
    ...(cause !== undefined && {
      uniqueKey: `features.materialize:${projectId}:${view}:${definitionHash}:${cause}`,
    }),
  })
}
