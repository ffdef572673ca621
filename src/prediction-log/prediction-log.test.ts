import { copyFileSync, readdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, TEST_TIME_MS, type TestContext } from '../../test/databases.ts'
import type { Trx } from '../ports/db/db.ts'
import { type RouteHeader, writeRow } from './prediction-rows.ts'
import { PredictionLog } from './open-segments.ts'
import { FeedbackLog, toStoredFeedback } from './feedback-log.ts'
import { recordExternal } from './external.ts'
import { jobs } from './jobs.ts'
import { feedbackSchema, type Feedback } from './schema.ts'
import { feedbackScan, labelledScan, predictionScan } from './scan.ts'
import { FRAME } from './segment.ts'
import { registerSegment, Spool } from './spool.ts'
import { findSegment } from './store.ts'

const route: RouteHeader = {
  projectId: PROJECT_ID,
  deployment: 'late',
  model: 'late',
  version: 1,
  modelVersionId: 'late-1',
  variant: 'stable',
  rolloutId: null,
  generation: 1,
  stage: null,
  policyVersion: 1,
  schemaHash: 'h',
  codeHash: null,
  layoutSha256: null,
  features: [
    { name: 'hour', kind: 'number', width: 1 },
    { name: 'carrier', kind: 'category', width: 1 },
  ],
  outputs: [{ name: 'probabilities', datatype: 'FP32', width: 2 }],
}

const window = { projectId: PROJECT_ID, fromMs: 0, toMs: TEST_TIME_MS + 1e9 }

function append(log: PredictionLog, rows: number, batch: number | string = 0, header = route): void {
  const times = { fromMs: TEST_TIME_MS, toMs: TEST_TIME_MS + rows }
  const logged = log.append(PROJECT_ID, { rows, ...times }, (group, routeOf) => {
    const number = routeOf(header)
    const writer = group.begin(FRAME.predictions)
    writer.u32(rows)
    for (let i = 0; i < rows; i++) {
      const id = `p-${header.variant}-${batch}-${i}`
      const own = {
        predictionId: id,
        requestId: `r-${batch}-${i}`,
        rowIndex: 0,
        timeMs: TEST_TIME_MS + i,
        unit: null,
        bucket: -1,
        entityKey: i % 2 ? 'ATL' : null,
        latencyUs: 100,
        queueUs: 10,
        batchSize: rows,
        status: 'ok' as const,
        violations: null,
        caller: null,
        traceId: null,
        pairId: header.variant === 'shadow' ? `p-stable-${batch}-${i}` : null,
        featureAges: null,
        request: null,
        score: i / rows,
        decision: 'true',
      }
      writeRow(writer, number, header, own, [[i % 3 ? i : null], ['AA']], [[0.25, 0.75]], 0)
    }
    group.end()
  })
  expect(logged).toBe(true)
}

function open(context: TestContext) {
  const spool = new Spool(context)
  const log = new PredictionLog(spool, context.ids)
  const feedback = new FeedbackLog(spool, context.ids)
  const send = async (...items: Feedback[]): Promise<void> =>
    feedback.append(
      PROJECT_ID,
      items.map((item) => toStoredFeedback(context, feedbackSchema.parse(item))),
    )
  return { spool, log, feedback, send }
}

/** Runs the roll jobs that wait, as a worker does. */
async function roll(context: TestContext): Promise<string[]> {
  const waiting = await context.db.write((trx) =>
    trx
      .updateTable('job')
      .set({ state: 'active', attempt: 1 })
      .where('kind', '=', 'serving.roll')
      .where('state', '=', 'ready')
      .returningAll()
      .execute(),
  )
  for (const { id, payload_json, project_id } of waiting) {
    const payload = JSON.parse(payload_json) as { segmentId: string }
    const job = { id, projectId: project_id, kind: 'serving.roll', payload, attempt: 1, lastAttempt: false }
    await jobs[0]!.run(context, { ...job, signal: AbortSignal.timeout(60_000) })
    await jobs[0]!.run(context, { ...job, signal: AbortSignal.timeout(60_000) })
  }
  return waiting.map(({ payload_json }) => (JSON.parse(payload_json) as { segmentId: string }).segmentId)
}

