import { setTimeout as wait } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { openTestContext, PROJECT_ID, TEST_TIME_MS } from '../../test/databases.ts'
import { appendEvent } from '../jobs/events.ts'
import { createServerApp } from './server.ts'

it('A reader of events that does not read is let go, so that what waits for it stays bounded', async () => {
  await using context = await openTestContext()
  const response = await createServerApp(context).request('/api/v1/events')
  for (let piece = 0; piece < 14; piece++)
    await context.db.write(async (trx) => {
      for (let at = 0; at < 500; at++)
        await appendEvent(trx, {
          projectId: PROJECT_ID,
          kind: 'run.changed',
          payload: { runId: `r${piece}-${at}` },
          atMs: TEST_TIME_MS,
        })
    })
  await wait(8_000)
  const text = await response.text()
  const events = text.match(/^event: run\.changed$/gm)?.length ?? 0
  expect(events).toBeGreaterThan(4_000)
  expect(events).toBeLessThan(7_000)
}, 40_000)
