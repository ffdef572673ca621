import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { systemClock } from '../../src/kernel/clock.ts'
import { startServer } from '../../src/server/server.ts'
import { startWorker } from '../../src/worker/worker.ts'
import { openTestContext } from '../databases.ts'
import { ensureEnvironment } from './environments.ts'

const run = promisify(execFile)
const scripts = join(import.meta.dirname, 'mlflow')

/** Keeps what is posted to it, and shows it to whoever asks. */
async function startReceiver() {
  const posts: { headers: IncomingHttpHeaders; body: string }[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request as AsyncIterable<Buffer>) body += chunk.toString()
    if (request.method === 'POST') posts.push({ headers: request.headers, body })
    response.end(request.method === 'POST' ? 'thanks' : posts.map((post) => post.body).join('\n'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
  }
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  return { url, posts, [Symbol.asyncDispose]: close }
}

it('MLflow’s client makes, lists, changes, tests and deletes webhooks, and can verify what they deliver', async () => {
  const python = await ensureEnvironment('mlflow', join(scripts, 'requirements.txt'))
  await using opened = await openTestContext()
  const context = {
    ...opened,
    clock: systemClock,
    config: { ...opened.config, webhookPrivateAddresses: true },
  }
  await using server = await startServer(context)
  await using _worker = await startWorker(context)
  await using receiver = await startReceiver()
  const environment = {
    ...process.env,
    MLFLOW_TRACKING_URI: server.url,
    RECEIVER: receiver.url,
    MLFLOW_HTTP_REQUEST_MAX_RETRIES: '2',
  }
  const { stdout } = await run(python, [join(scripts, 'webhooks.py')], { env: environment, timeout: 120_000 })
  expect(stdout.trim().split('\n').at(-1)).toBe('ok')
  const { headers, body } = receiver.posts.at(-1)!
  const verify = `import sys; from mlflow.webhooks.delivery import _generate_hmac_signature as sign; print(sign(*sys.argv[1:]))`
  const signed = [headers['x-mlflow-delivery-id'], headers['x-mlflow-timestamp'], body] as string[]
  const expected = await run(python, ['-c', verify, 'secret', ...signed], { timeout: 120_000 })
  expect(headers['x-mlflow-signature']).toBe(expected.stdout.trim())
})
