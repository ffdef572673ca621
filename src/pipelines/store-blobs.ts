import type { Queryable } from '../ports/db/db.ts'
import { blobsOf, type Outputs } from './schema.ts'

/** Every blob that code, results, logs and checkpoints refer to, for garbage collection. */
export async function referencedBlobs(at: Queryable): Promise<string[]> {
  const code = await at.selectFrom('pipeline_code').select('snapshot_sha256').distinct().execute()
  const attempts = await at.selectFrom('attempt').select(['log_sha256', 'checkpoint_sha256']).execute()
  const executions = await at
    .selectFrom('execution')
    .select(['inputs_json', 'outputs_json'])
    .where((eb) => eb.or([eb('outputs_json', 'is not', null), eb('state', '=', 'running')]))
    .execute()
  const values = executions.flatMap((row) =>
    [row.inputs_json, row.outputs_json ?? '{}'].flatMap((json) => Object.values(JSON.parse(json) as Outputs)),
  )
  return [
    ...code.map((row) => row.snapshot_sha256),
    ...attempts.flatMap((row) => [row.log_sha256, row.checkpoint_sha256]).filter((hash) => hash !== null),
    ...values.flatMap(blobsOf),
  ]
}
