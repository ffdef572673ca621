import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { workOff } from '../../test/work-off.ts'
import { declareDatasets, listVersions, loadManifest, versionScan, versionSummary } from '../data/data.ts'
import { ingest } from '../ingest/ingest.ts'
import { pushRows } from '../pushes/pushes.ts'
import { dataset } from '../data/definition.ts'
import { notNull } from '../expectations/definition.ts'
import { entity, featureView } from '../features/definition.ts'
import { declareFeatures } from '../features/features.ts'
import { viewsWithKey } from '../materialization/materialization.ts'
import { materialize } from '../materialization/materialize.ts'
import { localOwner } from '../kernel/actor.ts'
import { hashJson } from '../kernel/json.ts'
import { consumers as monitoringConsumers } from '../monitoring/consumers.ts'
import { jobs as monitoringJobs } from '../monitoring/jobs.ts'
import { heldKeys, valueTreatment } from '../privacy/privacy.ts'
import { registerVersion } from '../registry/registry.ts'
import { purgeErased } from '../server/erased-blobs.ts'
import { jobs as servingJobs } from '../prediction-log/jobs.ts'
import { feedbackScan, labelledScan, predictionScan } from '../prediction-log/prediction-log.ts'
import { ServingEngine } from '../serving/serving-engine.ts'
import { files, push } from '../sources/definition.ts'
import { getErasure, requestErasure } from './erasure.ts'
import { erasureJobs } from './jobs.ts'

const folders: string[] = []
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })))

const owner = { projectId: PROJECT_ID, actor: localOwner }
const ADA = 'ada@example.org'
const GRACE = 'grace@example.org'
const DAY_1 = Date.UTC(2001, 0, 1)
const EVER = { projectId: PROJECT_ID, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }

const traveller = entity('traveller', { key: 'email' })
const trips = featureView('trips', {
  entity: traveller,
  dataset: 'trips',
  sql: 'SELECT email, travelled AS event_time, distance FROM dataset',
  eventTime: 'event_time',
  ttl: '365d',
  features: { distance: 'number' },
})

const csv = (...rows: string[]): string => `id,email,travelled,distance\n${rows.join('\n')}\n`

/** Two versions of `trips` with the key as it is, one of `profiles` with it hashed, pushed rows, and a file that was refused. */
async function arrangeData(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-erasure-'))
  folders.push(folder)
  await declareDatasets(context, {
    ...owner,
    directory: folder,
    datasets: [
      dataset('trips', { source: files('trips-*.csv'), time: 'travelled', expect: [notNull('id')] }),
      dataset('profiles', { source: files('profiles.json'), personal: { email: 'hash', name: 'mask' } }),
      dataset('clicks', { source: push() }),
      dataset('airports', { source: files('airports.csv') }),
    ],
  })
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)
  const look = (name: string) => ingest(context, { ...owner, dataset: name })
  write('trips-1.csv', csv(`1,${ADA},2001-01-01 10:00:00,5`, `2,${GRACE},2001-01-01 11:00:00,6`))
  await look('trips')
  write('trips-2.csv', csv(`3,${GRACE},2001-01-02 10:00:00,7`))
  await look('trips')
  write('trips-3.csv', csv(`4,${ADA},2001-01-03 10:00:00,8`, `5,${ADA},2001-01-03 11:00:00,9`))
  await look('trips')
  write('trips-4.csv', csv(`,${ADA},2001-01-04 10:00:00,8`, `,${GRACE},2001-01-04 11:00:00,9`))
  expect((await look('trips')).state).toBe('rejected')
  write('profiles.json', JSON.stringify([ADA, GRACE].map((email) => ({ email, name: `Name of ${email}` }))))
  await look('profiles')
  write('airports.csv', 'iata,city\nATL,Atlanta\n')
  await look('airports')
  await pushRows(context, {
    ...owner,
    dataset: 'clicks',
    key: 'p1',
    rows: [
      { email: ADA, page: 1 },
      { email: GRACE, page: 2 },
    ],
  })
  return { write, look }
}

async function arrangeFeatures(context: TestContext): Promise<void> {
  await declareFeatures(context, {
    ...owner,
    definitions: { entities: [traveller], views: [trips], onDemand: [], services: [] },
  })
  const stored = await context.db.read.selectFrom('feature_view').selectAll().executeTakeFirstOrThrow()
  await materialize(context, {
    projectId: PROJECT_ID,
    view: 'trips',
    definitionHash: stored.definition_hash,
    untilMs: Date.UTC(2001, 0, 10),
  })
}

