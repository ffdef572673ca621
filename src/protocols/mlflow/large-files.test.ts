import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createAdaptorServer } from '@hono/node-server'
import { expect, it } from 'vitest'
import { localOwner } from '../../kernel/actor.ts'
import { openTestContext, type TestContext } from '../../../test/databases.ts'
import { mlflowApp } from './mlflow.ts'

/** More than is read in one piece, and no multiple of any piece. */
const BYTES = Buffer.alloc(24 * 1024 * 1024 + 12_345, 'the tide turns and ')
const SHA256 = createHash('sha256').update(BYTES).digest('hex')
const PATH = 'api/2.0/mlflow-artifacts/artifacts/0/r/artifacts'

/** MLflow's API on a socket, as clients reach it. */
async function serve(change: (context: TestContext) => Partial<TestContext> = () => ({})) {
  await using opened = new AsyncDisposableStack()
  const context = opened.use(await openTestContext())
  const app = mlflowApp({ ...context, ...change(context) }, () => localOwner)
  const server = createAdaptorServer({ fetch: app.fetch })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  opened.defer(() => void server.close())
  const kept = opened.move()
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    incoming: () => readdirSync(join(context.config.dataDir, 'artifacts/incoming')),
    [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose](),
  }
}

it.each([
  ['with its length', '/', true],
  ['in chunks, as the body of a form without a length', '/', false],
  ['at an address that begins with two slashes', '//', true],
])('A large file arrives %s and comes back as it was, whole and in ranges', async (_, slash, sized) => {
  await using served = await serve()
  const address = `${served.url}${slash}${PATH}/model.bin`
  const body = sized ? BYTES : ReadableStream.from([BYTES.subarray(0, 5_000_000), BYTES.subarray(5_000_000)])
  const put = await fetch(address, { method: 'PUT', body, ...(!sized && { duplex: 'half' }) })
  expect(put.status, await put.text()).toBe(200)
  const whole = await fetch(`${served.url}/${PATH}/model.bin`)
  expect(whole.headers.get('etag')).toBe(`"${SHA256}"`)
  expect(whole.headers.get('content-length')).toBe(String(BYTES.byteLength))
  const got = Buffer.from(await whole.arrayBuffer())
  expect(createHash('sha256').update(got).digest('hex')).toBe(SHA256)
  const range = { range: 'bytes=1000000-2500000' }
  const part = await fetch(`${served.url}/${PATH}/model.bin`, { headers: range })
  expect(part.status).toBe(206)
  expect(Buffer.from(await part.arrayBuffer()).equals(BYTES.subarray(1_000_000, 2_500_001))).toBe(true)
  const head = await fetch(`${served.url}/${PATH}/model.bin`, { method: 'HEAD' })
  expect(head.headers.get('content-length')).toBe(String(BYTES.byteLength))
  expect(served.incoming()).toEqual([])
})

it('Nothing stays of a file whose connection is cut on the way', async () => {
  await using served = await serve()
  const sent = request(`${served.url}/${PATH}/model.bin`, {
    method: 'PUT',
    headers: { 'content-length': BYTES.byteLength },
  })
  sent.on('error', () => undefined)
  sent.write(BYTES.subarray(0, 10_000_000))
  await expect.poll(() => served.incoming().length, { timeout: 30_000 }).toBe(1)
  sent.destroy()
  await expect.poll(() => served.incoming().length, { timeout: 30_000 }).toBe(0)
  expect((await fetch(`${served.url}/${PATH}/model.bin`)).status).toBe(404)
})

it('A client whose file fills the disk is told so while it still sends', async () => {
  await using served = await serve(({ artifacts }) => ({
    artifacts: {
      ...artifacts,
      // What the file system throws.
      putStream: (chunks) =>
        artifacts.putStream(
          (async function* () {
            yield* firstOf(chunks)
            throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
          })(),
        ),
    },
  }))
  const sent = request(`${served.url}/${PATH}/model.bin`, {
    method: 'PUT',
    headers: { 'content-length': BYTES.byteLength },
  })
  sent.on('error', () => undefined)
  sent.write(BYTES.subarray(0, 10_000_000))
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  expect(answer.statusCode).toBe(503)
  const text = Buffer.concat(await answer.toArray()).toString()
  expect(JSON.parse(text)).toMatchObject({ error_code: 'TEMPORARILY_UNAVAILABLE' })
  expect(text).toContain('The disk is full')
  sent.destroy()
  expect(served.incoming()).toEqual([])
})

async function* firstOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk
    return
  }
}
