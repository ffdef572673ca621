import { expect, test } from 'vitest'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import type { Db, Trx } from '../ports/db/db.ts'
import { consume, appendEvent, type Consumer } from './events.ts'
import { enqueue, fence, type JobHandler } from './jobs.ts'
import { JobRunner } from './runner.ts'
import { EventDispatcher } from './dispatcher.ts'
import { claimJobs, countPendingJobs, listCursors, listEventsAfter, START, updateHeldJob } from './store.ts'

const job = { projectId: PROJECT_ID, kind: 'test.echo', payload: { text: 'hello' } }

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 3_000; tries++) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('the condition did not come true in half a minute')
}

/** Claims one job for a second, as at a moment. */
function claimerOf(db: Db) {
  return (nowMs: number) =>
    db.write((trx) =>
      claimJobs(trx, db.dialect, { worker: 'w', slot: 'work', limit: 1, leaseMs: 1000, nowMs }),
    )
}

describeDatabases('the queue', (open) => {
  test('a unique key admits one job', async () => {
    const { db } = await open()
    const first = await db.write((trx) => enqueue(trx, { ...job, uniqueKey: 'once' }))
    const second = await db.write((trx) => enqueue(trx, { ...job, uniqueKey: 'once' }))
    expect(first).toBeTypeOf('string')
    expect(second).toBeUndefined()
  })

  test('a job is claimed by one worker only', async () => {
    const { db } = await open()
    await db.write(async (trx) => {
      for (let count = 0; count < 20; count++) await enqueue(trx, job)
    })
    const claims = await Promise.all(
      ['a', 'b', 'c'].map((worker) =>
        db.write(async (trx) =>
          claimJobs(trx, db.dialect, {
            worker,
            slot: 'work',
            limit: 10,
            leaseMs: 1000,
            nowMs: await db.wallTime(trx),
          }),
        ),
      ),
    )
    const ids = claims.flat().map((row) => row.id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.length).toBe(20)
  })

  test('a result that comes after the lease was lost is refused', async () => {
    const { db } = await open()
    await db.write((trx) => enqueue(trx, job))
    const claim = claimerOf(db)
    const now = await db.wallTime()
    const [zombie] = await claim(now + 10)
    const [heir] = await claim(now + 5000)
    expect(heir!.attempt).toBe(zombie!.attempt + 1)
    await expect(db.write((trx) => fence(trx, zombie!))).rejects.toMatchObject({ code: 'conflict' })
    expect(await db.write((trx) => updateHeldJob(trx, zombie!, { state: 'done' }))).toBe(false)
    expect(await db.write((trx) => updateHeldJob(trx, heir!, { state: 'done' }))).toBe(true)
  })

  test('nobody claims a job whose lease has run out while its result is being committed', async () => {
    const { db } = await open()
    await db.write((trx) => enqueue(trx, job))
    const claim = claimerOf(db)
    const now = await db.wallTime()
    const [held] = await claim(now + 10)
    const claims: Promise<unknown[]>[] = []
    await db.write(async (trx) => {
      await fence(trx, held!)
      claims.push(claim(now + 5000))
      // On PostgreSQL the claim does not wait for this transaction; on SQLite it can't begin before it has ended.
      if (db.dialect === 'postgres') expect(await claims[0]).toEqual([])
      expect(await updateHeldJob(trx, held!, { state: 'done' })).toBe(true)
    })
    expect(await claims[0]).toEqual([])
  })

  test('a handler that throws is tried again and then the job has failed', async () => {
    const context = await open()
    let calls = 0
    const handler: JobHandler = {
      kind: 'test.echo',
      async run() {
        calls += 1
        throw new Error(`failure ${calls}`)
      },
    }
    await context.db.write((trx) => enqueue(trx, { ...job, maxAttempts: 2 }))
    await using runner = new JobRunner(context, [handler], {
      worker: 'w',
      slots: { work: 1, pipeline: 1, delivery: 1 },
    })
    await runner.start()
    await until(async () => (await countPendingJobs(context.db.read)) === 0)
    const row = await context.db.read.selectFrom('job').selectAll().executeTakeFirstOrThrow()
    expect(row).toMatchObject({ state: 'failed', failures: 2, error: 'failure 2' })
    expect(calls).toBe(2)
  })

  test('a worker that starts again under its name takes back what it held', async () => {
    const context = await open()
    await context.db.write((trx) => enqueue(trx, job))
    const now = await context.db.wallTime()
    await context.db.write((trx) =>
      claimJobs(trx, context.db.dialect, {
        worker: 'w',
        slot: 'work',
        limit: 1,
        leaseMs: 3_600_000,
        nowMs: now + 1,
      }),
    )
    const seen: number[] = []
    const handler: JobHandler = { kind: 'test.echo', run: async (_, { attempt }) => void seen.push(attempt) }
    await using runner = new JobRunner(context, [handler], {
      worker: 'w',
      slots: { work: 1, pipeline: 1, delivery: 1 },
    })
    await runner.start()
    await until(() => seen.length === 1)
    expect(seen).toEqual([2])
  })
})