const runLog = { consumers: monitoringConsumers, jobs: [...servingJobs, ...monitoringJobs] }

/** Predictions about both people with labels, rolled and joined; one that is only closed; one of a deployment about something else. */
async function arrangeLog(context: TestContext): Promise<void> {
  const engine = new ServingEngine(context)
  const predict = (prediction_id: string, deployment: string, entity_key: string) =>
    engine.external(PROJECT_ID, [
      { prediction_id, deployment, entity_key, time_ms: DAY_1, features: { hour: 3 }, score: 0.4 },
    ])
  predict('a1', 'late', ADA)
  predict('g1', 'late', GRACE)
  predict('a2', 'late', ADA)
  await engine.feedback(PROJECT_ID, [
    { prediction_id: 'a1', label: 1, label_time_ms: DAY_1 + 1000 },
    { prediction_id: 'g1', label: 0, label_time_ms: DAY_1 + 1000 },
    // It waits for its prediction.
    { prediction_id: 'a3', label: 1, label_time_ms: DAY_1 + 1000 },
  ])
  await engine.flush()
  await workOff(context, runLog)
  predict('a3', 'late', ADA)
  await engine[Symbol.asyncDispose]()
}

async function erase(context: TestContext, key: string, dryRun = false) {
  const id = await requestErasure(context, { ...owner, entity: 'traveller', key, dryRun })
  await workOff(context, { consumers: [], jobs: erasureJobs })
  const before = await getErasure(context, { ...owner, id })
  await purgeErased(context)
  return { id, before, erasure: await getErasure(context, { ...owner, id }) }
}

async function rowsOfAll(context: TestContext): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = []
  for (const name of ['trips', 'profiles', 'airports', 'clicks'])
    for (const version of await listVersions(context, { projectId: PROJECT_ID, dataset: name, limit: 10 }))
      rows.push(...(await context.analytics.query(await versionScan(context, version))))
  return rows
}

async function blobs(context: TestContext): Promise<string[]> {
  const rows = await context.db.read.selectFrom('blob').select('sha256').orderBy('sha256').execute()
  return rows.map(({ sha256 }) => sha256)
}

