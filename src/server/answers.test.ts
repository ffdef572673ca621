import { expect, it } from 'vitest'
import { openTestContext, PROJECT_ID } from '../../test/databases.ts'
import { recordDecision } from '../governance/governance.ts'
import type { DecisionKind } from '../governance/schema.ts'
import { createServerApp } from './server.ts'
import { serveUi } from './ui-files.ts'

it('An answer can’t be taken in by another site, nor guessed to be something else, whether it is data, a file or a refusal', async () => {
  await using context = await openTestContext()
  const app = createServerApp(context)
  const addresses = ['/api/v1/overview', '/api/v1/nothing', '/api/openapi.json', '/version', '/metrics']
  for (const path of [...addresses, '/api/2.0/mlflow/runs/get?run_id=x', '/get-artifact?run_uuid=x&path=y']) {
    const { headers } = await app.request(path)
    expect(headers.get('x-content-type-options'), path).toBe('nosniff')
    expect(headers.get('cross-origin-resource-policy'), path).toMatch(/^same-(site|origin)$/)
  }
})

it('A page of the UI stands in no frame of another site', async () => {
  const response = await serveUi('/runs')
  if (response.status === 404) return expect(await response.text()).toContain('not built')
  expect(response.headers.get('content-security-policy')).toContain("frame-ancestors 'self'")
  expect(response.headers.get('x-frame-options')).toBe('SAMEORIGIN')
})

it('Who reads events may hold a hundred streams, and one more when one is closed', async () => {
  await using context = await openTestContext()
  const app = createServerApp(context)
  const open = async (): Promise<Response> => await app.request('/api/v1/events')
  const streams = await Promise.all(Array.from({ length: 100 }, open))
  expect(streams.every(({ status }) => status === 200)).toBe(true)
  expect((await open()).status).toBe(503)
  await streams[0]!.body!.cancel()
  const another = await open()
  expect(another.status).toBe(200)
  await Promise.all([...streams.slice(1), another].map(({ body }) => body!.cancel()))
})

it('A body on a route that is open to all is read no further than 64 KiB, whatever length it says it has', async () => {
  await using context = await openTestContext()
  const app = createServerApp(context)
  const body = JSON.stringify({ name: 'ana', password: 'x'.repeat(100_000) })
  for (const length of [{}, { 'content-length': String(body.length) }, { 'content-length': '5' }]) {
    const headers = { 'content-type': 'application/json', ...length }
    const response = await app.request('/api/v1/sign-in', { method: 'POST', headers, body })
    expect(await response.json()).toMatchObject({
      error: { message: 'The body is larger than 65536 bytes' },
    })
  }
})

it('A whole number that would be rounded is refused, and one that is exact is taken, wherever it stands in a body', async () => {
  await using context = await openTestContext()
  const app = createServerApp(context)
  const send = async (rows: string): Promise<string> => {
    const headers = { 'content-type': 'application/json' }
    const body = `{"key":"k","rows":[${rows}]}`
    const response = await app.request('/api/v1/datasets/orders/rows', { method: 'POST', headers, body })
    expect(response.ok).toBe(false)
    return await response.text()
  }
  expect(await send('{"id":9007199254740993}')).toContain('id: 9007199254740993 is beyond')
  expect(await send('{"id":[1,{"deep":-9007199254740992}]}')).toContain('deep: -9007199254740992 is beyond')
  for (const exact of ['9007199254740991', '"9007199254740993"', '0.12345678901234567', '1e300'])
    expect(await send(`{"id":${exact}}`)).toContain('orders')
})

it('the stations of gates and triggers tell of the last that was decided, however much else was since', async () => {
  await using context = await openTestContext()
  const decide = (kind: DecisionKind, sentence: string) =>
    context.db.write((trx) =>
      recordDecision(trx, {
        projectId: PROJECT_ID,
        kind,
        subjectType: 'deployment',
        subjectId: 'late',
        verdict: 'passed',
        sentence,
        rule: '',
        numbers: {},
        inputs: {},
        atMs: 5,
      }),
    )
  await decide('gate', 'late/2 has met its gates')
  for (let i = 0; i < 70; i++) await decide('alert', `alert ${i}`)
  const answer = await createServerApp(context).request('/api/v1/overview')
  const { stations, happened } = (await answer.json()) as {
    stations: { gates: unknown; triggers: unknown }
    happened: unknown[]
  }
  expect(stations.gates).toMatchObject({ state: 'good', detail: 'late/2 has met its gates' })
  expect(stations.triggers).toMatchObject({ state: 'idle' })
  expect(happened).toHaveLength(30)
})

it('The station of training knows runs that no pipeline made', async () => {
  await using context = await openTestContext()
  const app = createServerApp(context)
  const training = async () =>
    ((await (await app.request('/api/v1/overview')).json()) as { stations: { training: unknown } }).stations
      .training
  expect(await training()).toMatchObject({ state: 'idle', word: 'no runs' })
  await app.request('/api/2.0/mlflow/runs/create', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ experiment_id: '0', start_time: 1 }),
  })
  expect(await training()).toMatchObject({ state: 'good', word: 'tracked', number: '1 run', href: '/runs' })
})