describeDatabases('events', (open) => {
  test('a worker that stops while it claims runs nothing any more, and gives back what it claimed', async () => {
    const context = await open()
    const { db } = context
    let started = 0
    const handler: JobHandler = { kind: 'test.echo', run: async () => void started++ }
    const options = { worker: 'w', slots: { work: 4, pipeline: 1, delivery: 1 } }
    for (let round = 0; round < 10; round++) {
      const runner = new JobRunner(context, [handler], options)
      await runner.start()
      const claiming = db.write((trx) => enqueue(trx, job)).then(() => runner.wake())
      for (let turn = 0; turn < round; turn++) await new Promise((resolve) => setImmediate(resolve))
      await Promise.all([claiming, runner[Symbol.asyncDispose]()])
      const before = started
      const active = await db.read.selectFrom('job').select('id').where('state', '=', 'active').execute()
      expect(active).toEqual([])
      await new Promise((resolve) => setTimeout(resolve, 5))
      expect(started).toBe(before)
    }
  })

  test('a consumer handles each event of its kinds once and in order', async () => {
    const context = await open()
    const runIds = ['1', '2', '3']
    for (const runId of runIds) {
      await context.db.write(async (trx) => {
        await appendEvent(trx, { projectId: PROJECT_ID, kind: 'run.changed', payload: { runId }, atMs: 1 })
        await appendEvent(trx, {
          projectId: PROJECT_ID,
          kind: 'segment.closed',
          payload: { segmentId: runId },
          atMs: 1,
        })
      })
    }
    const seen: string[] = []
    const consumer: Consumer = {
      name: 'test',
      kinds: ['run.changed'],
      handle: async (_, __, event) => void seen.push((event.payload as { runId: string }).runId),
    }
    await Promise.all([consume(context, consumer), consume(context, consumer)])
    await until(async () => (await consume(context, consumer)) === 0 && seen.length >= runIds.length)
    expect(seen).toEqual(runIds)
  })

  test('when a consumer throws, neither its effects nor its cursor are kept', async () => {
    const context = await open()
    await context.db.write((trx) =>
      appendEvent(trx, { projectId: PROJECT_ID, kind: 'run.changed', payload: { runId: '1' }, atMs: 1 }),
    )
    let broken = true
    const consumer: Consumer = {
      name: 'test',
      kinds: ['run.changed'],
      async handle(_, trx) {
        await enqueue(trx, job)
        if (broken) throw new Error('broken')
      },
    }
    await expect(until(async () => (await consume(context, consumer)) > 0)).rejects.toThrow('broken')
    expect(await countPendingJobs(context.db.read)).toBe(0)
    broken = false
    await until(async () => (await consume(context, consumer)) > 0)
    expect(await countPendingJobs(context.db.read)).toBe(1)
    expect(await consume(context, consumer)).toBe(0)
  })

  test('an event that commits late is not skipped', async () => {
    const { db } = await open()
    if (db.dialect === 'sqlite') return
    const written = Promise.withResolvers<void>()
    const held = Promise.withResolvers<void>()
    const slow = db.write(async (trx) => {
      await appendEvent(trx, {
        projectId: PROJECT_ID,
        kind: 'run.changed',
        payload: { runId: 'early' },
        atMs: 1,
      })
      written.resolve()
      await held.promise
    })
    await written.promise
    await db.write((trx) =>
      appendEvent(trx, { projectId: PROJECT_ID, kind: 'run.changed', payload: { runId: 'late' }, atMs: 1 }),
    )
    expect(await listEventsAfter(db.read, db.dialect, { after: START, limit: 10 })).toEqual([])
    held.resolve()
    await slow
    expect((await listEventsAfter(db.read, db.dialect, { after: START, limit: 10 })).length).toBe(2)
  })

  test('an event whose number was drawn first and whose transaction ends last is handled', async () => {
    const context = await open()
    const { db } = context
    if (db.dialect === 'sqlite') return
    const seen: string[] = []
    const consumer: Consumer = {
      name: 'test',
      kinds: ['run.changed'],
      handle: async (_, __, event) => void seen.push((event.payload as { runId: string }).runId),
    }
    const append = (trx: Trx, runId: string) =>
      appendEvent(trx, { projectId: PROJECT_ID, kind: 'run.changed', payload: { runId }, atMs: 1 })
    const firstDrawn = Promise.withResolvers<void>()
    const secondCommitted = Promise.withResolvers<void>()
    const started = Promise.withResolvers<void>()
    const second = db.write(async (trx) => {
      // The older transaction, which draws the later number.
      await enqueue(trx, job)
      started.resolve()
      await firstDrawn.promise
      await append(trx, 'second')
    })
    await started.promise
    const first = db.write(async (trx) => {
      await append(trx, 'first')
      firstDrawn.resolve()
      await secondCommitted.promise
    })
    await second
    await until(async () => (await consume(context, consumer)) > 0)
    expect(seen).toEqual(['second'])
    secondCommitted.resolve()
    await first
    await until(async () => (await consume(context, consumer)) > 0)
    expect(seen).toEqual(['second', 'first'])
  })

  test('the dispatcher passes events that a consumer does not want, and its cursor follows them', async () => {
    const context = await open()
    const { db } = context
    const append = (kind: 'run.changed' | 'segment.closed') =>
      db.write((trx) =>
        kind === 'run.changed'
          ? appendEvent(trx, { projectId: PROJECT_ID, kind, payload: { runId: '1' }, atMs: 1 })
          : appendEvent(trx, {
              projectId: PROJECT_ID,
              kind: 'segment.closed',
              payload: { segmentId: '1' },
              atMs: 1,
            }),
      )
    const seen: number[] = []
    const broken: number[] = []
    const dispatcher = new EventDispatcher(context, [
      { name: 'wants', kinds: ['segment.closed'], handle: async (_, __, { seq }) => void seen.push(seq) },
      { name: 'other', kinds: ['model.alias_set'], handle: async () => {} },
      {
        name: 'broken',
        kinds: ['run.changed'],
        async handle(_, __, { seq }) {
          broken.push(seq)
          throw new Error('broken')
        },
      },
    ])
    dispatcher.start()
    for (let count = 0; count < 300; count++) await append('run.changed')
    await append('segment.closed')
    await until(() => seen.length === 1 && broken.length >= 2)
    await dispatcher[Symbol.asyncDispose]()
    const cursors = await listCursors(db.read)
    expect(cursors.get('wants')!.seq).toBe(seen[0])
    expect(cursors.get('other')!.seq).toBe(seen[0])
    expect(cursors.get('broken')?.seq ?? 0).toBeLessThan(broken[0]!)
    expect(new Set(broken).size).toBe(1)
  })
})
