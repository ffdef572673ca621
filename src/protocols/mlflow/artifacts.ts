import { createReadStream } from 'node:fs'
import { mkdir, open, rm } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { Readable } from 'node:stream'
import { readBody } from '../../http/app.ts'
import {
  deleteArtifacts,
  getArtifact,
  getRun,
  listArtifacts,
  listRunArtifacts,
  putArtifact,
} from '../../tracking/tracking.ts'
import type { ArtifactEntry } from '../../tracking/schema.ts'
import { invalid } from './errors.ts'
import { runId } from './runs.ts'
import { endpoint, unlessEmpty, type Call } from './wire.ts'

const IN_MEMORY_BYTES = 4 * 1024 * 1024
const MAX_ARTIFACT_BYTES = 64 * 1024 ** 3

export const endpoints = [
  endpoint('GET', '/mlflow/artifacts/list', async ({ context, caller, fields }) => {
    const id = runId(fields)
    const folder = (fields.text('path') ?? '').replace(/\/+$/, '')
    const { artifactUri } = await getRun(context, { ...caller, runId: id })
    const files = await listRunArtifacts(context, { ...caller, runId: id, folder })
    return { root_uri: artifactUri, ...unlessEmpty('files', files.map(entryToWire)) }
  }),
  endpoint('GET', '/mlflow-artifacts/artifacts', async ({ context, caller, fields }) => {
    const folder = (fields.text('path') ?? '').replaceAll(/^\/+|\/+$/g, '')
    const files = await listArtifacts(context, { ...caller, folder })
    const named = files.map((file) => ({ ...file, path: basename(file.path) }))
    return { ...unlessEmpty('files', named.map(entryToWire)) }
  }),
]

/** Raw bytes; the rest of the path, slashes included, is the artifact's path. */
export const fileEndpoints = [
  endpoint('PUT', '/mlflow-artifacts/artifacts/*', async (call) => {
    const { context, caller, request } = call
    const path = artifactPath(call)
    if (Number(request.headers.get('content-length') ?? Infinity) <= IN_MEMORY_BYTES) {
      const bytes = await readBody(request, IN_MEMORY_BYTES)
      await putArtifact(context, { ...caller, path, content: { bytes } })
      return {}
    }
    await receiveFile(call, (file) => putArtifact(context, { ...caller, path, content: { file } }))
    return {}
  }),
  endpoint('GET', '/mlflow-artifacts/artifacts/*', async (call) => {
    const { context, caller } = call
    const path = artifactPath(call)
    const { sha256, sizeBytes } = await getArtifact(context, { ...caller, path })
    const stream = createReadStream(await context.artifacts.localPath(sha256))
    return new Response(Readable.toWeb(stream) as ReadableStream, {
      headers: {
        'content-type': CONTENT_TYPES[extname(path).toLowerCase()] ?? 'application/octet-stream',
        'content-length': String(sizeBytes),
        'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(basename(path))}`,
        'x-content-type-options': 'nosniff',
      },
    })
  }),
  endpoint('DELETE', '/mlflow-artifacts/artifacts/*', async (call) => {
    await deleteArtifacts(call.context, { ...call.caller, path: artifactPath(call) })
    return {}
  }),
]

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.csv': 'text/csv',
  '.html': 'text/html',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.json': 'application/json',
  '.md': 'text/markdown',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain',
  '.xml': 'application/xml',
  '.yaml': 'text/plain',
  '.yml': 'text/plain',
}

function entryToWire({ path, isDirectory, sizeBytes }: ArtifactEntry) {
  return { path, is_dir: isDirectory, ...(sizeBytes !== undefined && { file_size: sizeBytes }) }
}

function artifactPath({ request }: Call): string {
  const { pathname } = new URL(request.url)
  const rest = pathname.slice(
    pathname.indexOf('/mlflow-artifacts/artifacts/') + '/mlflow-artifacts/artifacts/'.length,
  )
  try {
    return decodeURIComponent(rest)
  } catch {
    throw invalid('Invalid path')
  }
}

/** Large bodies go to disk as they arrive, never whole into memory. */
async function receiveFile(
  { context, request }: Call,
  use: (path: string) => Promise<unknown>,
): Promise<void> {
  const folder = join(context.config.dataDir, 'incoming')
  await mkdir(folder, { recursive: true })
  const path = join(folder, context.ids.uuid())
  try {
    const file = await open(path, 'wx')
    try {
      let sizeBytes = 0
      for await (const chunk of request.body ?? []) {
        sizeBytes += chunk.byteLength
        if (sizeBytes > MAX_ARTIFACT_BYTES) throw invalid(`An artifact may have ${MAX_ARTIFACT_BYTES} bytes`)
        await file.writeFile(chunk)
      }
    } finally {
      await file.close()
    }
    await use(path)
  } finally {
    await rm(path, { force: true })
  }
}
