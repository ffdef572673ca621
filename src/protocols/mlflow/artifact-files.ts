import { readBody } from '../../http/app.ts'
import { getModelVersion } from '../../registry/registry.ts'
import {
  deleteArtifacts,
  folderOf,
  getArtifact,
  getLoggedModel,
  getRun,
  putArtifact,
  putRunArtifact,
} from '../../tracking/tracking.ts'
import { invalid } from './errors.ts'
import { fileResponse } from './file-response.ts'
import { versionOf } from './model-versions.ts'
import { runId } from './runs.ts'
import { pathBelowApi } from './signed-addresses.ts'
import { endpoint, type Call } from './wire.ts'

const IN_MEMORY_BYTES = 4 * 1024 * 1024
const AJAX_UPLOAD_BYTES = 10 * 1024 * 1024
const MAX_ARTIFACT_BYTES = 64 * 1024 ** 3

export const endpoints = [
  endpoint('PUT', '/mlflow-artifacts/artifacts/*', receive, { file: true }),
  endpoint('GET', '/mlflow-artifacts/artifacts/*', (call) => send(call, artifactPath(call, 'artifacts')), {
    file: true,
  }),
  endpoint(
    'DELETE',
    '/mlflow-artifacts/artifacts/*',
    async (call) => {
      await deleteArtifacts(call.context, { ...call.caller, path: artifactPath(call, 'artifacts') })
      return {}
    },
    { file: true },
  ),
  endpoint(
    'GET',
    '/get-artifact',
    async (call) => {
      const { artifactUri } = await getRun(call.context, { ...call.caller, runId: runId(call.fields) })
      return await send(call, `${folderOf(artifactUri)}/${call.fields.required('path')}`)
    },
    { base: 'root' },
  ),
  endpoint(
    'GET',
    '/model-versions/get-artifact',
    async (call) => {
      const version = await getModelVersion(call.context, { ...call.caller, ...versionOf(call.fields) })
      const folder = folderOf(version.storageLocation ?? version.source)
      return await send(call, `${folder}/${call.fields.required('path')}`)
    },
    { base: 'root' },
  ),
  endpoint(
    'GET',
    '/mlflow/logged-models/:modelId/artifacts/files',
    async (call) => {
      const { artifactUri } = await getLoggedModel(call.context, {
        ...call.caller,
        id: call.path['modelId']!,
      })
      return await send(call, `${folderOf(artifactUri)}/${call.fields.required('artifact_file_path')}`)
    },
    { base: 'ajax-api' },
  ),
  endpoint(
    'POST',
    '/mlflow/upload-artifact',
    async ({ context, caller, fields, request }) => {
      const id = fields.required('run_uuid')
      const path = fields.required('path')
      const bytes = await readBody(request, AJAX_UPLOAD_BYTES)
      if (bytes.byteLength === 0) throw invalid('Request must specify data.')
      await putRunArtifact(context, { ...caller, runId: id, path, content: { bytes } })
      return {}
    },
    { base: 'ajax-api', file: true },
  ),
]

/** The file in the body becomes the artifact at the path behind the endpoint. Large bodies go to the store as they arrive. */
async function receive(call: Call): Promise<object> {
  await putArtifact(call.context, {
    ...call.caller,
    path: artifactPath(call, 'artifacts'),
    content: await contentOf(call),
  })
  return {}
}

export async function contentOf({
  request,
  arriving,
}: Call): Promise<{ bytes: Uint8Array } | { stream: AsyncIterable<Uint8Array> }> {
  if (Number(request.headers.get('content-length') ?? Infinity) > IN_MEMORY_BYTES)
    return { stream: bounded(arriving) }
  return { bytes: await readBody(request, IN_MEMORY_BYTES) }
}

export async function* bounded(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0
  for await (const chunk of chunks) {
    sizeBytes += chunk.byteLength
    if (sizeBytes > MAX_ARTIFACT_BYTES) throw invalid(`An artifact may have ${MAX_ARTIFACT_BYTES} bytes`)
    yield chunk
  }
}

/** Answers with the artifact at a path. */
export async function send({ context, caller, request }: Call, path: string): Promise<Response> {
  const blob = await getArtifact(context, { ...caller, path })
  return await fileResponse(context, request, { path, blob })
}

/** The rest of the path behind `/mlflow-artifacts/<family>/`, slashes included. */
export function artifactPath({ request }: Call, family: string): string {
  return pathBelowApi(request).slice(`/mlflow-artifacts/${family}/`.length)
}
