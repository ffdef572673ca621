import type { GetObjectCommandOutput, S3Client, _Object as ListedObject } from '@aws-sdk/client-s3'
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { join } from 'node:path'
import { Transform, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { lookupPublic, requirePublicUrl } from '../http/public-address.ts'
import { AppError } from '../kernel/errors.ts'
import type { S3Source } from './definition.ts'
import { isUnfinished } from './files.ts'
import type { KnownItem, SourceItem } from './item.ts'
import type { ProbeInput } from './probe.ts'
import { readingOf } from './reading.ts'

const CONNECT_MS = 10_000
const SILENCE_MS = 60_000
/** What one look fetches without `maxBytesAtOnce`. */
const MOST_BYTES_AT_ONCE = 4 * 2 ** 30

/** An object as a listing shows it. */
interface Listed {
  key: string
  path: string
  etag: string
  sizeBytes: number
}

/**
 * The objects under a prefix. The listing is the probe: only an object of another ETag or size is fetched. What is fetched lies on disk until it is read, so
 * that one look fetches so many bytes (or one object) and leaves the others as they were: not there yet, or of the content that they had.
 */
export async function probeS3(
  source: S3Source,
  input: ProbeInput,
): Promise<{ items: SourceItem[]; more: boolean }> {
  const client = await connect(source, input)
  try {
    const known = new Map(input.known.map((item) => [item.path, item]))
    const items: SourceItem[] = []
    const most = source.maxBytesAtOnce ?? MOST_BYTES_AT_ONCE
    let fetched = 0
    let more = false
    for (const object of await list(client, source, input)) {
      const before = known.get(object.path)
      const same =
        before && before.seen.tag === object.etag && before.seen.sizeBytes === object.sizeBytes
          ? before
          : undefined
      if (!same && fetched > 0 && fetched + object.sizeBytes > most) {
        more = true
        if (before) items.push(asBefore(source, object, before))
        continue
      }
      if (!same) fetched += object.sizeBytes
      const target = join(input.folder, `object-${items.length}`)
      const sha256 = same ? same.sha256 : await fetchObject(client, source, input, object, target)
      items.push(toItem(source, input, object, { target, sha256, same }))
    }
    return { items, more }
  } finally {
    client.destroy()
  }
}

/** An object of which the next look fetches what it holds now. */
function asBefore(source: S3Source, { key, path }: Listed, { sha256, seen }: KnownItem): SourceItem {
  const later = (): Promise<never> =>
    Promise.reject(new AppError('conflict', `${path} has changed; it is fetched by the next look`))
  return {
    path,
    sha256,
    changed: false,
    isLater: true,
    reading: readingOf(source, key),
    isTreated: false,
    seen,
    use: later,
    requireUnchanged: async () => undefined,
  }
}

function toItem(
  source: S3Source,
  input: ProbeInput,
  object: Listed,
  { target, sha256, same }: { target: string; sha256: string; same: KnownItem | undefined },
): SourceItem {
  return {
    path: object.path,
    sha256,
    changed: !same,
    reading: readingOf(source, object.key),
    isTreated: false,
    seen: { sizeBytes: object.sizeBytes, modifiedNs: '0', tag: object.etag },
    async use(work) {
      if (!same) return await work(target)
      const client = await connect(source, input)
      try {
        const now = await fetchObject(client, source, input, object, target)
        if (now !== sha256) throw changed(object)
        return await work(target)
      } finally {
        client.destroy()
      }
    },
    requireUnchanged: async () => undefined,
  }
}

async function connect(source: S3Source, { allowPrivate }: ProbeInput): Promise<S3Client> {
  const { endpoint, region, forcePathStyle } = source
  if (endpoint !== undefined) requirePublicUrl(endpoint, { allowPrivate })
  const { S3Client: Client } = await import('@aws-sdk/client-s3')
  const lookup = allowPrivate ? {} : { lookup: lookupPublic }
  return new Client({
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: SILENCE_MS,
      httpAgent: new HttpAgent(lookup),
      httpsAgent: new HttpsAgent(lookup),
    },
    ...(endpoint !== undefined && { endpoint, region: 'us-east-1' }),
    ...(region !== undefined && { region }),
    ...(forcePathStyle !== undefined && { forcePathStyle }),
  })
}

async function list(client: S3Client, source: S3Source, { signal }: ProbeInput): Promise<Listed[]> {
  const { ListObjectsV2Command } = await import('@aws-sdk/client-s3')
  const { bucket: Bucket, prefix: Prefix } = source
  const found: Listed[] = []
  let token: string | undefined
  do {
    const page = await client
      .send(
        new ListObjectsV2Command({
          Bucket,
          Prefix,
          ...(token !== undefined && { ContinuationToken: token }),
        }),
        { abortSignal: signal },
      )
      .catch((error: unknown) => {
        throw failed(`s3://${Bucket}/${Prefix} can't be listed`, error, signal)
      })
    found.push(...(page.Contents ?? []).flatMap((object) => toListed(Bucket, object)))
    token = page.NextContinuationToken
  } while (token !== undefined)
  return found.sort((a, b) => (a.key < b.key ? -1 : 1))
}

/** Folders are empty objects whose key ends in a slash; what is unfinished or hidden is ignored as among files. */
function toListed(
  bucket: string,
  { Key: key = '', ETag: etag = '', Size: sizeBytes = 0 }: ListedObject,
): Listed[] {
  if (key.endsWith('/') || isUnfinished(key) || key.split('/').some((name) => name.startsWith('.'))) return []
  return [{ key, path: `s3://${bucket}/${key}`, etag, sizeBytes }]
}

async function fetchObject(
  client: S3Client,
  { bucket, maxBytes }: S3Source,
  { signal }: ProbeInput,
  object: Listed,
  target: string,
): Promise<string> {
  const tooLarge = (): AppError => new AppError('invalid', `${object.path} is larger than ${maxBytes} bytes`)
  if (object.sizeBytes > maxBytes) throw tooLarge()
  const { GetObjectCommand } = await import('@aws-sdk/client-s3')
  try {
    const answer = await client.send(
      new GetObjectCommand({ Bucket: bucket, Key: object.key, IfMatch: object.etag }),
      { abortSignal: signal },
    )
    return await save(answer, object, target, signal)
  } catch (error) {
    if (error instanceof AppError) throw error
    if ((error as Error).name === 'PreconditionFailed') throw changed(object)
    throw failed(`${object.path} can't be fetched`, error, signal)
  }
}

async function save(
  { Body }: GetObjectCommandOutput,
  { path, sizeBytes }: Listed,
  target: string,
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash('sha256')
  let arrived = 0
  const measure = new Transform({
    transform(chunk: Buffer, _, done) {
      arrived += chunk.byteLength
      hash.update(chunk)
      done(null, chunk)
    },
  })
  await pipeline(Body as Readable, measure, createWriteStream(target), { signal })
  if (arrived === sizeBytes) return hash.digest('hex')
  throw new AppError('unavailable', `${path} was cut off after ${arrived} of ${sizeBytes} bytes`)
}

function changed({ path }: Listed): AppError {
  return new AppError('conflict', `${path} changed while it was being read; nothing was ingested`)
}

const CREDENTIALS = /credential|accessdenied|accesskey|signature|token|forbidden/i

function failed(what: string, error: unknown, signal: AbortSignal): Error {
  if (signal.aborted) return signal.reason as Error
  if (error instanceof AppError) return error
  const { name, message } = error as Error
  const hint = CREDENTIALS.test(name) ? ' (are the credentials right?)' : ''
  return new AppError('unavailable', `${what}: ${name}: ${message}${hint}`, { cause: error })
}
