import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createBenchmark } from '../src/benchmarks/benchmarks.ts'
import {
  getVersion,
  latestVersion,
  resolveReadable,
  resolveVersion,
  versionScan,
  versionSummary,
} from '../src/data/data.ts'
import type { DatasetVersion } from '../src/data/schema.ts'
import { declareFeatures } from '../src/features/features.ts'
import { entity, featureView } from '../src/features/definition.ts'
import { materialize } from '../src/materialization/materialize.ts'
import { localOwner } from '../src/kernel/actor.ts'
import { PinResolver } from '../src/pipelines/pins.ts'
import { insertRun, updateRun } from '../src/pipelines/store.ts'
import { registerVersion } from '../src/registry/registry.ts'
import { collectGarbage, listReferencedBlobs, retireVersions } from '../src/server/gc.ts'
import { pinSources } from '../src/worker/pin-sources.ts'
import { describeDatabases, PROJECT_ID, type TestContext } from './databases.ts'
import { flights, RealDatasets } from './real-datasets.ts'

const CALLER = { projectId: PROJECT_ID, actor: localOwner }
const DAY_MS = 86_400_000
const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** One more file with every 40th flight of that January day; the file of the day before goes, so that each version has a part of its own. */
async function nextDay(real: RealDatasets, day: number): Promise<DatasetVersion> {
  const date = (of: number) => `2001-01-${String(of).padStart(2, '0')}`
  await real.writeFlights(`flights-day.parquet`, `date >= '${date(day)}' AND date < '${date(day + 1)}'`, 40)
  return await real.ingest('flights')
}

const retire = (context: TestContext, dryRun = false) => retireVersions(context, { ...CALLER, dryRun })

async function deletedNumbers(context: TestContext): Promise<number[]> {
  const rows = await context.db.read
    .selectFrom('dataset_version')
    .select('number')
    .where('deleted_ms', 'is not', null)
    .orderBy('number')
    .execute()
  return rows.map(({ number }) => number)
}

