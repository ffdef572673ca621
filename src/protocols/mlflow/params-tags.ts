import { deleteRunTag, logBatch } from '../../tracking/tracking.ts'
import { paramOf, runId, tagOf } from './runs.ts'
import { endpoint } from './wire.ts'

export const endpoints = [
  endpoint('POST', '/mlflow/runs/log-parameter', async ({ context, caller, fields }) => {
    await logBatch(context, { ...caller, runId: runId(fields), params: [paramOf(fields)] })
    return {}
  }),
  endpoint('POST', '/mlflow/runs/set-tag', async ({ context, caller, fields }) => {
    await logBatch(context, { ...caller, runId: runId(fields), tags: [tagOf(fields)] })
    return {}
  }),
  endpoint('POST', '/mlflow/runs/delete-tag', async ({ context, caller, fields }) => {
    await deleteRunTag(context, { ...caller, runId: fields.required('run_id'), key: fields.required('key') })
    return {}
  }),
]
