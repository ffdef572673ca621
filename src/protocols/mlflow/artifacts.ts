import { basename } from 'node:path'
import { getRun, listArtifacts, listRunArtifacts } from '../../tracking/tracking.ts'
import type { ArtifactEntry } from '../../tracking/schema.ts'
import { runId } from './runs.ts'
import { endpoint, unlessEmpty } from './wire.ts'

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

export function entryToWire({ path, isDirectory, sizeBytes }: ArtifactEntry) {
  return { path, is_dir: isDirectory, ...(sizeBytes !== undefined && { file_size: sizeBytes }) }
}
