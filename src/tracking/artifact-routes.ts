import { basename, extname } from 'node:path'
import { z } from 'zod'
import { fileBody } from '../http/file-body.ts'
import { route } from '../http/route.ts'
import { getRunArtifact } from './artifacts.ts'

/** What a browser may show by itself. Anything else is bytes. */
const TYPES: Readonly<Record<string, string>> = {
  '.avif': 'image/avif',
  '.bmp': 'image/bmp',
  '.csv': 'text/csv; charset=utf-8',
  '.gif': 'image/gif',
  '.htm': 'text/html; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webp': 'image/webp',
}

/**
 * What a run stored is written by whoever ran it, and must never act as this site: the policy puts a page in an origin of its own, without
 * scripts, forms, or anything loaded from elsewhere, however it is opened.
 */
const POLICY =
  "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; frame-ancestors 'self'"

export const artifactRoutes = [
  route({
    method: 'GET',
    path: '/runs/:runId/artifact',
    summary:
      'The bytes of one artifact, or its first or last ones; its SHA-256 is the ETag, its whole size is X-Size',
    permission: 'view',
    params: z.strictObject({ runId: z.string() }),
    query: z.strictObject({
      path: z.string().min(1),
      first: z.coerce.number().int().min(1).optional().describe('At most this many bytes from the start'),
      last: z.coerce.number().int().min(1).optional().describe('At most this many bytes up to the end'),
      inline: z.stringbool().default(false).describe('For a preview; otherwise the browser saves it'),
    }),
    response: z.string(),
    contentType: '*/*',
    async handle({ context, actor, projectId, params, query }) {
      const { path, first, last, inline } = query
      const { sha256, sizeBytes } = await getRunArtifact(context, { projectId, actor, ...params, path })
      const length = Math.min(sizeBytes, first ?? last ?? sizeBytes)
      const start = last === undefined ? 0 : sizeBytes - length
      const file = await context.artifacts.localPath(sha256)
      const body = length === 0 ? null : fileBody(file, { start, end: start + length - 1 })
      return new Response(body, {
        headers: {
          'content-type': TYPES[extname(path).toLowerCase()] ?? 'application/octet-stream',
          'content-length': String(length),
          'content-disposition': `${inline ? 'inline' : 'attachment'}; filename*=UTF-8''${encodeURIComponent(basename(path))}`,
          'content-security-policy': POLICY,
          'x-content-type-options': 'nosniff',
          'cross-origin-resource-policy': 'same-origin',
          'referrer-policy': 'no-referrer',
          'cache-control': 'private, no-cache',
          etag: `"${sha256}"`,
          'x-size': String(sizeBytes),
        },
      })
    },
  }),
]
