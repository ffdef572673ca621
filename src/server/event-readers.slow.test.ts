import { expect, it } from 'vitest'
import { openTestContext, PROJECT_ID, TEST_TIME_MS } from '../../test/databases.ts'
import { appendEvent } from '../jobs/events.ts'
import { streamEvents } from './events-stream.ts'

it('A reader of events that does not read is let go, so that what waits for it stays bounded', async () => {
  await using context = await openTestContext()
  const { promise: letGo, resolve: ended } = Promise.withResolvers<void>()
  const request = new Request('http://localhost/api/v1/events')
  const reader = { projectId: PROJECT_ID, holds: () => Promise.resolve(), ended }
  const response = await streamEvents(context, request, reader)
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
  await letGo
  const text = await response.text()
  const events = text.match(/^event: run\.changed$/gm)?.length ?? 0
  expect(events).toBeGreaterThan(4_000)
  expect(events).toBeLessThan(7_000)
}, 40_000)
