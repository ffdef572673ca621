import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Context } from '../http/context.ts'
import type { ApiClient } from '../http/api-client.ts'
import { AppError } from '../kernel/errors.ts'
import type { Analytics } from '../ports/analytics/analytics.ts'
import { datasetPath } from './reference.ts'
import type { DatasetDetail, DatasetItem } from './schema.ts'
import { noVersionYet, parseReference, type DatasetVersion } from '../data/schema.ts'
import { diffVersions } from './diff.ts'
import type { DatasetDiff } from './diff-schema.ts'
import { listDatasets, type ReadsBlobs, resolveReadable } from '../data/data.ts'

/** Where a command that reads rows finds versions and their blobs: in a data folder, or at a server. DuckDB runs in the command itself. */
export interface Reach extends ReadsBlobs, AsyncDisposable {
  analytics: Analytics
  datasets(): Promise<string[]>
  /** By `name@number`, or the latest by `name`. Throws `not_found`, also when retention took its rows. */
  version(reference: string): Promise<DatasetVersion>
  /** Without reading rows; also of versions whose rows are gone. */
  diff(dataset: string, from: number, to: number): Promise<DatasetDiff>
}

export function reachFolder(context: Context, projectId: string): Reach {
  return {
    analytics: context.analytics,
    artifacts: context.artifacts,
    datasets: async () => (await listDatasets(context.db.read, projectId)).map(({ name }) => name),
    version: (reference) => resolveReadable(context, { projectId, reference }),
    diff: (dataset, from, to) => diffVersions(context, { projectId, dataset, from, to }),
    [Symbol.asyncDispose]: () => context[Symbol.asyncDispose](),
  }
}

/** Rows of a server: the files of a version come as they are asked for, checked by their hashes, and go with the command. */
export async function reachServer(api: ApiClient, analytics: Analytics): Promise<Reach> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-rows-'))
  /** The address of each blob of a version that was asked for. */
  const places = new Map<string, string>()
  const fetched = new Map<string, Promise<string>>()
  const localPath = (sha256: string): Promise<string> => {
    const known = fetched.get(sha256)
    if (known) return known
    const path = places.get(sha256)
    if (path === undefined)
      throw new AppError('not_found', `${sha256} belongs to no version that was asked for`)
    const coming = fetchBlob(api, path, sha256, join(folder, `${sha256}.parquet`))
    fetched.set(sha256, coming)
    return coming
  }
  return {
    analytics,
    artifacts: { localPath, bytes: async (sha256) => await readFile(await localPath(sha256)) },
    datasets: async () =>
      (await api.get<{ items: DatasetItem[] }>('/datasets')).items.map(({ name }) => name),
    async version(reference) {
      const { name, number } = parseReference(reference)
      const wanted = number ?? (await api.get<DatasetDetail>(`${datasetPath(name)}?limit=1`)).latest?.number
      if (wanted === undefined) throw noVersionYet(name)
      const path = `${datasetPath(name)}/versions/${wanted}`
      const { version, files } = await api.get<VersionFiles>(`${path}/files`)
      for (const sha256 of files) places.set(sha256, `${path}/files/${sha256}`)
      return version
    },
    diff: (dataset, from, to) => api.get(`${datasetPath(dataset)}/diff?from=${from}&to=${to}`),
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(fetched.values())
      await rm(folder, { recursive: true, force: true })
      await analytics[Symbol.asyncDispose]()
    },
  }
}

interface VersionFiles {
  version: DatasetVersion
  files: string[]
}

async function fetchBlob(api: ApiClient, path: string, sha256: string, target: string): Promise<string> {
  const hash = createHash('sha256')
  const { body } = await api.download(path)
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  await pipeline(Readable.from(body), hashing, createWriteStream(`${target}.part`))
  if (hash.digest('hex') !== sha256) {
    const { size } = await stat(`${target}.part`)
    throw new AppError('unavailable', `${path} came damaged or cut off, after ${size} bytes; try again`)
  }
  await rename(`${target}.part`, target)
  return target
}
