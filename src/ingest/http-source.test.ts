import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openTestContext, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { localOwner } from '../kernel/actor.ts'
import { http } from '../sources/definition.ts'
import { listChanges } from './changes.ts'
import { declareDatasets } from '../data/data.ts'
import { ingest } from './ingest.ts'
import { dataset } from '../data/definition.ts'

const REAL = join(import.meta.dirname, '../../node_modules/vega-datasets/data')
const CALLER = { projectId: PROJECT_ID, actor: localOwner }

let context: TestContext
let server: Server
let answer: { status: number; etag: string; body: Buffer; cut?: boolean }
beforeEach(async () => {
  const opened = await openTestContext()
  context = { ...opened, config: { ...opened.config, sourcePrivateAddresses: true } }
  server = createServer((request, response) => {
    const { status, etag, body, cut } = answer
    if (status !== 200) return void response.writeHead(status).end()
    if (request.headers['if-none-match'] === etag) return void response.writeHead(304).end()
    response.writeHead(200, { etag, 'content-length': body.length + (cut ? 100 : 0) })
    response.write(body)
    if (cut) setTimeout(() => response.destroy(), 20)
    else response.end()
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/penguins.json`
  await declareDatasets(context, {
    ...CALLER,
    directory: '/nowhere',
    datasets: [dataset('penguins', { source: http(url) })],
  })
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((done) => server.close(done))
  await context[Symbol.asyncDispose]()
})

it('a dataset follows a file behind an address: real penguins, and never half of them', async () => {
  const penguins = JSON.parse(readFileSync(join(REAL, 'penguins.json'), 'utf8')) as unknown[]
  const body = (rows: unknown): Buffer => Buffer.from(JSON.stringify(rows))
  const look = () => ingest(context, { ...CALLER, dataset: 'penguins' })
  answer = { status: 200, etag: '"1"', body: body(penguins.slice(0, 300)) }
  expect(await look()).toMatchObject({ state: 'created', version: { rows: 300, parts: 1 } })
  expect(await look()).toMatchObject({ state: 'unchanged' })
  answer = { status: 200, etag: '"2"', body: body(penguins), cut: true }
  await expect(look()).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/version 1 is kept$/),
  })
  answer = { status: 404, etag: '', body: Buffer.alloc(0) }
  await expect(look()).rejects.toThrow(/answers with the status 404; version 1 is kept$/)
  answer = { status: 200, etag: '"3"', body: body(penguins.slice(0, 10).map(() => ({ Species: 1 }))) }
  expect(await look()).toMatchObject({
    state: 'created',
    version: { number: 2, schemaChange: { kind: 'breaking' } },
  })
  answer = { status: 200, etag: '"4"', body: body(penguins) }
  expect(await look()).toMatchObject({ state: 'created', version: { number: 3, rows: 344, parts: 1 } })
  answer = { status: 200, etag: '"1"', body: body(penguins.slice(0, 300)) }
  expect(await look()).toMatchObject({ state: 'created', version: { number: 4, rows: 300 } })
  const changes = await listChanges(context, { projectId: PROJECT_ID, dataset: 'penguins', limit: 10 })
  expect(changes.map(({ kind, version }) => [kind, version])).toEqual([
    ['changed', 4],
    ['changed', 3],
    ['changed', 2],
    ['failed', null],
    ['failed', null],
    ['changed', 1],
  ])
  expect(await context.db.read.selectFrom('dataset_part').selectAll().execute()).toHaveLength(3)
}, 30_000)
