import { datasetRoutes } from '../../test/real-datasets.ts'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { createApp } from '../http/app.ts'
import { localOwner } from '../kernel/actor.ts'
import type { JsonObject } from '../kernel/json.ts'
import { notNull } from '../expectations/definition.ts'
import { push } from '../sources/definition.ts'
import { declareDatasets, versionScan } from '../data/data.ts'
import { referencedBlobs } from './store.ts'
import { ingest } from '../ingest/ingest.ts'
import { pushRows } from './push.ts'
import { dataset } from '../data/definition.ts'
import { probeJob } from '../ingest/jobs.ts'

const REAL = join(import.meta.dirname, '../../node_modules/vega-datasets/data')

const CALLER = { projectId: PROJECT_ID, actor: localOwner }
const SEEN = { id: 1, at: '2024-01-01T10:00:00', place: 'Oslo', price: 2.5 }

describeDatabases('pushed rows', (open) => {
  const arrange = async (options: Parameters<typeof push>[0] = {}): Promise<TestContext> => {
    const context = await open()
    const definition = dataset('visits', {
      source: push(options),
      time: 'at',
      expect: [notNull('place')],
    })
    await declareDatasets(context, { ...CALLER, directory: '/nowhere', datasets: [definition] })
    return context
  }
  const send = (context: TestContext, key: string, ...rows: JsonObject[]) =>
    pushRows(context, { ...CALLER, dataset: 'visits', key, rows })
  const look = (context: TestContext) => ingest(context, { ...CALLER, dataset: 'visits' })
  const created = async (context: TestContext) => {
    const result = await look(context)
    if (result.state !== 'created') throw new Error(`expected a version, got ${JSON.stringify(result)}`)
    return result.version
  }
  const idsOf = async (context: TestContext, version: { manifestSha256: string }): Promise<unknown[]> => {
    const scan = await versionScan(context, version)
    return (await context.analytics.query(`SELECT id FROM (${scan}) ORDER BY id`)).map(({ id }) => id)
  }
  const waiting = async (context: TestContext) =>
    await context.db.read.selectFrom('dataset_push').selectAll().where('version_id', 'is', null).execute()

  it('takes rows once by key, and makes one part of all that came since the last version', async () => {
    const context = await arrange()
    expect(await send(context, 'a', SEEN)).toEqual({ rows: 1, duplicate: false })
    expect(await send(context, 'a', SEEN)).toEqual({ rows: 1, duplicate: true })
    for (const id of [2, 3, 4]) await send(context, `k${id}`, { ...SEEN, id }, { ...SEEN, id: id * 10 })
    const first = await created(context)
    expect(first).toMatchObject({ number: 1, rows: 7, addedRows: 7, parts: 1 })
    expect(first.schema.map(({ type }) => type)).toEqual(['BIGINT', 'TIMESTAMP', 'VARCHAR', 'DOUBLE'])
    expect(await look(context)).toMatchObject({ state: 'unchanged', version: { number: 1 } })
    expect(await send(context, 'a', SEEN)).toMatchObject({ duplicate: true })
    await send(context, 'b', { ...SEEN, id: 5 })
    const second = await created(context)
    expect(second).toMatchObject({ number: 2, rows: 8, addedRows: 1, parts: 2 })
    expect(await idsOf(context, second)).toEqual([1, 2, 3, 4, 5, 20, 30, 40])
    expect(await waiting(context)).toEqual([])
  })

  it('asks for one version for all that is pushed in an interval', async () => {
    const context = await arrange()
    for (const key of ['a', 'b', 'c']) await send(context, key, SEEN)
    const jobs = await context.db.read
      .selectFrom('job')
      .selectAll()
      .where('kind', '=', 'data.probe')
      .execute()
    // Two when the interval ends between the pushes.
    expect([1, 2]).toContain(jobs.length)
    const now = await context.db.wallTime()
    for (const { run_at_ms, payload_json } of jobs) {
      expect(JSON.parse(payload_json)).toEqual({ dataset: 'visits' })
      expect(run_at_ms).toBeLessThanOrEqual(now + 5_500)
    }
  })

  it('counts equal rows under different keys as different rows', async () => {
    const context = await arrange()
    await send(context, 'a', SEEN)
    await created(context)
    await send(context, 'b', SEEN)
    expect(await created(context)).toMatchObject({ rows: 2, addedRows: 1, parts: 2 })
  })

  it('refuses the same key with other rows, and rows that do not fit, naming row and column', async () => {
    const context = await arrange()
    await send(context, 'a', SEEN)
    await expect(send(context, 'a', { ...SEEN, id: 2 })).rejects.toMatchObject({
      code: 'conflict',
      message: 'The key a came with other rows before; nothing was stored',
    })
    await expect(send(context, 'b', SEEN, { ...SEEN, id: 'two' })).rejects.toMatchObject({
      code: 'invalid',
      message:
        'visits: 1 of 2 rows have a value of the wrong type (row 2: id is "two", no BIGINT); nothing was stored',
      details: { rows: [{ row: 2, reason: 'id is "two", no BIGINT' }] },
    })
    await expect(send(context, 'b', { id: 3, at: SEEN.at })).rejects.toThrow(
      'visits: the column place is missing; the column price is missing; nothing was stored',
    )
    await expect(send(context, 'b')).rejects.toThrow('nothing was stored')
    await expect(send(context, 'ä', SEEN)).rejects.toThrow('printable ASCII')
    expect(await waiting(context)).toHaveLength(1)
  })

  it('knows declared columns before the first push', async () => {
    const context = await arrange({ columns: { id: 'BIGINT', at: 'TIMESTAMP', place: 'VARCHAR' } })
    await expect(send(context, 'a', { id: 'x', at: SEEN.at, place: 'Oslo' })).rejects.toThrow(
      'id is "x", no BIGINT',
    )
    await send(context, 'a', { id: 1, at: SEEN.at, place: null })
    expect(await waiting(context)).toHaveLength(1)
  })

  it('sets the guilty pushes aside and takes the others', async () => {
    const context = await arrange()
    await send(context, 'good', SEEN)
    await send(context, 'bad', { ...SEEN, id: 2, place: null })
    await send(context, 'better', { ...SEEN, id: 3 })
    const { signal } = new AbortController()
    await probeJob.run(context, {
      id: 'job',
      projectId: PROJECT_ID,
      kind: 'data.probe',
      payload: { dataset: 'visits' },
      attempt: 1,
      lastAttempt: false,
      signal,
    })
    const result = await look(context)
    expect(result).toMatchObject({ state: 'unchanged', version: { rows: 2, parts: 1 } })
    expect(await idsOf(context, result.version!)).toEqual([1, 3])
    expect(await waiting(context)).toMatchObject([{ key: 'bad' }])
  })

  it('takes one of two pushes of a key at once, and loses none of many keys', async () => {
    const context = await arrange()
    const twice = await Promise.all([send(context, 'a', SEEN), send(context, 'a', SEEN)])
    expect(twice.map(({ duplicate }) => duplicate).sort((a, b) => Number(a) - Number(b))).toEqual([
      false,
      true,
    ])
    await Promise.all([1, 2, 3, 4, 5, 6].map((id) => send(context, `k${id}`, { ...SEEN, id: id + 1 })))
    const looks = await Promise.all([look(context), look(context)])
    expect(looks.map(({ state }) => state).sort()).toEqual(['created', 'unchanged'])
    expect(await idsOf(context, looks[0].version!)).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  it('treats personal columns before anything is stored, and once', async () => {
    const context = await open()
    const source = push()
    const definition = dataset('visits', { source, personal: { email: 'hash', name: 'drop' } })
    await declareDatasets(context, { ...CALLER, directory: '/nowhere', datasets: [definition] })
    await send(context, 'a', { id: 1, name: 'Ada', email: 'ada@example.org' })
    const [stored] = await waiting(context)
    const path = await context.artifacts.localPath(stored!.sha256)
    const [waits] = await context.analytics.query('SELECT * FROM read_parquet(?)', [path])
    expect(waits).toEqual({ id: 1, email: expect.stringMatching(/^[0-9a-f]{64}$/) })
    await send(context, 'b', { id: 2, name: 'Ada', email: 'ada@example.org' })
    const scan = await versionScan(context, await created(context))
    expect(await context.analytics.query(scan)).toEqual([waits, { ...waits, id: 2 }])
  })

  it('knows keys as long as it says, and those of rows that wait for a version longer', async () => {
    const context = await arrange({ keepKeys: '2h' })
    const keys = async () =>
      (await context.db.read.selectFrom('dataset_push').select('key').orderBy('key').execute()).map(
        ({ key }) => key,
      )
    await send(context, 'old', SEEN)
    await created(context)
    await send(context, 'waits', { ...SEEN, id: 2, place: null })
    expect(await look(context)).toMatchObject({ state: 'rejected' })
    context.clock.advance(2 * 3_600_000)
    expect(await send(context, 'old', SEEN)).toMatchObject({ duplicate: true })
    await send(context, 'new', { ...SEEN, id: 3 })
    expect(await created(context)).toMatchObject({ rows: 2 })
    expect(await keys()).toEqual(['new', 'old', 'waits'])
    context.clock.advance(1)
    await send(context, 'newer', { ...SEEN, id: 4 })
    expect(await created(context)).toMatchObject({ rows: 3 })
    expect(await keys()).toEqual(['new', 'newer', 'waits'])
    expect(await send(context, 'waits', { ...SEEN, id: 2, place: null })).toMatchObject({ duplicate: true })
    expect(await send(context, 'old', SEEN)).toMatchObject({ duplicate: false })
    expect(await created(context)).toMatchObject({ rows: 4, addedRows: 1 })
  })

  it('keeps its rows when it is told to keep keys for another time', async () => {
    const context = await arrange()
    await send(context, 'a', SEEN)
    await created(context)
    const definition = dataset('visits', { source: push({ keepKeys: '7d' }), time: 'at' })
    await declareDatasets(context, { ...CALLER, directory: '/nowhere', datasets: [definition] })
    await send(context, 'b', { ...SEEN, id: 2 })
    expect(await created(context)).toMatchObject({ rows: 2, addedRows: 1 })
    expect(() => push({ keepKeys: '1s' })).toThrow('a minute at least')
  })

  it('keeps the blobs of pushes that wait, and no longer than they do', async () => {
    const context = await arrange()
    await send(context, 'a', SEEN)
    await send(context, 'b', SEEN)
    const [held] = await waiting(context)
    expect(await referencedBlobs(context.db.read)).toContain(held!.sha256)
    await created(context)
    expect(await referencedBlobs(context.db.read)).not.toContain(held!.sha256)
  })

  it('takes rows and batches over HTTP: real weather as CSV, real penguins as Parquet and JSON', async () => {
    const context = await open()
    const datasets = ['weather', 'penguins'].map((name) => dataset(name, { source: push() }))
    await declareDatasets(context, { ...CALLER, directory: '/nowhere', datasets })
    const app = createApp({
      context,
      routes: datasetRoutes,
      authenticate: async () => localOwner,
      resolveProject: async () => PROJECT_ID,
    })
    const post = async (
      path: string,
      body: string | Uint8Array<ArrayBuffer>,
      headers: Record<string, string>,
    ) => {
      const response = await app.request(`/api/v1/datasets/${path}`, { method: 'POST', body, headers })
      return { status: response.status, body: (await response.json()) as JsonObject }
    }
    const csv = { 'content-type': 'text/csv; charset=utf-8', 'idempotency-key': 'day 1' }
    const weather = readFileSync(join(REAL, 'seattle-weather.csv'))
    expect(await post('weather/batches', weather, csv)).toEqual({
      status: 200,
      body: { rows: 1461, duplicate: false },
    })
    expect((await post('weather/batches', weather, csv)).body).toMatchObject({ duplicate: true })
    expect((await post('weather/batches', weather.subarray(0, 5_000), csv)).status).toBe(409)
    const penguins = JSON.parse(readFileSync(join(REAL, 'penguins.json'), 'utf8')) as JsonObject[]
    const body = JSON.stringify({ key: 'all', rows: penguins })
    expect((await post('penguins/rows', body, {})).body).toEqual({ rows: 344, duplicate: false })
    await context.analytics.execute(
      `COPY (FROM read_json('${join(REAL, 'penguins.json')}')) TO '${context.config.dataDir}/p.parquet'`,
    )
    const parquet = { 'content-type': 'application/vnd.apache.parquet', 'idempotency-key': 'again' }
    const file = readFileSync(join(context.config.dataDir, 'p.parquet'))
    expect((await post('penguins/batches', file, parquet)).body).toEqual({ rows: 344, duplicate: false })
    const cut = await post('penguins/batches', file.subarray(0, 2_000), {
      ...parquet,
      'idempotency-key': 'cut',
    })
    expect(cut).toMatchObject({ status: 400, body: { error: { code: 'invalid' } } })
    for (const [path, text, headers] of [
      ['penguins/rows', '{"rows":[{"a":1}]}', {}],
      ['penguins/rows', '{"key":"k","rows":[]}', {}],
      ['penguins/rows', '{"key":"k","rows":[1]}', {}],
      ['penguins/rows', '{"key":"k","rows":[{"a":1}]}', { 'idempotency-key': 'other' }],
      ['penguins/batches', 'a,b\n', { 'idempotency-key': 'k' }],
      ['penguins/batches', '', { ...csv, 'idempotency-key': 'k' }],
    ] as const)
      expect((await post(path, text, headers)).status, `${path} ${text}`).toBe(400)
    const result = await ingest(context, { ...CALLER, dataset: 'penguins' })
    expect(result).toMatchObject({ state: 'created', version: { rows: 688, parts: 1 } })
  })
})
