import {
  abortUpload,
  completeUpload,
  createUpload,
  folderOf,
  getArtifact,
  getLoggedModel,
  getRun,
  putArtifact,
  putUploadPart,
} from '../../tracking/tracking.ts'
import { artifactPath, bounded, contentOf, send } from './artifact-files.ts'
import { invalid } from './errors.ts'
import { signedAddress } from './signed-addresses.ts'
import { endpoint, type Call } from './wire.ts'

const DOWNLOAD_SECONDS = 300
const UPLOAD_SECONDS = 900
const MAX_SECONDS = 7 * 24 * 3600

export const endpoints = [
  endpoint('POST', '/mlflow-artifacts/mpu/create/*', async (call) => {
    const { context, caller, fields } = call
    const parts = fields.integer('num_parts') ?? 1
    const path = uploadPath(call, 'create')
    const { uploadId, expiresMs } = await createUpload(context, { ...caller, path, parts })
    const credentials = []
    for (let number = 1; number <= parts; number++) {
      const address = { method: 'PUT', path: partPath(uploadId, number), expiresMs } as const
      credentials.push({ url: await signedAddress(call, address), part_number: number, headers: {} })
    }
    return { upload_id: uploadId, credentials }
  }),
  endpoint('POST', '/mlflow-artifacts/mpu/complete/*', async (call) => {
    const { context, caller, fields } = call
    const parts = fields.objects('parts').map((part) => ({
      number: part.requiredInteger('part_number'),
      sha256: part.required('etag').replaceAll('"', ''),
    }))
    const uploadId = fields.required('upload_id')
    await completeUpload(context, { ...caller, uploadId, path: uploadPath(call, 'complete'), parts })
    return {}
  }),
  endpoint('POST', '/mlflow-artifacts/mpu/abort/*', async (call) => {
    const { context, caller, fields } = call
    const uploadId = fields.required('upload_id')
    await abortUpload(context, { ...caller, uploadId, path: uploadPath(call, 'abort') })
    return {}
  }),
  endpoint('GET', '/mlflow-artifacts/presigned/*', async (call) => {
    const path = artifactPath(call, 'presigned')
    const { sizeBytes } = await getArtifact(call.context, { ...call.caller, path })
    return { url: await signedFile(call, 'GET', path, DOWNLOAD_SECONDS), headers: {}, file_size: sizeBytes }
  }),
  endpoint('POST', '/mlflow/artifacts/presigned-upload-url', async (call) => {
    const path = await ownedPath(call)
    return {
      presigned_url: await signedFile(call, 'PUT', path, secondsOf(call, UPLOAD_SECONDS)),
      headers: {},
    }
  }),
  endpoint('POST', '/mlflow/artifacts/presigned-download-url', async (call) => {
    const path = await ownedPath(call)
    const { sizeBytes } = await getArtifact(call.context, { ...call.caller, path })
    const url = await signedFile(call, 'GET', path, secondsOf(call, DOWNLOAD_SECONDS))
    return { presigned_url: url, headers: {}, file_size: sizeBytes }
  }),
]

/** Addresses of this server that the endpoints above give out. */
export const signedEndpoints = [
  endpoint(
    'PUT',
    '/mlflow-artifacts/signed/parts/:uploadId/:number',
    async ({ context, caller, path, arriving }) => {
      const { sha256 } = await putUploadPart(context, {
        ...caller,
        uploadId: path['uploadId']!,
        number: Number(path['number']),
        content: bounded(arriving),
      })
      return new Response(null, { headers: { etag: `"${sha256}"` } })
    },
    { file: true, signed: true },
  ),
  endpoint(
    'GET',
    '/mlflow-artifacts/signed/files/*',
    (call) => send(call, artifactPath(call, 'signed/files')),
    {
      file: true,
      signed: true,
    },
  ),
  endpoint(
    'PUT',
    '/mlflow-artifacts/signed/files/*',
    async (call) => {
      const path = artifactPath(call, 'signed/files')
      const content = await contentOf(call)
      const { sha256 } = await putArtifact(call.context, { ...call.caller, path, content })
      return new Response(null, { headers: { etag: `"${sha256}"` } })
    },
    { file: true, signed: true },
  ),
]

function partPath(uploadId: string, number: number): string {
  return `/mlflow-artifacts/signed/parts/${uploadId}/${number}`
}

async function signedFile(call: Call, method: 'GET' | 'PUT', path: string, seconds: number): Promise<string> {
  const expiresMs = (await call.context.db.wallTime()) + seconds * 1000
  return await signedAddress(call, { method, path: `/mlflow-artifacts/signed/files/${path}`, expiresMs })
}

/** The address names the folder; the name of the file is the last part of the path that the client read it from. */
function uploadPath(call: Call, action: 'create' | 'complete' | 'abort'): string {
  const folder = artifactPath(call, `mpu/${action}`).replaceAll(/^\/+|\/+$/g, '')
  const name = call.fields.required('path').split(/[/\\]/).at(-1)
  return folder === '' ? `${name}` : `${folder}/${name}`
}

/** The path of an artifact of the run or of the logged model that the request names. */
async function ownedPath({ context, caller, fields }: Call): Promise<string> {
  const [runId, modelId] = [fields.text('run_id'), fields.text('model_id')]
  if (Boolean(runId) === Boolean(modelId))
    throw invalid('Exactly one of run_id and model_id must be provided.')
  const { artifactUri } = runId
    ? await getRun(context, { ...caller, runId })
    : await getLoggedModel(context, { ...caller, id: modelId! })
  return folderOf(`${artifactUri}/${fields.required('path')}`)
}

function secondsOf({ fields }: Call, fallback: number): number {
  const seconds = fields.integer('expiration') ?? fallback
  if (seconds >= 1 && seconds <= MAX_SECONDS) return seconds
  throw invalid(`expiration must be between 1 and ${MAX_SECONDS} seconds (got ${seconds}).`)
}
