import { consume, type Consumer } from '../src/jobs/events.ts'
import type { JobHandler } from '../src/jobs/jobs.ts'
import type { TestContext } from './databases.ts'

/** Lets consumers and jobs go on in this process until nothing is left to do. Each job runs twice, as after a crash. */
export async function workOff(
  context: TestContext,
  { consumers, jobs }: { consumers: readonly Consumer[]; jobs: readonly JobHandler[] },
): Promise<void> {
  for (let round = 0; round < 1000; round++) {
    let moved = 0
    for (const consumer of consumers) moved += await consume(context, consumer)
    moved += await runReady(context, jobs)
    if (moved === 0) return
  }
  throw new Error('there is still work after a thousand rounds')
}

async function runReady(context: TestContext, handlers: readonly JobHandler[]): Promise<number> {
  const kinds = handlers.map(({ kind }) => kind)
  const ready = await context.db.write((trx) =>
    trx
      .updateTable('job')
      .set((eb) => ({ state: 'active' as const, attempt: eb('attempt', '+', 1) }))
      .where('state', '=', 'ready')
      .where('kind', 'in', kinds)
      .returningAll()
      .execute(),
  )
  for (const row of ready.sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const handler = handlers.find(({ kind }) => kind === row.kind)!
    const job = {
      id: row.id,
      projectId: row.project_id,
      kind: row.kind,
      payload: JSON.parse(row.payload_json),
      attempt: row.attempt,
      lastAttempt: row.attempt >= row.max_attempts,
      signal: AbortSignal.timeout(60_000),
    }
    await handler.run(context, job)
    await handler.run(context, job)
    await context.db.write((trx) =>
      trx.updateTable('job').set({ state: 'done' }).where('id', '=', row.id).execute(),
    )
  }
  return ready.length
}
