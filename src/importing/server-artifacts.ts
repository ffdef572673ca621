import { AppError } from '../kernel/errors.ts'
import type { Json, MlflowClient } from './mlflow-client.ts'
import type { SourceArtifacts, SourceFile } from './schema.ts'
import { isMovable } from './source-files.ts'
import { number, objects, text } from './wire.ts'

const ROUTES = '/api/2.0/mlflow'
const PROXY = '/api/2.0/mlflow-artifacts/artifacts'
/** Below one artifact root. */
const MAX_FILES = 100_000
const MAX_PATH = 4_000

/** One artifact root of a server: how its folders are listed and its files fetched. */
interface Root {
  list(folder: string): Promise<Json>
  addressOf(path: string): string
}

/**
 * The files that a server hands out: what lies in its own artifact store by the address there, and what lies in folders of its machine by
 * the run or the logged model that has it.
 */
export function serverArtifacts(client: MlflowClient): SourceArtifacts {
  return {
    async listFiles(artifactUri) {
      const root = isMovable(artifactUri) ? rootOf(client, artifactUri) : undefined
      return root && (await filesBelow(root, artifactUri))
    },
    fetchFile: (artifactUri, path, maxBytes) =>
      client.download(rootOf(client, artifactUri)!.addressOf(path), maxBytes),
  }
}

function rootOf(client: MlflowClient, artifactUri: string): Root | undefined {
  const proxied = /^mlflow-artifacts:(?:\/\/[^/]*)?\/+(.*?)\/*$/.exec(artifactUri)?.[1]
  if (proxied !== undefined)
    return {
      list: (folder) => client.get(PROXY, { path: folder === '' ? proxied : `${proxied}/${folder}` }),
      addressOf: (path) => `${PROXY}/${`${proxied}/${path}`.split('/').map(encodeURIComponent).join('/')}`,
    }
  const model = /\/models\/(m-[0-9a-f]{32})\/artifacts\/*$/.exec(artifactUri)?.[1]
  if (model !== undefined)
    return {
      list: (folder) =>
        client.get(`${ROUTES}/logged-models/${model}/artifacts/directories`, {
          artifact_directory_path: folder || undefined,
        }),
      addressOf: (path) =>
        `/ajax-api/2.0/mlflow/logged-models/${model}/artifacts/files?${query({ artifact_file_path: path })}`,
    }
  const runId = /\/([0-9a-f]{32})\/artifacts\/*$/.exec(artifactUri)?.[1]
  if (runId === undefined) return undefined
  return {
    list: (folder) => client.get(`${ROUTES}/artifacts/list`, { run_id: runId, path: folder || undefined }),
    addressOf: (path) => `/get-artifact?${query({ run_id: runId, path })}`,
  }
}

function query(values: Record<string, string>): string {
  return new URLSearchParams(values).toString()
}

/** Folder by folder. What lists itself, or more than anyone has, is refused. */
async function filesBelow(root: Root, artifactUri: string): Promise<SourceFile[]> {
  const files: SourceFile[] = []
  const waiting = ['']
  for (let folders = 1; waiting.length > 0; folders++) {
    const folder = waiting.pop()!
    for (const entry of objects((await root.list(folder))['files'])) {
      const path = pathOf(entry, folder)
      if (entry['is_dir'] === true) waiting.push(path)
      else files.push({ path, sizeBytes: number(entry['file_size']) })
    }
    if (files.length > MAX_FILES || folders + waiting.length > MAX_FILES || folder.length > MAX_PATH)
      throw new AppError('invalid', `The MLflow server lists the files of ${artifactUri} without an end`)
  }
  return files
}

/** The store's own list has names alone, those of runs and models have the path below the root. */
function pathOf(entry: Json, folder: string): string {
  const before = folder === '' ? '' : `${folder}/`
  const told = text(entry['path'])
  const name = told.startsWith(before) ? told.slice(before.length) : told
  if (!/^(?!\.{1,2}$)[^/\\]+$/.test(name))
    throw new AppError('invalid', `The MLflow server lists “${told}” as a file`)
  return `${before}${name}`
}