describeDatabases('rolling segments', (openContext) => {
  it('registers a segment that is closed at any moment of the end of another one, and takes feedback then', async () => {
    const context = await openContext()
    for (let turns = 0; turns < 12; turns++) {
      const ids = [`first ${turns}`, `second ${turns}`]
      const later = async (act: () => void): Promise<void> => {
        for (let turn = 0; turn < turns; turn++) await Promise.resolve()
        act()
      }
      const db = {
        ...context.db,
        async write<Result>(work: (trx: Trx) => Promise<Result>): Promise<Result> {
          const result = await context.db.write(work)
          if (ids.length > 0) void later(() => closeOne())
          return result
        },
      }
      const { spool, log, feedback } = open({ ...context, db })
      const closeOne = (): void => {
        const batch = ids.shift()
        if (batch === undefined) return
        append(log, 1, batch)
        log.closeAll()
      }
      closeOne()
      await spool.drained()
      await new Promise((resolve) => setImmediate(resolve))
      await spool.drained()
      expect([spool.pending, ids]).toEqual([0, []])
      const item = toStoredFeedback(context, feedbackSchema.parse({ prediction_id: 'p', label: 1 }))
      await feedback.append(PROJECT_ID, [item])
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      await feedback.append(PROJECT_ID, [item])
      await feedback[Symbol.asyncDispose]()
      await spool.drained()
    }
  })

  it('makes typed Parquet columns of the rows, once, and tells so in an event', async () => {
    const context = await openContext()
    const { spool, log } = open(context)
    append(log, 10)
    log.closeAll()
    await spool.drained()
    const [segmentId] = await roll(context)
    const rows = await context.analytics.query(
      `SELECT * FROM ${await predictionScan(context, { ...window, deployment: 'late' })} ORDER BY time_ms`,
    )
    expect(rows).toHaveLength(10)
    expect(rows[3]).toMatchObject({
      prediction_id: 'p-stable-0-3',
      time_ms: TEST_TIME_MS + 3,
      deployment: 'late',
      f_hour: null,
      f_carrier: 'AA',
      output: '{"probabilities":[0.25,0.75]}',
      score: 0.3,
      bucket: null,
      segment_id: segmentId,
    })
    const events = await context.db.read.selectFrom('event').select('kind').orderBy('seq').execute()
    expect(events.map(({ kind }) => kind)).toEqual(['segment.closed', 'segment.rolled'])
  })

  it('registers a segment once, also when the answer of the first time was lost', async () => {
    const context = await openContext()
    const { spool, log } = open(context)
    append(log, 1)
    const path = spool.pathOf(readdirSync(spool.folder)[0]!.replace('.seg', ''))
    const copy = `${path}.copy`
    copyFileSync(path, copy)
    log.closeAll()
    await spool.drained()
    const { segment_id: segmentId } = await context.db.read
      .selectFrom('log_segment')
      .selectAll()
      .executeTakeFirstOrThrow()
    const header = {
      format: 1,
      segmentId,
      gatewayId: 'gateway-1',
      projectId: PROJECT_ID,
      kind: 'prediction',
    } as const
    await registerSegment(context, { header, path: copy, rows: 1, fromMs: 0, toMs: 1, deployments: ['late'] })
    expect(await context.db.read.selectFrom('job').selectAll().execute()).toHaveLength(1)
    expect((await findSegment(context.db.read, segmentId))?.rows).toBe(1)
  })

  it('recovers what a killed process left in its spool', async () => {
    const context = await openContext()
    const { log } = open(context)
    append(log, 5)
    append(log, 5, 1)
    // The process is gone: nothing was closed. The next one finds the file.
    const spool = new Spool(context)
    expect(spool.recover()).toEqual({ segments: 1, rows: 10 })
    await spool.drained()
    await roll(context)
    const [count] = await context.analytics.query(
      `SELECT count(*) AS n FROM ${await predictionScan(context, window)}`,
    )
    expect(count?.['n']).toBe(10)
  })

  it('joins the latest label to predictions and to their shadows; feedback sent twice counts once', async () => {
    const context = await openContext()
    const { spool, log, feedback, send } = open(context)
    append(log, 4)
    append(log, 4, 0, { ...route, variant: 'shadow', version: 2 })
    await send({ prediction_id: 'p-stable-0-0', label: 1 }, { prediction_id: 'p-stable-0-1', label: true })
    await send({ prediction_id: 'p-stable-0-0', label: 1 })
    await send({ prediction_id: 'p-stable-0-1', label: 0, revision: 1 }, { request_id: 'r-0-2', label: 1 })
    await send({ prediction_id: 'p-stable-0-0', reward: 3.5 })
    log.closeAll()
    await feedback.closeAll()
    await spool.drained()
    await roll(context)
    const sent = await context.analytics.query(`SELECT * FROM ${await feedbackScan(context, window)}`)
    expect(sent).toHaveLength(5)
    const scan = await labelledScan(context, { ...window, labelledUntilMs: window.toMs })
    const rows = await context.analytics.query(
      `SELECT variant, time_ms, label FROM ${scan} ORDER BY variant, time_ms`,
    )
    expect(rows.map(({ variant, label }) => [variant, label])).toEqual([
      ['shadow', 1],
      ['shadow', 0],
      ['shadow', 1],
      ['shadow', null],
      ['stable', 1],
      ['stable', 0],
      ['stable', 1],
      ['stable', null],
    ])
  })

  it('counts a prediction of a model served elsewhere once', async () => {
    const context = await openContext()
    const { spool, log } = open(context)
    const row = {
      prediction_id: 'e-1',
      deployment: 'churn',
      time_ms: TEST_TIME_MS,
      features: { age: 40, plan: 'gold', tenure: null },
      score: 0.8,
      output: { a: [1] },
    }
    recordExternal(log, PROJECT_ID, [
      row,
      { ...row, prediction_id: 'e-2', features: { age: 'old', plan: 'x' } },
    ])
    recordExternal(log, PROJECT_ID, [row])
    log.closeAll()
    await spool.drained()
    await roll(context)
    const rows = await context.analytics.query(
      `SELECT * FROM ${await predictionScan(context, window)} ORDER BY 1`,
    )
    expect(rows).toMatchObject([
      {
        prediction_id: 'e-1',
        variant: 'external',
        f_age: '40',
        f_plan: 'gold',
        output: '{"a":[1]}',
        score: 0.8,
      },
      { prediction_id: 'e-2', f_age: 'old', f_tenure: null },
    ])
  })

  it('rolls every row of a segment of 20,000', async () => {
    const context = await openContext()
    const { spool, log } = open(context)
    for (let batch = 0; batch < 20; batch++) append(log, 1000, batch)
    log.closeAll()
    await spool.drained()
    await roll(context)
    const [count] = await context.analytics.query(
      `SELECT count(*) AS n FROM ${await predictionScan(context, window)}`,
    )
    expect(count?.['n']).toBe(20_000)
  })
})
