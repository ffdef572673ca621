import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ensureProject } from '../../governance/governance.ts'
import { setRole } from '../../governance/grants.ts'
import { localOwner, type Actor, type Role } from '../../kernel/actor.ts'
import { createRun, removeExpiredUploads, signAccess } from '../../tracking/tracking.ts'
import { describeDatabases, type TestContext } from '../../../test/databases.ts'
import { userWithToken } from '../../../test/people.ts'
import { rangeOf } from './file-response.ts'
import { mlflowApp } from './mlflow.ts'

interface Created {
  upload_id: string
  credentials: { url: string; part_number: number }[]
}

function clientOf(context: TestContext) {
  const app = mlflowApp(context, (request) => {
    if (request.headers.get('authorization') === null)
      throw new Error('a signed address sends no credentials')
    return localOwner
  })
  const send = async (method: string, url: string, init: { body?: unknown; headers?: object } = {}) => {
    const bytes = typeof init.body === 'string'
    const response = await app.request(url.startsWith('http') ? url : `http://tidemill.test${url}`, {
      method,
      headers: {
        ...(!url.startsWith('http') && { authorization: 'Bearer x' }),
        ...(!bytes && init.body !== undefined && { 'content-type': 'application/json' }),
        ...init.headers,
      },
      ...(init.body !== undefined && { body: bytes ? (init.body as string) : JSON.stringify(init.body) }),
    })
    const text = await response.text()
    const json = (): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>
    return { status: response.status, headers: response.headers, text, json }
  }
  const mpu = (action: string, body: object, folder = '0/r/artifacts') =>
    send('POST', `/api/2.0/mlflow-artifacts/mpu/${action}/${folder}`, { body })
  const create = async (parts: number, path = '/home/me/model.bin', folder?: string): Promise<Created> => {
    const created = await mpu('create', { path, num_parts: parts }, folder)
    expect(created.status, created.text).toBe(200)
    return created.json() as unknown as Created
  }
  return { send, mpu, create }
}

async function putParts(client: ReturnType<typeof clientOf>, { credentials }: Created, contents: string[]) {
  const parts = []
  for (const [index, body] of contents.entries()) {
    const { url, part_number } = credentials[index]!
    const put = await client.send('PUT', url, { body })
    expect(put.status, put.text).toBe(200)
    parts.push({ part_number, etag: put.headers.get('etag'), url })
  }
  return parts
}