/** Real flights: flights-3m.parquet of vega-datasets. */
describeDatabases('retention of dataset versions', (open) => {
  test('old versions lose their rows, keep number, facts and summary, and say why', async () => {
    const context = await open()
    using real = new RealDatasets(context)
    await real.declare({ ...flights, keep: { versions: 2 } })
    const versions: DatasetVersion[] = []
    for (const day of [1, 2, 3, 4]) versions.push(await nextDay(real, day))
    const [first] = versions
    expect(first).toMatchObject({ by: { name: 'owner' }, cause: { kind: 'request' }, deleted: null })

    expect(await retire(context, true)).toMatchObject([{ number: 1 }, { number: 2 }])
    expect(await deletedNumbers(context)).toEqual([])
    expect(await retire(context)).toMatchObject([
      { number: 1, why: 'keep the newest 2 versions' },
      { number: 2 },
    ])
    expect(await retire(context)).toEqual([])
    expect(await deletedNumbers(context)).toEqual([1, 2])

    const reference = { projectId: PROJECT_ID, reference: 'flights@1' }
    await expect(resolveReadable(context, reference)).rejects.toMatchObject({
      code: 'not_found',
      message:
        'flights@1 was deleted by retention on 2001-01-15 (keep the newest 2 versions): its rows are gone',
    })
    const known = await resolveVersion(context, reference)
    expect(await versionSummary(context, known)).toMatchObject({ rows: first!.rows })
    const kept = await resolveReadable(context, { projectId: PROJECT_ID, reference: 'flights@3' })
    expect(
      await context.analytics.query(`SELECT count(*) AS n FROM (${await versionScan(context, kept)})`),
    ).toEqual([{ n: kept.rows }])
    expect((await nextDay(real, 5)).number).toBe(5)

    // The manifests and the parts that only they held are garbage; nothing that is referred to is missing.
    const nowMs = (await context.db.wallTime()) + 2 * DAY_MS
    const collect = (atMs: number) =>
      collectGarbage(context, { actor: localOwner, nowMs: atMs, dryRun: false })
    await collect(await context.db.wallTime())
    const { deleted } = await collect(nowMs)
    expect(deleted).toHaveLength(4)
    expect(deleted).toContain(first!.manifestSha256)
    for (const hash of await listReferencedBlobs(context.db.read))
      expect(await context.artifacts.has(hash)).toBe(true)
  })

  test('a version stays as long as a model version, a pipeline run, a benchmark or online features refer to it', async () => {
    const context = await open()
    using real = new RealDatasets(context)
    await real.declare({ ...flights, keep: { versions: 1 } })
    const trained = await nextDay(real, 1)
    await registerVersion(context, {
      ...CALLER,
      model: 'late',
      createModel: true,
      source: 'test',
      lineage: { datasetVersionId: trained.id },
    })
    await nextDay(real, 2)
    const runId = await aRun(context)
    await new PinResolver(context, { id: runId, projectId: PROJECT_ID }, pinSources(context)).resolve(
      'dataset',
      'flights',
    )
    await nextDay(real, 3)
    await createBenchmark(context, {
      ...CALLER,
      name: 'late-flights',
      description: '',
      definition: { task: 'regression', metric: 'rmse', label: 'delay', exclude: [], featuresOpen: false },
      source: { dataset: 'flights@3' },
      dailyLimit: 5,
    })
    await nextDay(real, 4)
    const airport = entity('airport', { key: 'origin' })
    const view = featureView('airport_delay', {
      entity: airport,
      dataset: flights,
      sql: 'SELECT origin, date AS event_time, avg(delay) AS mean_delay FROM dataset GROUP BY ALL',
      ttl: '6h',
      features: { mean_delay: 'number' },
    })
    await declareFeatures(context, {
      ...CALLER,
      definitions: { entities: [airport], views: [view], onDemand: [], services: [] },
    })
    const { definition_hash: definitionHash } = await context.db.read
      .selectFrom('feature_view')
      .select('definition_hash')
      .executeTakeFirstOrThrow()
    await materialize(context, {
      projectId: PROJECT_ID,
      view: 'airport_delay',
      definitionHash,
      untilMs: context.clock.now(),
    })
    await nextDay(real, 5)
    await nextDay(real, 6)

    const found = await retire(context)
    expect(found.map(({ number, keptBy }) => [number, keptBy])).toEqual([
      [1, 'the model version late/1'],
      [2, 'a run of pipeline train'],
      [3, 'the benchmark late-flights'],
      [4, 'the online values of airport_delay'],
      [5, undefined],
    ])
    expect(await deletedNumbers(context)).toEqual([5])
  })

  test('a run that looked up a version which retention took before it was pinned gets the newest', async () => {
    const context = await open()
    using real = new RealDatasets(context)
    await real.declare({ ...flights, keep: { versions: 1 } })
    await nextDay(real, 1)
    const sources = pinSources(context)
    let lookups = 0
    const run = { id: await aRun(context), projectId: PROJECT_ID }
    const pins = new PinResolver(context, run, {
      ...sources,
      async dataset(projectId, name) {
        const found = await sources.dataset(projectId, name)
        if (lookups++ === 0) {
          await nextDay(real, 2)
          expect(await retire(context)).toHaveLength(1)
        }
        return found
      },
    })
    expect(await pins.resolve('dataset', 'flights')).toMatchObject({ version: 2 })
    await nextDay(real, 3)
    expect(await retire(context)).toMatchObject([{ number: 2, keptBy: 'a run of pipeline train' }])
  })

  test('runs that have ended hold what they read as long as the dataset says, others until they end', async () => {
    const context = await open()
    using real = new RealDatasets(context)
    await real.declare({ ...flights, keep: { versions: 1, runDays: 30 } })
    const ids: string[] = []
    for (const day of [1, 2]) {
      await nextDay(real, day)
      const id = await aRun(context)
      await new PinResolver(context, { id, projectId: PROJECT_ID }, pinSources(context)).resolve(
        'dataset',
        'flights',
      )
      ids.push(id)
    }
    await nextDay(real, 3)
    await context.db.write((trx) => updateRun(trx, ids[0]!, { state: 'failed', finished_ms: 1 }))
    const keptBy = 'a run of pipeline train'
    context.clock.advance(30 * DAY_MS)
    expect(await retire(context)).toMatchObject([
      { number: 1, keptBy },
      { number: 2, keptBy },
    ])
    context.clock.advance(1)
    expect(await retire(context)).toMatchObject([{ number: 1 }, { number: 2, keptBy }])
    expect(await deletedNumbers(context)).toEqual([1])
    await context.db.write((trx) => updateRun(trx, ids[1]!, { state: 'succeeded', finished_ms: 2 }))
    expect(await retire(context)).toMatchObject([{ number: 2 }])
    expect(await deletedNumbers(context)).toEqual([1, 2])
  })

  test('what runs pin while another process deletes can always be read', async () => {
    const context = await open()
    using real = new RealDatasets(context)
    await real.declare({ ...flights, keep: { versions: 1 } })
    await nextDay(real, 1)
    const { dataDir, databaseUrl } = context.config
    const env = { ...process.env, TIDEMILL_DATABASE_URL: databaseUrl }
    const argv = ['--disable-warning=ExperimentalWarning', MAIN, 'gc', '--delete', '--data-dir', dataDir]
    const gc = { ended: false }
    const collector = promisify(execFile)(process.execPath, argv, { env }).finally(() => (gc.ended = true))
    const pinned: string[] = []
    for (let day = 2; day < 29 && !(gc.ended && day > 12); day++) {
      const run = { id: await aRun(context), projectId: PROJECT_ID }
      const resolver = new PinResolver(context, run, pinSources(context))
      const [pin] = await Promise.all([
        resolver.resolve('dataset', 'flights'),
        nextDay(real, day),
        retire(context),
      ])
      pinned.push(pin!.id)
    }
    expect((await collector).stdout).toContain('dataset versions')
    await retire(context)
    for (const id of pinned) {
      const version = await getVersion(context, { projectId: PROJECT_ID, id })
      const scan = await versionScan(context, version)
      expect(await context.analytics.query(`SELECT count(*) AS n FROM (${scan})`)).toEqual([
        { n: version.rows },
      ])
    }
    const latest = await latestVersion(context, { projectId: PROJECT_ID, dataset: 'flights' })
    expect(latest!.number).toBe(pinned.length + 1)
  }, 60_000)

  test('age counts in domain time, and both rules must agree', async () => {
    const context = await open()
    using real = new RealDatasets(context)
    await real.declare({ ...flights, keep: { versions: 2, days: 7 } })
    for (const day of [1, 2, 3]) {
      await nextDay(real, day)
      context.clock.set(context.clock.now() + 3 * DAY_MS)
    }
    expect(await retire(context)).toMatchObject([{ number: 1, why: 'keep the newest 2 versions and 7 days' }])
    context.clock.set(context.clock.now() + 30 * DAY_MS)
    expect(await retire(context)).toEqual([])
    await real.declare({ ...flights, keep: { days: 7 } })
    expect(await retire(context)).toMatchObject([{ number: 2 }])
  })
})

/** The row of a run of the pipeline `train`. */
async function aRun(context: TestContext): Promise<string> {
  const id = context.ids.uuid()
  const nowMs = context.clock.now()
  await context.db.write((trx) =>
    insertRun(trx, {
      id,
      project_id: PROJECT_ID,
      pipeline: 'train',
      project_version_id: 'v1',
      snapshot_sha256: '',
      params_json: '{}',
      cause_json: '{}',
      state: 'running',
      cancel_requested: 0,
      error: null,
      tracking_run_id: null,
      actor_id: localOwner.id,
      at_ms: nowMs,
      created_ms: nowMs,
      started_ms: null,
      finished_ms: null,
    }),
  )
  return id
}
