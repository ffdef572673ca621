import { Readable } from 'node:stream'
import { z } from 'zod'
import { fileBody } from '../http/file-body.ts'
import { route } from '../http/route.ts'
import { AppError } from '../kernel/errors.ts'
import { getDataset, loadManifest, resolveReadable } from '../data/data.ts'
import { openExport } from './export.ts'
import { peekRows } from './peek.ts'
import { exportFormats, type ExportFormat } from './schema.ts'
import { datasetVersionSchema } from '../data/schema.ts'

const version = { name: z.string(), number: z.coerce.number().int().min(1) }

/** Some rows of a version, and its files for who reads its rows with an engine of their own. */
export const fileRoutes = [
  route({
    method: 'GET',
    path: '/datasets/:name/versions/:number/rows',
    summary:
      'Some rows of a version as text, from up to three stretches that the seed chooses; what is personal and kept is masked',
    permission: 'view',
    params: z.object(version),
    query: z.object({
      limit: z.coerce.number().int().min(1).max(500).default(50),
      seed: z.coerce
        .number()
        .int()
        .min(0)
        .max(2 ** 31 - 1)
        .default(1),
    }),
    response: z.object({ rows: z.array(z.record(z.string(), z.string().nullable())) }),
    async handle({ context, projectId, params, query }) {
      const reference = `${params.name}@${params.number}`
      const found = await resolveReadable(context, { projectId, reference })
      const dataset = await getDataset(context, { projectId, name: params.name })
      return { rows: await peekRows(context, dataset, found, query) }
    },
  }),
  route({
    method: 'GET',
    path: '/datasets/:name/versions/:number/files',
    summary: 'The files of a version by their SHA-256: the manifest first, then the Parquet parts',
    permission: 'record',
    params: z.object(version),
    response: z.object({ version: datasetVersionSchema, files: z.array(z.string()) }),
    async handle({ context, projectId, params }) {
      const reference = `${params.name}@${params.number}`
      const found = await resolveReadable(context, { projectId, reference })
      const { parts } = await loadManifest(context, found)
      const files = new Set([found.manifestSha256, ...parts.map(({ sha256 }) => sha256)])
      return { version: found, files: [...files] }
    },
  }),
  route({
    method: 'GET',
    path: '/datasets/:name/versions/:number/files/:sha256',
    summary: 'One file of a version: its manifest (JSON) or one of its parts (Parquet)',
    permission: 'record',
    params: z.object({ ...version, sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
    response: z.string(),
    contentType: 'application/octet-stream',
    async handle({ context, projectId, params: { name, number, sha256 } }) {
      const found = await resolveReadable(context, { projectId, reference: `${name}@${number}` })
      const isManifest = sha256 === found.manifestSha256
      const { parts } = await loadManifest(context, found)
      const part = parts.find((each) => each.sha256 === sha256)
      if (!isManifest && !part) throw new AppError('not_found', `${name}@${number} has no file ${sha256}`)
      const path = await context.artifacts.localPath(sha256)
      const headers = {
        'content-type': 'application/octet-stream',
        ...(part && { 'content-length': String(part.sizeBytes) }),
      }
      return new Response(fileBody(path), { headers })
    },
  }),
  route({
    method: 'GET',
    path: '/datasets/:name/versions/:number/export',
    summary:
      'The rows of a version as one file: Parquet, CSV, NDJSON, Arrow IPC as a file (`arrow`) or as a stream (`arrows`); equal versions give equal bytes',
    permission: 'record',
    params: z.object(version),
    query: z.object({ format: z.enum(exportFormats) }),
    response: z.string(),
    contentType: 'application/octet-stream',
    limit: 'exportLimitMs',
    async handle({ context, projectId, params: { name, number }, query: { format } }) {
      const found = await resolveReadable(context, { projectId, reference: `${name}@${number}` })
      const headers = {
        'content-type': CONTENT_TYPES[format],
        'content-disposition': `attachment; filename="${name}-${number}.${format}"`,
      }
      const bytes = await openExport(context, found, format)
      return new Response(Readable.toWeb(bytes) as ReadableStream, { headers })
    },
  }),
]

const CONTENT_TYPES: Readonly<Record<ExportFormat, string>> = {
  parquet: 'application/vnd.apache.parquet',
  csv: 'text/csv; charset=utf-8',
  ndjson: 'application/x-ndjson',
  arrow: 'application/vnd.apache.arrow.file',
  arrows: 'application/vnd.apache.arrow.stream',
}