describeDatabases('uploads in parts', (open) => {
  it('become one artifact, whatever the order of the parts; a part that is sent again replaces itself', async () => {
    const context = await open()
    const client = clientOf(context)
    const created = await client.create(3)
    const [, second, third] = created.credentials
    expect(second!.url).toMatch(/^http:\/\/tidemill\.test\/api\/2\.0\/mlflow-artifacts\/signed\/parts\//)
    await client.send('PUT', third!.url, { body: 'third' })
    await client.send('PUT', second!.url, { body: 'wrong' })
    const parts = await putParts(client, created, ['one ', 'two ', 'three'])
    const complete = { path: 'model.bin', upload_id: created.upload_id, parts }
    expect(await client.mpu('complete', complete)).toMatchObject({ status: 200, text: '{}' })
    expect(await client.mpu('complete', complete)).toMatchObject({ status: 200 })
    const found = await client.send('GET', '/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/model.bin')
    expect(found.text).toBe('one two three')
    expect(readdirSync(join(context.config.dataDir, 'uploads'))).toEqual([])
    expect((await client.send('PUT', second!.url, { body: 'late' })).status).toBe(409)
  })

  it('change nothing while parts are missing, differ, or belong to another path', async () => {
    const context = await open()
    const client = clientOf(context)
    const created = await client.create(2)
    const [first] = await putParts(client, created, ['one'])
    const complete = async (parts: unknown[], path = 'model.bin') => {
      const body = { path, upload_id: created.upload_id, parts }
      return (await client.mpu('complete', body)).status
    }
    expect(await complete([first])).toBe(400)
    const [, second] = await putParts(client, created, ['one', 'two'])
    expect(await complete([first, { ...second, etag: '"0"' }])).toBe(400)
    expect(await complete([second, first])).toBe(400)
    expect(await complete([first, second, { ...second, part_number: 3 }])).toBe(400)
    expect(await complete([first, second], 'other.bin')).toBe(404)
    const list = await client.send('GET', '/api/2.0/mlflow-artifacts/artifacts?path=0/r/artifacts')
    expect(list.json()).toEqual({})
    expect(await complete([first, second])).toBe(200)
  })

  it('are refused for paths outside of the root and for absurd numbers of parts', async () => {
    const client = clientOf(await open())
    const create = (body: object, folder?: string) =>
      client.mpu('create', body, folder).then(({ status }) => status)
    expect(await create({ path: '..', num_parts: 1 })).toBe(400)
    expect(await create({ path: 'a', num_parts: 1 }, '0/%2e%2e%2f%2e%2e')).toBe(400)
    expect(await create({ path: 'a', num_parts: 1 }, '0/r%5c..%5c')).toBe(400)
    expect(await create({ path: 'a/' })).toBe(400)
    expect(await create({ path: 'a', num_parts: 0 })).toBe(400)
    expect(await create({ path: 'a', num_parts: 1_000_000 })).toBe(400)
    expect(await create({ num_parts: 1 })).toBe(400)
  })

  it('take parts only by addresses that are signed for them, and not for ever', async () => {
    const context = await open()
    await context.db.write((trx) => ensureProject(trx, { name: 'other', nowMs: 0 }))
    const client = clientOf(context)
    const created = await client.create(2)
    const { url } = created.credentials[0]!
    const put = async (changed: string) => (await client.send('PUT', changed, { body: 'x' })).status
    expect(await put(url.replace('/1?', '/2?'))).toBe(403)
    expect(await put(url.replace(/signature=.*/, 'signature='))).toBe(403)
    expect(await put(url.replace(/expires=\d+/, 'expires=99999999999999'))).toBe(403)
    expect(await put(url.replace('actor=owner', 'actor=someone'))).toBe(403)
    expect(await put(url.replace('/api/', '/p/other/api/'))).toBe(403)
    expect((await client.send('GET', url)).status).toBe(404)
    const path = `/mlflow-artifacts/signed/parts/${created.upload_id}/1`
    const access = { projectId: 'default', method: 'PUT', path, actorId: 'owner', expiresMs: 1 }
    const signature = await signAccess(context, access)
    expect(
      await put(`http://tidemill.test/api/2.0${path}?actor=owner&expires=1&signature=${signature}`),
    ).toBe(403)
    expect(await put(url)).toBe(200)
  })

  it('can be given up, twice, and are removed when their time is over', async () => {
    const context = await open()
    const client = clientOf(context)
    const created = await client.create(1)
    const parts = await putParts(client, created, ['one'])
    const body = { path: 'model.bin', upload_id: created.upload_id, parts }
    for (let time = 0; time < 2; time++) expect((await client.mpu('abort', body)).status).toBe(200)
    expect((await client.mpu('complete', body)).status).toBe(404)
    expect((await client.send('PUT', created.credentials[0]!.url, { body: 'x' })).status).toBe(404)

    const abandoned = await client.create(1)
    await putParts(client, abandoned, ['one'])
    await removeExpiredUploads(context)
    expect(readdirSync(join(context.config.dataDir, 'uploads'))).toEqual([abandoned.upload_id])
    await context.db.write((trx) => trx.updateTable('artifact_upload').set({ expires_ms: 1 }).execute())
    await removeExpiredUploads(context)
    expect(readdirSync(join(context.config.dataDir, 'uploads'))).toEqual([])
    expect(await context.db.read.selectFrom('artifact_upload_part').selectAll().execute()).toEqual([])
  })

  it('are addressed as the client sees the server, behind a proxy and below a project', async () => {
    const context = await open()
    await context.db.write((trx) => ensureProject(trx, { name: 'other', nowMs: 0 }))
    const client = clientOf(context)
    const created = await client.send('POST', '/p/other/api/2.0/mlflow-artifacts/mpu/create/0/r', {
      body: { path: 'a', num_parts: 1 },
      headers: { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'ml.example.com' },
    })
    const { url } = (created.json() as unknown as Created).credentials[0]!
    expect(url).toMatch(/^https:\/\/ml\.example\.com\/p\/other\/api\/2\.0\/mlflow-artifacts\/signed\/parts\//)
    expect((await client.send('PUT', url, { body: 'x' })).status).toBe(200)
  })
})

describeDatabases('signed addresses of files', (open) => {
  it('give ranges of a file, and take one', async () => {
    const context = await open()
    const client = clientOf(context)
    await client.send('PUT', '/api/2.0/mlflow-artifacts/artifacts/0/a b/ü.bin', { body: '0123456789' })
    const given = await client.send('GET', '/api/2.0/mlflow-artifacts/presigned/0/a b/ü.bin')
    expect(given.json()).toMatchObject({ file_size: 10, headers: {} })
    const { url } = given.json() as { url: string }
    expect((await client.send('GET', url)).text).toBe('0123456789')
    const range = await client.send('GET', url, { headers: { range: 'bytes=2-4' } })
    expect(range).toMatchObject({ status: 206, text: '234' })
    expect(range.headers.get('content-range')).toBe('bytes 2-4/10')
    expect((await client.send('PUT', url, { body: 'x' })).status).toBe(403)
    expect((await client.send('GET', '/api/2.0/mlflow-artifacts/presigned/0/none')).status).toBe(404)

    const run = await client.send('POST', '/api/2.0/mlflow/runs/create', { body: { experiment_id: '0' } })
    const { run_id } = (run.json() as { run: { info: { run_id: string } } }).run.info
    const upload = (path: string, more = {}) =>
      client.send('POST', '/api/2.0/mlflow/artifacts/presigned-upload-url', {
        body: { run_id, path, ...more },
      })
    const address = (await upload('deep/w.bin')).json() as { presigned_url: string }
    expect((await client.send('PUT', address.presigned_url, { body: 'weights' })).status).toBe(200)
    const file = await client.send('GET', `/get-artifact?run_uuid=${run_id}&path=deep/w.bin`)
    expect(file.text).toBe('weights')
    expect((await upload('../../x')).status).toBe(400)
    expect((await upload('x', { expiration: 0 })).status).toBe(400)
    expect((await upload('x', { model_id: 'm-1' })).status).toBe(400)
  })

  it('give no more than their actor has when they are used, and none to write to for a viewer', async () => {
    const context = await open()
    await userWithToken(context, 'ana', { default: 'contributor' })
    const ana = await context.db.read.selectFrom('user').selectAll().executeTakeFirstOrThrow()
    const roleOf = async (role: Role) =>
      await setRole(context, { projectId: 'default', actor: localOwner, type: 'user', name: 'ana', role })
    const { id: run_id } = await createRun(context, { projectId: 'default', actor: localOwner })
    const ask = async (role: Role): Promise<Response> => {
      const actor: Actor = { id: `user:${ana.id}`, kind: 'user', name: 'ana', grants: { default: role } }
      return await mlflowApp(context, () => actor).request(
        'http://tidemill.test/api/2.0/mlflow/artifacts/presigned-upload-url',
        {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ run_id, path: 'w.bin', expiration: 600_000 }),
        },
      )
    }
    expect((await ask('viewer')).status).toBe(403)
    const { presigned_url: url } = (await (await ask('contributor')).json()) as { presigned_url: string }
    const client = clientOf(context)
    expect((await client.send('PUT', url, { body: 'weights' })).status).toBe(200)
    await roleOf('viewer')
    expect((await client.send('PUT', url, { body: 'others' })).status).toBe(403)
    await roleOf('contributor')
    await context.db.write((trx) => trx.updateTable('user').set({ disabled_ms: 1 }).execute())
    expect((await client.send('PUT', url, { body: 'others' })).status).toBe(403)
    const file = await client.send('GET', `/get-artifact?run_uuid=${run_id}&path=w.bin`)
    expect(file.text).toBe('weights')
  })
})

it('reads a range as RFC 9110 says', () => {
  expect(rangeOf(null, 10)).toBeUndefined()
  expect(rangeOf('bytes=0-3', 10)).toEqual({ start: 0, end: 3 })
  expect(rangeOf('bytes=8-99', 10)).toEqual({ start: 8, end: 9 })
  expect(rangeOf('bytes=4-', 10)).toEqual({ start: 4, end: 9 })
  expect(rangeOf('bytes=-3', 10)).toEqual({ start: 7, end: 9 })
  expect(rangeOf('bytes=-30', 10)).toEqual({ start: 0, end: 9 })
  expect(rangeOf('bytes=10-', 10)).toBe('unsatisfiable')
  expect(rangeOf('bytes=-0', 10)).toBe('unsatisfiable')
  expect(rangeOf('bytes=5-2', 10)).toBeUndefined()
  expect(rangeOf('bytes=0-1,3-4', 10)).toBeUndefined()
  expect(rangeOf('lines=0-1', 10)).toBeUndefined()
})
