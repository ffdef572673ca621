import { stat } from 'node:fs/promises'
import { z } from 'zod'
import { fileBody } from '../http/file-body.ts'
import { listOf, route } from '../http/route.ts'
import {
  changeBenchmark,
  createBenchmark,
  getBenchmark,
  holdoutFile,
  listBenchmarks,
  listOwnSubmissions,
  submit,
} from './benchmarks.ts'
import {
  benchmarkDetail,
  benchmarkItem,
  changeBenchmarkBody,
  createBenchmarkBody,
  submissionSchema,
  submitBody,
} from './schema.ts'

const named = z.strictObject({ name: z.string() })

export const routes = [
  route({
    method: 'GET',
    path: '/benchmarks',
    summary: 'The benchmarks of the project by name',
    permission: 'view',
    response: listOf(benchmarkItem),
    handle: async ({ context, actor, projectId }) => ({
      items: await listBenchmarks(context, { actor, projectId }),
    }),
  }),
  route({
    method: 'POST',
    path: '/benchmarks',
    summary: 'Make a benchmark; a worker prepares its holdout and opens it',
    permission: 'maintain',
    body: createBenchmarkBody,
    response: benchmarkItem,
    handle: ({ context, actor, projectId, body }) => createBenchmark(context, { actor, projectId, ...body }),
  }),
  route({
    method: 'GET',
    path: '/benchmarks/:name',
    summary: 'One benchmark with its leaderboard',
    permission: 'view',
    params: named,
    response: benchmarkDetail,
    handle: ({ context, actor, projectId, params }) =>
      getBenchmark(context, { actor, projectId, name: params.name }),
  }),
  route({
    method: 'PATCH',
    path: '/benchmarks/:name',
    summary: 'Open or close a benchmark, change its description or its daily limit',
    permission: 'maintain',
    params: named,
    body: changeBenchmarkBody,
    response: benchmarkItem,
    handle: ({ context, actor, projectId, params, body }) =>
      changeBenchmark(context, { actor, projectId, name: params.name, change: body }),
  }),
  route({
    method: 'POST',
    path: '/benchmarks/:name/submissions',
    summary: 'Submit a model version, or a file of predictions that was sent to `POST /uploads`',
    permission: 'contribute',
    params: named,
    body: submitBody,
    response: submissionSchema,
    handle: ({ context, actor, projectId, params, body }) =>
      submit(context, { actor, projectId, name: params.name, submitted: body }),
  }),
  route({
    method: 'GET',
    path: '/benchmarks/:name/submissions',
    summary: 'Your own submissions, newest first',
    permission: 'view',
    params: named,
    query: z.strictObject({ limit: z.coerce.number().int().min(1).max(1000).default(100) }),
    response: listOf(submissionSchema),
    handle: async ({ context, actor, projectId, params, query }) => ({
      items: await listOwnSubmissions(context, { actor, projectId, name: params.name, ...query }),
    }),
  }),
  route({
    method: 'GET',
    path: '/benchmarks/:name/features',
    summary: 'The rows of the holdout without their label, as Parquet, where the benchmark gives them away',
    permission: 'view',
    params: named,
    response: z.string(),
    contentType: 'application/vnd.apache.parquet',
    handle: async ({ context, actor, projectId, params }) =>
      parquet(await holdoutFile(context, { actor, projectId, name: params.name, part: 'features' })),
  }),
  route({
    method: 'GET',
    path: '/benchmarks/:name/holdout',
    summary: 'The whole holdout with its labels, as Parquet; for admins alone, and audited',
    permission: 'administer',
    params: named,
    response: z.string(),
    contentType: 'application/vnd.apache.parquet',
    handle: async ({ context, actor, projectId, params }) =>
      parquet(await holdoutFile(context, { actor, projectId, name: params.name, part: 'holdout' })),
  }),
]

async function parquet(path: string): Promise<Response> {
  const { size } = await stat(path)
  return new Response(fileBody(path), {
    headers: { 'content-type': 'application/vnd.apache.parquet', 'content-length': String(size) },
  })
}
