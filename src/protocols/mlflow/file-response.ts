import { basename, extname } from 'node:path'
import type { Context } from '../../http/context.ts'
import { fileBody } from '../../http/file-body.ts'
import type { StoredBlob } from '../../ports/artifacts/artifacts.ts'

/** Shown as text by MLflow, whatever else they are. */
const TEXT = new Set(
  'cf cfg cnf conf csv err hocon ini ipynb js json log md mlmodel mlproject prop properties py py3 rst toml tsv txt xml yaml yml'.split(
    ' ',
  ),
)

const TYPES: Readonly<Record<string, string>> = {
  bmp: 'image/bmp',
  css: 'text/css',
  gif: 'image/gif',
  gz: 'application/gzip',
  htm: 'text/html',
  html: 'text/html',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  mp3: 'audio/mpeg',
  mp4: 'video/mp4',
  pdf: 'application/pdf',
  png: 'image/png',
  svg: 'image/svg+xml',
  tar: 'application/x-tar',
  tif: 'image/tiff',
  tiff: 'image/tiff',
  wav: 'audio/wav',
  webp: 'image/webp',
  zip: 'application/zip',
}

/**
 * A stored file as an answer: always an attachment, so that no browser runs it as a page of this server, whole or as the one range that
 * is asked for.
 */
export async function fileResponse(
  { artifacts }: Pick<Context, 'artifacts'>,
  request: Request,
  { path, blob }: { path: string; blob: StoredBlob },
): Promise<Response> {
  const etag = `"${blob.sha256}"`
  const headers = {
    'accept-ranges': 'bytes',
    'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(basename(path))}`,
    'content-type': contentTypeOf(path),
    etag,
    'x-content-type-options': 'nosniff',
  }
  if (request.headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers })
  const stale = (request.headers.get('if-range') ?? etag) !== etag
  const range = stale ? undefined : rangeOf(request.headers.get('range'), blob.sizeBytes)
  if (range === 'unsatisfiable')
    return new Response(null, {
      status: 416,
      headers: { ...headers, 'content-range': `bytes */${blob.sizeBytes}` },
    })
  const body = fileBody(await artifacts.localPath(blob.sha256), range)
  if (!range) return new Response(body, { headers: { ...headers, 'content-length': String(blob.sizeBytes) } })
  const { start, end } = range
  return new Response(body, {
    status: 206,
    headers: {
      ...headers,
      'content-length': String(end - start + 1),
      'content-range': `bytes ${start}-${end}/${blob.sizeBytes}`,
    },
  })
}

function contentTypeOf(path: string): string {
  const name = basename(path).toLowerCase()
  const extension = extname(name).slice(1) || name
  return TEXT.has(extension) ? 'text/plain' : (TYPES[extension] ?? 'application/octet-stream')
}

/** RFC 9110 §14: one range; several, or another unit, are ignored, which the RFC allows. */
export function rangeOf(
  header: string | null,
  sizeBytes: number,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  const [, first = '', last = ''] = match ?? []
  if (!match || (first === '' && last === '')) return undefined
  if (first === '') {
    const length = Math.min(Number(last), sizeBytes)
    return length === 0 ? 'unsatisfiable' : { start: sizeBytes - length, end: sizeBytes - 1 }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return undefined
  if (start >= sizeBytes) return 'unsatisfiable'
  return { start, end: last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1) }
}
