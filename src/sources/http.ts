import { join } from 'node:path'
import { AppError } from '../kernel/errors.ts'
import type { HttpSource } from './definition.ts'
import { download, type Fetched } from './download.ts'
import type { KnownItem, SourceItem } from './item.ts'
import type { ProbeInput } from './probe.ts'
import { readingOf, type FileFormat, type Reading } from './reading.ts'
import { requireSecret } from '../kernel/secret.ts'

interface Tag {
  etag: string | null
  lastModified: string | null
  contentType: string | null
}

const FORMAT_OF_TYPE: Readonly<Record<string, FileFormat>> = {
  'text/csv': 'csv',
  'text/tab-separated-values': 'csv',
  'application/json': 'json',
  'application/x-ndjson': 'json',
  'application/vnd.apache.parquet': 'parquet',
  'application/vnd.apache.arrow.file': 'arrow',
  'application/vnd.apache.arrow.stream': 'arrow',
}

/** The file behind a URL. It is fetched when the server does not say that it is still what it was (`ETag`, `Last-Modified`). */
export async function probeHttp(source: HttpSource, input: ProbeInput): Promise<SourceItem> {
  const before = input.known.find(({ path }) => path === source.url)
  const target = join(input.folder, 'download')
  const fetched = await get(source, input, target, before)
  if (!fetched && before) return unchangedItem(source, input, before)
  if (!fetched) throw new AppError('unavailable', `${source.url} answers 304 to a request that asked for all`)
  const tag: Tag = {
    etag: fetched.headers.etag ?? null,
    lastModified: fetched.headers['last-modified'] ?? null,
    contentType: fetched.headers['content-type'] ?? null,
  }
  return {
    path: source.url,
    sha256: fetched.sha256,
    changed: true,
    reading: httpReading(source, tag),
    isTreated: false,
    seen: { sizeBytes: fetched.sizeBytes, modifiedNs: '0', tag: JSON.stringify(tag) },
    use: (work) => work(target),
    requireUnchanged: async () => undefined,
  }
}

/** Its content is known, and fetched only when it has to be read once more. */
function unchangedItem(source: HttpSource, input: ProbeInput, before: KnownItem): SourceItem {
  const target = join(input.folder, 'download')
  return {
    path: source.url,
    sha256: before.sha256,
    changed: false,
    reading: httpReading(source, tagOf(before)),
    isTreated: false,
    seen: before.seen,
    async use(work) {
      const fetched = await get(source, input, target, undefined)
      if (fetched?.sha256 !== before.sha256)
        throw new AppError('conflict', `${source.url} changed while it was being read; nothing was ingested`)
      return await work(target)
    },
    requireUnchanged: async () => undefined,
  }
}

async function get(
  source: HttpSource,
  { allowPrivate, signal }: ProbeInput,
  target: string,
  before: KnownItem | undefined,
): Promise<Fetched | undefined> {
  const { etag, lastModified } = before ? tagOf(before) : {}
  const { url, headers = {}, secretHeaders = {}, maxBytes, timeoutMs } = source
  const secrets = Object.entries(secretHeaders).map(([name, variable]) => [name, requireSecret(variable)])
  return await download({
    url,
    headers: {
      ...headers,
      ...(etag && { 'if-none-match': etag }),
      ...(lastModified && { 'if-modified-since': lastModified }),
    },
    secretHeaders: Object.fromEntries(secrets) as Record<string, string>,
    target,
    maxBytes,
    timeoutMs,
    allowPrivate,
    signal,
  })
}

function tagOf({ seen }: KnownItem): Tag {
  return JSON.parse(seen.tag ?? '{"etag":null,"lastModified":null,"contentType":null}') as Tag
}

/** By the ending of the path, else by what the server says of the content. */
function httpReading(source: HttpSource, { contentType }: Tag): Reading {
  const path = new URL(source.url).pathname
  const type = (contentType ?? '').split(';')[0]!.trim().toLowerCase()
  const told = FORMAT_OF_TYPE[type]
  try {
    return readingOf(source, path)
  } catch (error) {
    if (told === undefined) throw error
    const delimiter = source.delimiter ?? (type === 'text/tab-separated-values' ? '\t' : ',')
    return { ...readingOf({ ...source, format: told }, path), delimiter }
  }
}
