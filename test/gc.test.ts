import { expect, test } from 'vitest'
import { ingest } from '../src/ingest/ingest.ts'
import { consume } from '../src/jobs/events.ts'
import { localOwner } from '../src/kernel/actor.ts'
import { consumers as monitoringConsumers } from '../src/monitoring/consumers.ts'
import { monitor } from '../src/monitoring/definition.ts'
import { declareMonitors } from '../src/monitoring/monitoring.ts'
import { recordBlob } from '../src/ports/artifacts/blobs.ts'
import { registerVersion, storeReferenceProfile } from '../src/registry/registry.ts'
import { declareDeployments, deploy } from '../src/rollout/rollout.ts'
import { collectGarbage, listReferencedBlobs } from '../src/server/gc.ts'
import { deployment } from '../src/serving/definition.ts'
import { equalWidthBins } from '../src/statistics/bins.ts'
import { emptyProfile, encodeProfile, prepareLayout } from '../src/statistics/profile.ts'
import { putRunArtifact, createRun } from '../src/tracking/tracking.ts'
import { applyFolder, PROJECT, runToEnd, until, writeProject } from '../src/worker/sample-project.ts'
import { startWorker } from '../src/worker/worker.ts'
import { describeDatabases, PROJECT_ID, TEST_TIME_MS, type TestContext } from './databases.ts'
import { openGateway, row, tinyModel, variantOf } from './gateways.ts'

const HOUR_MS = 3_600_000

async function keep(context: TestContext, text: string): Promise<string> {
  const blob = await context.artifacts.put(Buffer.from(text))
  await context.db.write((trx) => recordBlob(trx, { projectId: PROJECT_ID, blob, nowMs: TEST_TIME_MS }))
  return blob.sha256
}

/** Collects as if so many hours had passed. */
async function collect(context: TestContext, afterHours: number, dryRun = false) {
  const nowMs = (await context.db.wallTime()) + afterHours * HOUR_MS
  return await collectGarbage(context, { actor: localOwner, nowMs, dryRun })
}

describeDatabases('garbage collection', (open) => {
  test('condemns a blob that nothing refers to, waits for a day, and deletes it', async () => {
    const context = await open()
    const orphan = await keep(context, 'orphan')
    expect(await collect(context, 0, true)).toMatchObject({ condemned: [orphan], deleted: [] })
    expect(await collect(context, 0)).toMatchObject({ condemned: [orphan], deleted: [] })
    expect(await collect(context, 23)).toMatchObject({ condemned: [], deleted: [] })
    expect(await collect(context, 25, true)).toMatchObject({ deleted: [orphan], freedBytes: 6 })
    expect(await context.artifacts.has(orphan)).toBe(true)
    expect(await collect(context, 25)).toMatchObject({ deleted: [orphan], freedBytes: 6 })
    expect(await context.artifacts.has(orphan)).toBe(false)
    expect(await collect(context, 50)).toMatchObject({ condemned: [], deleted: [] })
  })

  test('a new reference un-condemns a blob, and the wait begins anew when it is gone again', async () => {
    const context = await open()
    const orphan = await keep(context, 'orphan')
    await collect(context, 0)
    await keep(context, 'orphan')
    expect(await collect(context, 25)).toMatchObject({ condemned: [orphan], deleted: [] })
    expect(await collect(context, 48)).toMatchObject({ deleted: [] })
    expect(await collect(context, 50)).toMatchObject({ deleted: [orphan] })
  })

  test('a condemned blob that a row refers to is kept', async () => {
    const context = await open()
    const run = await createRun(context, PROJECT)
    const sha256 = await keep(context, 'text')
    await collect(context, 0)
    const content = { bytes: Buffer.from('text') }
    await putRunArtifact(context, { ...PROJECT, runId: run.id, path: 'a.txt', content })
    await context.db.write((trx) =>
      trx.updateTable('blob').set({ condemned_ms: 1 }).where('sha256', '=', sha256).execute(),
    )
    expect(await collect(context, 0)).toMatchObject({ kept: [sha256], deleted: [] })
    expect(await collect(context, 50)).toMatchObject({ condemned: [], kept: [], deleted: [] })
  })

  test('the bytes stay when the blob was put again while its row was being deleted', async () => {
    const context = await open()
    const orphan = await keep(context, 'orphan')
    const wallMs = await context.db.wallTime()
    expect(await context.artifacts.deleteUnused(orphan, wallMs - HOUR_MS)).toBe(false)
    expect(await context.artifacts.has(orphan)).toBe(true)
    expect(await context.artifacts.deleteUnused(orphan, wallMs + HOUR_MS)).toBe(true)
    expect(await context.artifacts.has(orphan)).toBe(false)
  })

  test('an actor who is no admin of all projects is refused', async () => {
    const context = await open()
    const actor = { ...localOwner, grants: { [PROJECT_ID]: 'admin' as const } }
    await expect(collectGarbage(context, { actor, nowMs: 0, dryRun: true })).rejects.toMatchObject({
      code: 'denied',
    })
  })

  test('of a small loop from data to joined labels, no blob is condemned and none is missing', async () => {
    const context = await open()
    await using worker = await startWorker(context)
    await runPipeline(context)
    await deployModel(context)
    await predictAndLabel(context)
    await until('the joined labels', async () => {
      for (const consumer of monitoringConsumers) await consume(context, consumer)
      const joined = await context.db.read.selectFrom('label_join').select('parquet_sha256').execute()
      return joined.find(({ parquet_sha256 }) => parquet_sha256 !== null)
    })
    await worker[Symbol.asyncDispose]()
    expect(await collect(context, 0, true)).toMatchObject({ condemned: [], deleted: [] })
    const stored = await context.db.read.selectFrom('blob').select('sha256').execute()
    const referenced = await listReferencedBlobs(context.db.read)
    expect([...referenced].toSorted()).toEqual(stored.map(({ sha256 }) => sha256).toSorted())
    for (const hash of referenced) expect(await context.artifacts.has(hash)).toBe(true)
  }, 60_000)
})

