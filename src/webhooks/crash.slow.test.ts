import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { openTestContext, PROJECT_ID } from '../../test/databases.ts'
import { appendEvent, consume } from '../jobs/events.ts'
import { localOwner } from '../kernel/actor.ts'
import { webhookConsumer } from './consumers.ts'
import { createWebhook, listDeliveries } from './webhooks.ts'

const OWNER = { projectId: PROJECT_ID, actor: localOwner }

/** A process that delivers, and nothing else. */
const WORKER = `
import { JobRunner } from '${new URL('../jobs/runner.ts', import.meta.url).href}'
import { loadConfig } from '${new URL('../kernel/config.ts', import.meta.url).href}'
import { openContext } from '${new URL('../http/open-context.ts', import.meta.url).href}'
import { webhookJobs } from '${new URL('./jobs.ts', import.meta.url).href}'
const dataDir = process.argv[1]
const context = await openContext(loadConfig(dataDir, {}, { dataDir, webhookPrivateAddresses: true, logLevel: 'silent' }), 'worker')
await new JobRunner(context, webhookJobs, { worker: 'w', slots: { work: 0, pipeline: 0, delivery: 4 } }).start()
`

test('a delivery whose worker is killed while it is on its way is sent again by the next, under the same id', async () => {
  await using opened = await openTestContext()
  const context = { ...opened, config: { ...opened.config, webhookPrivateAddresses: true } }
  const start = () =>
    spawn(process.execPath, ['--input-type=module', '-e', WORKER, context.config.dataDir], {
      stdio: 'inherit',
    })
  const ids: string[] = []
  let worker = start()
  const server = createServer((request, response) => {
    ids.push(request.headers['x-mlflow-delivery-id'] as string)
    // The first is taken, but the worker dies before it hears so.
    if (ids.length === 1) worker.kill('SIGKILL')
    else response.end('thanks')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const { id } = await createWebhook(context, { ...OWNER, name: 'hook', url, events: ['model.created'] })
  await context.db.write((trx) =>
    appendEvent(trx, { projectId: PROJECT_ID, kind: 'model.created', payload: { model: 'late' }, atMs: 0 }),
  )
  await consume(context, webhookConsumer)
  await once(worker, 'exit')
  worker = start()
  for (let tries = 0; tries < 600 && ids.length < 2; tries++)
    await new Promise((resolve) => setTimeout(resolve, 50))
  expect(ids).toHaveLength(2)
  expect(new Set(ids).size).toBe(1)
  for (let tries = 0; tries < 600; tries++) {
    const { deliveries } = await listDeliveries(context, { ...OWNER, webhookId: id, limit: 1 })
    if (deliveries[0]!.state === 'delivered') break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const { deliveries } = await listDeliveries(context, { ...OWNER, webhookId: id, limit: 1 })
  expect(deliveries[0]).toMatchObject({
    id: ids[0],
    state: 'delivered',
    attempts: [{ number: 2, status: 200 }],
  })
  worker.kill('SIGKILL')
  await once(worker, 'exit')
  server.closeAllConnections()
  server.close()
}, 60_000)
