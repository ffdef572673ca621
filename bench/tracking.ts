/**
 * How fast tracking is over raw HTTP with SQLite: log-metric one at a time, log-batch of 1,000 metrics, and a search over many runs.
 *
 *     node bench/tracking.ts [--runs 100000]
 */
import { serve } from '@hono/node-server'
import { Agent, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { localOwner } from '../src/kernel/actor.ts'
import { mlflowApp } from '../src/protocols/mlflow/mlflow.ts'
import { openTestContext } from '../test/databases.ts'

const { values } = parseArgs({ options: { runs: { type: 'string', default: '20000' } } })
await using context = await openTestContext()
const server = serve({ fetch: mlflowApp(context, () => localOwner).fetch, port: 0, hostname: '127.0.0.1' })
await new Promise((resolve) => server.once('listening', resolve))
const { port } = server.address() as AddressInfo
const agent = new Agent({ keepAlive: true })

function post<Answer>(path: string, body: object): Promise<Answer> {
  const text = JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        port,
        agent,
        method: 'POST',
        path: `/api/2.0/mlflow/${path}`,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const answer = Buffer.concat(chunks).toString()
          if (response.statusCode === 200) resolve(JSON.parse(answer) as Answer)
          else reject(new Error(`${path}: ${response.statusCode} ${answer}`))
        })
      },
    )
    sent.on('error', reject)
    sent.end(text)
  })
}

async function times(count: number, work: (index: number) => Promise<unknown>): Promise<number[]> {
  const taken: number[] = []
  for (let index = 0; index < count; index++) {
    const start = performance.now()
    await work(index)
    taken.push(performance.now() - start)
  }
  return taken.sort((a, b) => a - b)
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.floor(share * (sorted.length - 1))]!
const line = (name: string, taken: readonly number[], more = ''): void =>
  console.log(
    `${name.padEnd(52)} p50 ${at(taken, 0.5).toFixed(2)} ms  p95 ${at(taken, 0.95).toFixed(2)} ms${more}`,
  )

interface Created {
  run: { info: { run_id: string } }
}
const create = async (): Promise<string> =>
  (await post<Created>('runs/create', { experiment_id: '0', start_time: Date.now() })).run.info.run_id

const runId = await create()
await times(200, (step) =>
  post('runs/log-metric', { run_id: runId, key: 'warm', value: step, timestamp: 1, step }),
)
line(
  'log-metric, one client',
  await times(2000, (step) =>
    post('runs/log-metric', { run_id: runId, key: 'm', value: step, timestamp: 1, step }),
  ),
)
const batch = (index: number) => ({
  run_id: runId,
  metrics: Array.from({ length: 1000 }, (_, i) => {
    const step = index * 1000 + i
    return { key: `curve${i % 4}`, value: Math.sin(step), timestamp: 1_700_000_000_000 + step, step }
  }),
})
const batches = await times(100, (index) => post('runs/log-batch', batch(index)))
const total = batches.reduce((sum, taken) => sum + taken, 0)
line('log-batch of 1,000 metrics, one client', batches, `  ${Math.round(100_000 / (total / 1000))} metrics/s`)
line('create-run', await times(200, create))

const runs = Number(values.runs)
console.log(`filling ${runs} runs …`)
await fill(runs)
agent.destroy()
const search = (body: object) => post('runs/search', { experiment_ids: ['0'], max_results: 100, ...body })
line(`search ${runs} runs, newest 100`, await times(30, () => search({})))
line('  100 by a metric', await times(30, () => search({ order_by: ['metrics.auc DESC'] })))
line(
  '  100 with a metric filter, by a metric',
  await times(30, () => search({ filter: 'metrics.auc > 0.9', order_by: ['metrics.auc DESC'] })),
)
line('  100 with a param filter', await times(30, () => search({ filter: "params.depth = '7'" })))
const { rss } = process.memoryUsage()
console.log(`resident ${Math.round(rss / 2 ** 20)} MB (server and client in one process)`)
agent.destroy()
server.close()

/** Rows written straight into the tables, in pieces: 5 metrics and 5 params for each run. */
async function fill(count: number): Promise<void> {
  const owner = { project_id: 'default', experiment_id: '0' }
  for (let from = 0; from < count; from += 500) {
    const ids = Array.from({ length: Math.min(500, count - from) }, () => context.ids.hex32())
    await context.db.write(async (trx) => {
      const rows = ids.map((id, i) => ({
        ...owner,
        id,
        name: `run ${from + i}`,
        user_id: 'bench',
        status: 'FINISHED' as const,
        start_ms: from + i,
        end_ms: from + i,
        artifact_uri: `mlflow-artifacts:/0/${id}/artifacts`,
        parent_run_id: null,
        lifecycle: 'active' as const,
        deleted_ms: null,
        created_ms: 0,
        announced_ms: 0,
      }))
      await trx.insertInto('run').values(rows).execute()
      for (const key of ['auc', 'loss', 'f1', 'recall', 'brier']) {
        const metrics = ids.map((run_id) => ({
          ...owner,
          run_id,
          key,
          step: 0,
          timestamp_ms: 0,
          value: Math.random(),
          is_nan: 0,
        }))
        await trx.insertInto('run_metric_latest').values(metrics).execute()
      }
      for (const key of ['depth', 'lr', 'trees', 'seed', 'data']) {
        const params = ids.map((run_id, i) => ({ ...owner, run_id, key, value: String((from + i) % 100) }))
        await trx.insertInto('run_param').values(params).execute()
      }
    })
  }
}
