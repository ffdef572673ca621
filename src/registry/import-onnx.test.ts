import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createApp } from '../http/app.ts'
import { localOwner } from '../kernel/actor.ts'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import { routes } from './routes.ts'

const fixture = (name: string): string => join(import.meta.dirname, '../model-files/fixtures', name)

describeDatabases('importing over REST', (open) => {
  it('takes a file as it is, in one stream, and the golden batch beside it', async () => {
    const context = await open()
    const small = { ...context, config: { ...context.config, maxUploadBytes: 100_000 } }
    const app = createApp({
      context: small,
      routes,
      authenticate: async () => localOwner,
      resolveProject: async (name) => name ?? PROJECT_ID,
    })
    const post = async (path: string, body: string | Uint8Array) => {
      const response = await app.request(path, { method: 'POST', body })
      return { status: response.status, body: (await response.json()) as Record<string, unknown> }
    }
    const upload = async (name: string): Promise<unknown> =>
      (await post('/api/v1/uploads', readFileSync(fixture(name)))).body['upload']
    const onnx = await upload('lightgbm.onnx')
    const request = { upload: onnx, source: 'lightgbm.onnx' }
    const versions = '/api/v1/models/churn/versions'
    const wrong = { upload: await upload('sklearn-words.json'), format: 'json' }
    expect(await post(versions, JSON.stringify({ ...request, golden: wrong }))).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('no input "input"') as string } },
    })
    const right = { upload: await upload('lightgbm.json'), format: 'json' }
    const imported = await post(versions, JSON.stringify({ ...request, golden: right }))
    expect(imported).toMatchObject({
      status: 200,
      body: { version: 1, created: true, report: { golden: { rows: 6 } } },
    })
    expect((await post(versions, JSON.stringify(request))).body).toMatchObject({ version: 1, created: false })
    const other = await post('/p/other/api/v1/models/churn/versions', JSON.stringify(request))
    expect(other.status).toBe(404)
    expect((await post('/api/v1/uploads', new Uint8Array(100_001))).body).toMatchObject({
      error: { code: 'invalid', message: expect.stringContaining('maxUploadBytes') as string },
    })
    expect((await post('/api/v1/uploads', '')).status).toBe(400)
    const detail = await app.request('/api/v1/models/churn/versions/1')
    expect(await detail.json()).toMatchObject({ importReport: { changes: expect.any(Array) as string[] } })
  })
})
