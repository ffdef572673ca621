import { deleteRunTag, logBatch, recordModel } from '../../tracking/tracking.ts'
import { invalid } from './errors.ts'
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
  endpoint('POST', '/mlflow/runs/log-model', async ({ context, caller, fields }) => {
    const id = fields.required('run_id')
    await recordModel(context, { ...caller, runId: id, model: modelOf(fields.required('model_json')) })
    return {}
  }),
]

const MANDATORY = ['artifact_path', 'flavors', 'utc_time_created', 'run_id']

/** What MLflow keeps of a model's own description. */
function modelOf(text: string): Record<string, unknown> {
  let model: Record<string, unknown>
  try {
    model = Object.fromEntries(Object.entries(JSON.parse(text) as object))
  } catch {
    throw invalid(`Malformed model info. ${text.slice(0, 200)} is not a valid JSON.`)
  }
  const missing = MANDATORY.filter((name) => !Object.hasOwn(model, name))
  if (missing.length > 0) throw invalid(`Model json is missing mandatory fields: ${missing.join(', ')}`)
  const { run_id, utc_time_created, artifact_path, model_uuid, flavors } = model
  return { run_id, utc_time_created, artifact_path, ...(model_uuid !== undefined && { model_uuid }), flavors }
}