/** Ingests a file, and runs a step over it that gives a table and a model and logs a line. */
async function runPipeline(context: TestContext): Promise<void> {
  const folder = writeProject({
    'feed/one.csv': 'n,m\n1,2\n3,4\n',
    'tidemill.config.ts': `
import { writeFileSync } from 'node:fs'
import { dataset, files, Model, pipeline, project, step, Table } from 'tidemill'
const numbers = dataset('numbers', { source: files('feed/*.csv') })
export const fit = step('fit', { in: { data: Table }, out: { table: Table, model: Model }, run: async ({ data, sql, output }) => {
  console.log('fitting')
  const path = output.table
  await sql.execute("COPY (SELECT n + m AS s FROM " + data.scan + ") TO '" + path + "' (FORMAT parquet)")
  return { table: { path }, model: Buffer.from('model') }
} })
const p = pipeline('p', {}, async ({ latest }) => { await fit({ data: latest(numbers) }).model.done() })
export default project('gc', { datasets: [numbers], pipelines: [p] })`,
  })
  await applyFolder(context, folder)
  await ingest(context, { ...PROJECT, dataset: 'numbers' })
  const { run } = await runToEnd(context, 'p')
  expect(run).toMatchObject({ state: 'succeeded', error: null })
}

async function deployModel(context: TestContext): Promise<void> {
  const bytes = tinyModel()
  const { signature } = await variantOf(context, { version: 1, bytes })
  const layout = {
    features: [
      { name: 'hour', bins: equalWidthBins(0, 24, 24) },
      { name: 'distance', bins: equalWidthBins(0, 1000, 10) },
      { name: 'carrier', bins: { kind: 'category' as const, categories: ['AA', 'UA'] } },
    ],
    score: equalWidthBins(0, 1, 100),
    label: { kind: 'category' as const, categories: ['0', '1'] },
  }
  const total = Buffer.from(encodeProfile(emptyProfile(prepareLayout(layout)))).toString('base64')
  await registerVersion(context, {
    ...PROJECT,
    model: 'late',
    source: 'test',
    createModel: true,
    task: 'binary',
    onnx: await context.artifacts.put(bytes),
    layout: await storeReferenceProfile(context, { layout, days: [], total }),
    signature: {
      task: 'binary',
      inputs: [...signature.inputs],
      outputs: signature.outputs.map((output) => ({ ...output, shape: [...output.shape] })),
    },
  })
  const late = deployment('late', { model: 'late', label: { horizonMs: HOUR_MS } })
  await declareDeployments(context, { ...PROJECT, deployments: [late] })
  await deploy(context, { ...PROJECT, deployment: 'late', model: 'late', version: 1 })
  await declareMonitors(context, { ...PROJECT, monitors: [monitor('late', { deployment: 'late' })] })
}

async function predictAndLabel(context: TestContext): Promise<void> {
  await using opened = await openGateway(context)
  await opened.serves(1)
  const { body } = await opened.infer('/v2/models/late/infer', row(17))
  const answer = await fetch(`${opened.url}/feedback`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prediction_id: body.parameters['prediction_id'], label: 1 }),
  })
  expect(answer.status).toBe(200)
  await opened.gateway.engine.flush()
}
