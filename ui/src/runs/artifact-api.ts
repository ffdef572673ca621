import { queryOptions } from '@tanstack/react-query'
import { ApiError, at, base, request, search } from '../api.ts'
import type { ArtifactEntry } from './answers.ts'

export interface ArtifactHead {
  bytes: Uint8Array
  sizeBytes: number
  sha256: string
}

const headBytes = 262_144
const tailBytes = 65_536

export function artifactHref(
  runId: string,
  path: string,
  { inline = false, first, last }: { inline?: boolean; first?: number; last?: number } = {},
): string {
  return `${base}/api/v1/runs/${at(runId)}/artifact${search({ path, first, last, inline: inline ? 'true' : undefined })}`
}

export function artifactFolder(runId: string, folder: string) {
  const path = `/runs/${at(runId)}/artifacts${search({ path: folder })}`
  return queryOptions({
    queryKey: ['tracking', path],
    queryFn: () => request<{ items: ArtifactEntry[] }>(path),
  })
}

/** The first quarter of a megabyte: enough to see what a file is, whatever its size. */
export function artifactHead(runId: string, path: string) {
  return queryOptions({
    queryKey: ['tracking', `/runs/${runId}/artifact`, path],
    queryFn: () => readBytes(artifactHref(runId, path, { first: headBytes })),
  })
}

/** The end of a file: of a log, what happened last. */
export function artifactTail(runId: string, path: string) {
  return queryOptions({
    queryKey: ['tracking', `/runs/${runId}/artifact`, path, 'tail'],
    queryFn: () => readBytes(artifactHref(runId, path, { last: tailBytes })),
  })
}

async function readBytes(href: string): Promise<ArtifactHead> {
  const response = await fetch(href)
  if (!response.ok) throw new ApiError(`The server answered ${response.status}.`, 'internal', response.status)
  const content = new Uint8Array(await response.arrayBuffer())
  return {
    bytes: content,
    sizeBytes: Number(response.headers.get('x-size') ?? content.length),
    sha256: (response.headers.get('etag') ?? '').replaceAll('"', ''),
  }
}
