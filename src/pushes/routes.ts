import { z } from 'zod'
import { readBody } from '../http/app.ts'
import { route } from '../http/route.ts'
import { AppError } from '../kernel/errors.ts'
import type { Reading } from '../sources/sources.ts'
import { pushBatch, pushRows } from './push.ts'
import { pushed } from './schema.ts'

const name = z.object({ name: z.string() })

const READING_OF_TYPE: Readonly<Record<string, Pick<Reading, 'format' | 'delimiter'>>> = {
  'application/x-ndjson': { format: 'json', delimiter: ',' },
  'text/csv': { format: 'csv', delimiter: ',' },
  'text/tab-separated-values': { format: 'csv', delimiter: '\t' },
  'application/vnd.apache.parquet': { format: 'parquet', delimiter: ',' },
  'application/vnd.apache.arrow.file': { format: 'arrow', delimiter: ',' },
  'application/vnd.apache.arrow.stream': { format: 'arrow', delimiter: ',' },
}

export const routes = [
  route({
    method: 'POST',
    path: '/datasets/:name/rows',
    summary:
      'Takes rows into a dataset whose source is `push()`, exactly once by `key` or the header `Idempotency-Key`; durable when answered',
    permission: 'contribute',
    params: name,
    body: z.strictObject({
      key: z.string().optional(),
      rows: z.array(z.record(z.string(), z.json())).min(1),
    }),
    response: pushed,
    async handle({ context, actor, projectId, params, body, request }) {
      const key = keyOf(request, body.key)
      return await pushRows(context, { projectId, actor, dataset: params.name, key, rows: body.rows })
    },
  }),
  route({
    method: 'POST',
    path: '/datasets/:name/batches',
    summary: `As \`…/rows\`, of a whole file in the body: ${Object.keys(READING_OF_TYPE).join(', ')}, by \`Content-Type\``,
    permission: 'contribute',
    params: name,
    response: pushed,
    async handle({ context, actor, projectId, params, request }) {
      const key = keyOf(request, undefined)
      const reading: Reading = { ...readingOfType(request), compression: 'none' }
      const content = await readBody(request, context.config.maxBodyBytes)
      return await pushBatch(context, { projectId, actor, dataset: params.name, key, content, reading })
    },
  }),
]

function keyOf(request: Request, inBody: string | undefined): string {
  const inHeader = request.headers.get('idempotency-key')
  if (inHeader !== null && inBody !== undefined && inHeader !== inBody)
    throw new AppError('invalid', 'The header Idempotency-Key and the key in the body differ')
  const key = inHeader ?? inBody
  if (key !== undefined) return key
  throw new AppError(
    'invalid',
    'Give the push a key of its own in the header Idempotency-Key, so that it is taken once however often it is sent',
  )
}

function readingOfType(request: Request): Pick<Reading, 'format' | 'delimiter'> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase()
  const reading = READING_OF_TYPE[type]
  if (reading) return reading
  throw new AppError(
    'invalid',
    `Content-Type ${type === '' ? 'is missing' : `is ${type}`}; it can be ${Object.keys(READING_OF_TYPE).join(', ')}`,
  )
}