describeDatabases('erasure of a person', (open) => {
  it('counts first, then removes every row from versions, online store, logs, labels, pushes and reports', async () => {
    const context = await open()
    await arrangeData(context)
    await arrangeFeatures(context)
    await arrangeLog(context)
    const before = await listVersions(context, { projectId: PROJECT_ID, dataset: 'trips', limit: 10 })
    await registerVersion(context, {
      ...owner,
      model: 'late',
      source: 'test',
      createModel: true,
      task: 'binary',
      lineage: { datasetVersionId: before[0]!.id },
      onnx: await context.artifacts.put(Buffer.from('graph')),
      signature: { inputs: [], outputs: [], task: 'binary' },
    })
    const old = await blobs(context)

    const { before: counted } = await erase(context, ADA, true)
    expect(counted).toMatchObject({ dryRun: true, state: 'counted' })
    const expected = [
      { place: 'dataset parts', name: 'profiles', rows: 1 },
      { place: 'dataset parts', name: 'trips', rows: 3 },
      { place: 'dataset versions', name: 'profiles@1', rows: 1 },
      { place: 'dataset versions', name: 'trips@1', rows: 1 },
      { place: 'dataset versions', name: 'trips@2', rows: 1 },
      { place: 'dataset versions', name: 'trips@3', rows: 3 },
      { place: 'failing rows of reports', name: 'trips', rows: 1 },
      { place: 'pushed rows', name: 'clicks', rows: 1 },
    ]
    for (const place of expected) expect(counted.places).toContainEqual(place)
    expect(counted.places).toContainEqual({ place: 'predictions', name: 'log', rows: 3 })
    expect(counted.places).toContainEqual({ place: 'feedback', name: 'log', rows: 2 })
    expect(await blobs(context)).toEqual(old)

    const { before: removed, erasure, id } = await erase(context, ADA)
    expect(removed).toMatchObject({ state: 'purging', derived: ['the model version late/1'] })
    for (const place of expected) expect(erasure.places).toContainEqual(place)
    expect(erasure.places).toContainEqual({ place: 'feedback', name: 'feedback', rows: 2 })
    expect(
      erasure.places.filter(({ place }) => place === 'predictions').reduce((sum, { rows }) => sum + rows, 0),
    ).toBe(3)
    expect(erasure.places.some(({ place, rows }) => place === 'joined labels' && rows === 1)).toBe(true)
    expect(erasure.places).toContainEqual({ place: 'waiting labels', name: 'labels', rows: 1 })
    expect(await context.db.read.selectFrom('label_pending').selectAll().execute()).toEqual([])
    expect(erasure).toMatchObject({ state: 'done', sources: ['profiles (files)', 'trips (files)'] })

    const hash = valueTreatment('hash', heldKeys(context.config, PROJECT_ID)[0])!(ADA) as string
    const left = JSON.stringify(await rowsOfAll(context))
    expect([left.includes(ADA), left.includes(hash), left.includes(GRACE)]).toEqual([false, false, true])
    expect(
      await viewsWithKey(context, { projectId: PROJECT_ID, entity: 'traveller', values: [ADA] }),
    ).toEqual([])
    expect(
      await viewsWithKey(context, { projectId: PROJECT_ID, entity: 'traveller', values: [GRACE] }),
    ).toHaveLength(1)
    await workOff(context, runLog)
    const ids = async (scan: string, column: string) =>
      (await context.analytics.query(`SELECT ${column} AS id FROM ${scan} ORDER BY 1`)).map(
        (row) => row['id'],
      )
    expect(await ids(await predictionScan(context, EVER), 'prediction_id')).toEqual(['g1'])
    expect(await ids(await feedbackScan(context, EVER), 'prediction_id')).toEqual(['g1'])
    expect(await ids(await labelledScan(context, { ...EVER, labelledUntilMs: EVER.toMs }), 'label')).toEqual([
      0,
    ])

    // Of what held the rows no file and no row of the database is left.
    const tables = [
      'check_result',
      'dataset_delivery',
      'validation_report',
      'log_segment',
      'label_join',
      'entity_health',
      'job',
      'erasure',
      'audit',
      'event',
    ] as const
    for (const table of tables) {
      const text = JSON.stringify(await context.db.read.selectFrom(table).selectAll().execute())
      expect([table, text.includes(ADA)]).toEqual([table, false])
    }
    for (const sha256 of await blobs(context)) {
      const bytes = Buffer.from(await context.artifacts.bytes(sha256))
      expect([sha256, bytes.includes(ADA)]).toEqual([sha256, false])
    }
    const now = new Set(await blobs(context))
    const gone = old.filter((sha256) => !now.has(sha256))
    expect(gone.length).toBeGreaterThan(15)
    for (const sha256 of gone) expect(await context.artifacts.has(sha256)).toBe(false)
    const [event] = await context.db.read
      .selectFrom('event')
      .selectAll()
      .where('kind', '=', 'data.erased')
      .execute()
    expect(JSON.parse(event!.payload_json)).toMatchObject({ erasureId: id, entity: 'traveller' })
  })

  it('lets a version keep its id and number, and says what it was before', async () => {
    const context = await open()
    await arrangeData(context)
    await arrangeFeatures(context)
    const list = () => listVersions(context, { projectId: PROJECT_ID, dataset: 'trips', limit: 10 })
    const before = (await list()).toReversed()
    const { id } = await erase(context, ADA)
    const after = (await list()).toReversed()
    expect(after.map((version) => [version.id, version.number, version.rows, version.addedRows])).toEqual([
      [before[0]!.id, 1, 1, 1],
      [before[1]!.id, 2, 2, 1],
      [before[2]!.id, 3, 2, 0],
    ])
    let parent: string | null = null
    for (const [index, version] of after.entries()) {
      const manifest = await loadManifest(context, version)
      expect(manifest.parent).toBe(parent)
      expect(manifest.redacted).toEqual([{ erasure: id, replaces: before[index]!.manifestSha256 }])
      const { schema, parts } = manifest
      expect(version.contentHash).toBe(hashJson({ schema, parts: parts.map(({ sha256 }) => sha256) }))
      expect(version.contentHash).not.toBe(before[index]!.contentHash)
      parent = version.manifestSha256
      const summary = await versionSummary(context, version)
      expect(summary.rows).toBe(version.rows)
      const emails = summary.columns.find(({ name }) => name === 'email')!
      expect(emails.top.map(({ value }) => value)).toEqual([GRACE])
    }
    await erase(context, GRACE)
    expect((await list()).map(({ rows }) => rows)).toEqual([0, 0, 0])
    expect((await loadManifest(context, (await list())[0]!)).redacted).toHaveLength(2)
  })

  it('leaves the key out when it comes again, from files, pushes and hashed columns, and counts it', async () => {
    const context = await open()
    const { write, look } = await arrangeData(context)
    await arrangeFeatures(context)
    const { id } = await erase(context, ADA)
    write('trips-4.csv', csv(`6,${ADA},2001-01-05 10:00:00,8`, `7,${GRACE},2001-01-05 11:00:00,9`))
    const result = await look('trips')
    expect(result).toMatchObject({ state: 'created', version: { number: 4, addedRows: 1 } })
    write(
      'profiles.json',
      JSON.stringify([ADA, 'emmy@example.org'].map((email) => ({ email, name: 'Name' }))),
    )
    expect(await look('profiles')).toMatchObject({ state: 'created', version: { rows: 1 } })
    const pushed = await pushRows(context, {
      ...owner,
      dataset: 'clicks',
      key: 'p2',
      rows: [{ email: ADA, page: 3 }],
    })
    expect(pushed).toEqual({ rows: 0, duplicate: false })
    expect(JSON.stringify(await rowsOfAll(context)).includes(ADA)).toBe(false)
    expect((await getErasure(context, { ...owner, id })).cameAgainRows).toBe(3)
  })

  it('is not overtaken by an ingest or a push that had read the rows before', async () => {
    const context = await open()
    const { write } = await arrangeData(context)
    await arrangeFeatures(context)
    /** Asks for the erasure when the first part is written, which is after it was planned and read. */
    const interrupted = (key: string) => {
      let asked = false
      const putFile: TestContext['artifacts']['putFile'] = async (path) => {
        if (!asked) {
          asked = true
          await requestErasure(context, { ...owner, entity: 'traveller', key, dryRun: false })
        }
        return await context.artifacts.putFile(path)
      }
      return { ...context, artifacts: { ...context.artifacts, putFile } }
    }
    write('trips-4.csv', csv(`6,${ADA},2001-01-05 10:00:00,8`, `7,${GRACE},2001-01-05 11:00:00,9`))
    const result = await ingest(interrupted(ADA), { ...owner, dataset: 'trips' })
    expect(result).toMatchObject({ state: 'created', version: { addedRows: 1 } })
    const rows = [{ email: GRACE, page: 1 }]
    const push = { ...owner, dataset: 'clicks', key: 'p2', rows }
    await expect(pushRows(interrupted(GRACE), push)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await pushRows(context, push)).toEqual({ rows: 0, duplicate: false })
    await workOff(context, { consumers: [], jobs: erasureJobs })
    const left = JSON.stringify(await rowsOfAll(context))
    expect([left.includes(ADA), left.includes(GRACE)]).toEqual([false, false])
  })

  it('of two people at once, and of one twice, ends with both gone', async () => {
    const context = await open()
    await arrangeData(context)
    await arrangeFeatures(context)
    const ask = (key: string) =>
      requestErasure(context, { ...owner, entity: 'traveller', key, dryRun: false })
    const ids = [await ask(ADA), await ask(GRACE), await ask(ADA)]
    const jobs = await context.db.read
      .selectFrom('job')
      .selectAll()
      .where('kind', '=', 'erasure.run')
      .execute()
    await context.db.write((trx) =>
      trx.updateTable('job').set({ state: 'active', attempt: 1 }).where('kind', '=', 'erasure.run').execute(),
    )
    await Promise.all(
      jobs.map((row) =>
        erasureJobs[0]!.run(context, {
          id: row.id,
          projectId: PROJECT_ID,
          kind: row.kind,
          payload: JSON.parse(row.payload_json),
          attempt: 1,
          lastAttempt: false,
          signal: AbortSignal.timeout(60_000),
        }),
      ),
    )
    await purgeErased(context)
    const rows = JSON.stringify(await rowsOfAll(context))
    expect([rows.includes(ADA), rows.includes(GRACE)]).toEqual([false, false])
    const erasures = await Promise.all(ids.map((id) => getErasure(context, { ...owner, id })))
    expect(erasures.map(({ state }) => state)).toEqual(['done', 'done', 'done'])
    const total = erasures.flatMap(({ places }) =>
      places.filter(({ place, name }) => place === 'dataset parts' && name === 'trips'),
    )
    expect(total.reduce((sum, { rows: n }) => sum + n, 0)).toBe(5)
  })

  it('is for administrators, of entities that there are', async () => {
    const context = await open()
    await arrangeData(context)
    await expect(
      requestErasure(context, { ...owner, entity: 'nobody', key: ADA, dryRun: true }),
    ).rejects.toMatchObject({ code: 'not_found' })
    const maintainer = { id: 'm', kind: 'user', name: 'm', grants: { '*': 'maintainer' } } as const
    await expect(
      requestErasure(context, {
        projectId: PROJECT_ID,
        actor: maintainer,
        entity: 'traveller',
        key: ADA,
        dryRun: true,
      }),
    ).rejects.toMatchObject({ code: 'denied' })
  })
})
