import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { createAdaptorServer } from '@hono/node-server'
import { expect, it, vi } from 'vitest'
import { z } from 'zod'
import { openTestContext, PROJECT_ID } from '../../test/databases.ts'
import { duckDbPid } from '../../test/duckdb-pid.ts'
import { datasetRoutes, flights, RealDatasets } from '../../test/real-datasets.ts'
import { createApp } from '../http/app.ts'
import type { Context } from '../http/context.ts'
import { limitQueries } from '../http/query-limit.ts'
import { route } from '../http/route.ts'
import { localOwner } from '../kernel/actor.ts'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { duckDbProcess } from '../ports/analytics/duckdb-process.ts'

/** As long as a request lets it. */
const forEver = route({
  method: 'GET',
  path: '/for-ever',
  summary: 'A cross join of ten million rows with themselves',
  permission: 'view',
  response: z.object({}),
  async handle({ context }) {
    await context.analytics.query(
      'SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b, range(1000) c',
    )
    return {}
  },
})

/** The routes of datasets and one more, by HTTP, with DuckDB as the server has it. */
async function serve(limits: { queryLimitMs?: number; exportLimitMs?: number }) {
  await using opened = new AsyncDisposableStack()
  const stored = opened.use(await openTestContext())
  const analytics = opened.use(duckDbProcess({ memoryLimit: '1GB' }))
  // Nobody waits for the start of the process.
  await analytics.query('SELECT 1')
  const context: Context = { ...stored, analytics, config: { ...stored.config, ...limits } }
  const app = createApp({
    context,
    routes: [...datasetRoutes, forEver],
    authenticate: () => localOwner,
    resolveProject: async () => PROJECT_ID,
  })
  const server = createAdaptorServer({ fetch: app.fetch })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  opened.defer(() => void server.close())
  const kept = opened.move()
  return {
    stored,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`,
    analytics,
    [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose](),
  }
}

it('A request whose query takes too long is refused with the limit and what to do, and others are answered meanwhile', async () => {
  await using served = await serve({ queryLimitMs: 3_000, exportLimitMs: 1 })
  const { url, stored } = served
  using real = new RealDatasets(stored)
  await real.declare(flights)
  await real.writeFlights('flights-1.parquet', 'true', 6)
  await real.ingest('flights')
  let answered = false
  const slow = fetch(`${url}/for-ever`).finally(() => (answered = true))
  await delay(100)
  const rows = await fetch(`${url}/datasets/flights/versions/1/rows?limit=5`)
  expect(((await rows.json()) as { rows: unknown[] }).rows).toHaveLength(5)
  const list = await fetch(`${url}/datasets`)
  expect(list.status).toBe(200)
  expect(answered).toBe(false)
  const refused = await slow
  expect(refused.status).toBe(400)
  expect(await refused.json()).toMatchObject({
    error: {
      code: 'invalid',
      message: expect.stringMatching(/longer than 3 seconds.*TIDEMILL_QUERY_LIMIT_MS.*tidemill data sample/s),
      details: { limitMs: 3_000 },
    },
  })
  // An export has a limit of its own.
  const exported = await fetch(`${url}/datasets/flights/versions/1/export?format=csv`)
  expect(exported.status).toBe(400)
  expect(await exported.text()).toContain('TIDEMILL_EXPORT_LIMIT_MS')
}, 120_000)

it('Ends the query of a client that has gone', async () => {
  await using served = await serve({})
  const { url, analytics } = served
  const gone = new AbortController()
  const asked = Array.from({ length: 3 }, () => fetch(`${url}/for-ever`, { signal: gone.signal }))
  const failed = Promise.all(asked.map((each) => expect(each).rejects.toThrow()))
  await expect.poll(() => processorShare(analytics)).toBeGreaterThan(0.2)
  gone.abort()
  await failed
  await expect.poll(() => processorShare(analytics)).toBeLessThan(0.1)
}, 120_000)

it('Leaves no timer behind a request, nor between its queries, and refuses the next query once its time is over', async () => {
  await using stored = await openTestContext()
  await using analytics = openDuckDb()
  await analytics.query('SELECT 1')
  const config = { ...stored.config, queryLimitMs: 100 }
  const { analytics: limited } = limitQueries(
    { ...stored, config, analytics },
    new Request('http://localhost/'),
    'queryLimitMs',
  )
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  try {
    const asked = limited.query('SELECT 1 AS one')
    expect(await asked).toEqual([{ one: 1 }])
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(101)
    await expect(limited.query('SELECT 1')).rejects.toThrow('TIDEMILL_QUERY_LIMIT_MS')
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})

/** How much of one processor its process takes. */
async function processorShare(analytics: Context['analytics']): Promise<number> {
  const pid = await duckDbPid(analytics)
  const before = processorMs(pid)
  await delay(300)
  return (processorMs(pid) - before) / 300
}

function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}
