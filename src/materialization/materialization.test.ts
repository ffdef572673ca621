import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID } from '../../test/databases.ts'
import { declareDatasets } from '../data/data.ts'
import { ingest } from '../ingest/ingest.ts'
import { dataset } from '../data/definition.ts'
import { files } from '../sources/definition.ts'
import { createApp } from '../http/app.ts'
import { consume } from '../jobs/events.ts'
import { localOwner } from '../kernel/actor.ts'
import { HOUR_MS } from '../kernel/time-spans.ts'
import { openOnline } from '../ports/online/open.ts'
import {
  entity,
  featureService,
  featureView,
  onDemand,
  requestFeatures,
  resolveService,
} from '../features/definition.ts'
import { declareFeatures, getService } from '../features/features.ts'
import { enqueueDueMaterializations } from './due.ts'
import { listFreshness } from './freshness.ts'
import { materialize } from './materialize.ts'
import { onlineReader, viewFeatures } from '../vectors/vectors.ts'
import { retireViews, reviveViews } from './retire.ts'
import { materializeOnNewData, summariseOnMaterialized } from './consumers.ts'
import { materializeJob, summariseJob } from './jobs.ts'
import { getViewPage } from './view-page.ts'
import { routes } from './routes.ts'
import { buildTrainingSet, planTrainingSet } from '../point-in-time/point-in-time.ts'

const folders: string[] = []
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })))

const START_MS = Date.UTC(2001, 0, 1)
const at = (hour: number): number => START_MS + hour * HOUR_MS

const visits = dataset('visits', { source: files('*.csv'), time: 'seen' })
const shop = entity('shop', { key: 'shop' })
const traffic = featureView('traffic', {
  entity: shop,
  dataset: visits,
  sql: `SELECT shop, seen AS event_time, count(*) OVER recent AS visits_2h, sum(spent) OVER recent AS spent_2h, kind
        FROM dataset
        WINDOW recent AS (PARTITION BY shop ORDER BY seen RANGE BETWEEN INTERVAL 2 HOURS PRECEDING AND CURRENT ROW)`,
  ttl: '4h',
  lookback: '3h',
  features: { visits_2h: 'number', spent_2h: 'number', kind: 'category' },
})
const hourOfDay = onDemand('hour_of_day', {
  inputs: { asked: 'timestamp' },
  outputs: { hour: 'number' },
  module: 'hour.mjs',
  export: 'hourOfDay',
})
const service = featureService('basket', [hourOfDay, traffic, requestFeatures({ size: 'number' })])
const definitions = { entities: [shop], views: [traffic], onDemand: [hourOfDay], services: [service] }

function csv(rows: readonly [shop: string, hour: number, spent: number | null][]): string {
  const lines = rows.map(
    ([name, hour, spent]) => `${name},${new Date(at(hour)).toISOString()},${spent ?? ''},k${hour}`,
  )
  return ['shop,seen,spent,kind', ...lines, ''].join('\n')
}

describeDatabases('features', (open) => {
  const arrange = async () => {
    const context = await open()
    const folder = mkdtempSync(join(tmpdir(), 'tidemill-features-'))
    folders.push(folder)
    const base = { projectId: PROJECT_ID, actor: localOwner }
    await declareDatasets(context, { ...base, directory: folder, datasets: [visits] })
    await declareFeatures(context, { ...base, definitions })
    const spec = await getService(context, { projectId: PROJECT_ID, name: 'basket' })
    return {
      context,
      folder,
      spec,
      deliver: async (name: string, rows: Parameters<typeof csv>[0]) => {
        writeFileSync(join(folder, name), csv(rows))
        const result = await ingest(context, { ...base, dataset: 'visits' })
        if (result.state !== 'created') throw new Error(JSON.stringify(result))
        return result.version
      },
      update: (hour: number) => {
        const { view, definitionHash } = spec.views[0]!
        return materialize(context, { projectId: PROJECT_ID, view, definitionHash, untilMs: at(hour) })
      },
      read: async (name: string, hour: number) => {
        const columns = await onlineReader(context.online, PROJECT_ID, viewFeatures(spec))(
          { shop: [name] },
          1,
          at(hour),
        )
        const eventMs = columns[0]!.eventMs[0]!
        return {
          values: columns.map(({ values }) => values[0]),
          statuses: columns.map(({ statuses }) => statuses[0]),
          ageMs: eventMs === null ? null : at(hour) - eventMs,
        }
      },
    }
  }

  it('resolves a service to everything that training and serving need', async () => {
    const { spec } = await arrange()
    expect(spec.features.map(({ name, from, source }) => `${name} ${from} ${source}`)).toEqual([
      'hour on_demand hour_of_day',
      'visits_2h view traffic',
      'spent_2h view traffic',
      'kind view traffic',
      'size request request',
    ])
    expect(spec.entities).toEqual([{ name: 'shop', key: 'shop' }])
    const unknown = featureService('x', ['nowhere'])
    expect(() => resolveService(unknown, definitions, [])).toThrow('names nowhere, which is no feature view')
    const twice = featureService('x', [traffic, 'traffic:kind'])
    expect(() => resolveService(twice, definitions, [])).toThrow('has the feature kind twice')
  })

  it('keeps values online up to the asked moment, and only for their time to live', async () => {
    const { deliver, update, read } = await arrange()
    await deliver('1.csv', [
      ['a', 1, 10],
      ['a', 2, 5],
      ['a', 3, null],
      ['b', 9, 1],
    ])
    expect(await update(2)).toEqual({ untilMs: at(2), rows: 1, complete: true })
    expect(await read('a', 2)).toEqual({
      values: [2, 15, 'k2'],
      statuses: ['PRESENT', 'PRESENT', 'PRESENT'],
      ageMs: 0,
    })
    expect(await read('b', 2)).toEqual({
      values: [null, null, null],
      statuses: Array(3).fill('NOT_FOUND'),
      ageMs: null,
    })
    expect(await update(3.5)).toMatchObject({ rows: 1, complete: false })
    expect(await read('a', 3.5)).toMatchObject({ values: [3, 15, 'k3'], ageMs: HOUR_MS / 2 })
    expect((await read('a', 7)).values).toEqual([3, 15, 'k3'])
    expect(await read('a', 7.1)).toMatchObject({
      values: [null, null, null],
      statuses: Array(3).fill('OUTSIDE_MAX_AGE'),
    })
    expect((await read('a', 2.9)).statuses).toEqual(Array(3).fill('NOT_FOUND'))
    expect(await update(3.5)).toMatchObject({ rows: 0 })
  })

  it('takes rows into account that arrive late, and starts anew when rows are taken back', async () => {
    const { folder, deliver, update, read } = await arrange()
    await deliver('1.csv', [['a', 5, 10]])
    await update(6)
    await deliver('late.csv', [['a', 4, 100]])
    expect(await update(6)).toMatchObject({ complete: false, rows: 1 })
    expect((await read('a', 6)).values).toEqual([2, 110, 'k5'])
    rmSync(join(folder, '1.csv'))
    await deliver('2.csv', [['b', 6, 1]])
    expect(await update(6)).toMatchObject({ complete: true })
    expect((await read('a', 6)).values).toEqual([1, 100, 'k4'])
    expect((await read('b', 6)).values).toEqual([1, 1, 'k6'])
  })

  it('joins training rows with exactly what online serving would have given at each moment', async () => {
    const { context, folder, spec, deliver, update, read } = await arrange()
    writeFileSync(
      join(folder, 'hour.mjs'),
      'export const hourOfDay = ({ asked }) => ({ hour: new Date(asked).getUTCHours() })',
    )
    const rows = Array.from({ length: 60 }, (_, i): [string, number, number] => [
      i % 3 === 0 ? 'a' : 'b',
      i * 0.3,
      i,
    ])
    const version = await deliver('1.csv', rows)
    const moments = [0, 0.9, 2.2, 5, 9.05, 17.7, 21.5, 30]
    const spine = moments
      .flatMap((hour) =>
        ['a', 'b', 'c'].map(
          (name) =>
            `SELECT '${name}' AS shop, make_timestamp(${at(hour)}000) AS event_time, make_timestamp(${at(hour)}000) AS asked, 7 AS size, ${hour} AS label`,
        ),
      )
      .join(' UNION ALL ')
    const plan = await planTrainingSet(context, {
      projectId: PROJECT_ID,
      actor: localOwner,
      spec,
      spine: { sql: spine },
      datasetVersions: { visits: version.id },
    })
    const target = join(folder, 'set.parquet')
    const made = await buildTrainingSet(context.analytics, plan, { snapshotDirectory: folder, target })
    expect(made).toEqual({ path: target, rows: 24, violations: {} })
    const found = await context.analytics.query(`SELECT * FROM read_parquet('${target}')`)
    expect(Object.keys(found[0]!)).toEqual([
      'shop',
      'event_time',
      'asked',
      'label',
      'hour',
      'visits_2h',
      'spent_2h',
      'kind',
      'size',
    ])
    const again = join(folder, 'again.parquet')
    await buildTrainingSet(context.analytics, plan, { snapshotDirectory: folder, target: again })
    expect(readFileSync(again).equals(readFileSync(target))).toBe(true)
    let row = 0
    for (const hour of moments) {
      await update(hour)
      for (const name of ['a', 'b', 'c']) {
        const { shop, hour: hourValue, visits_2h, spent_2h, kind } = found[row++]!
        expect(shop).toBe(name)
        expect(hourValue).toBe(new Date(at(hour)).getUTCHours())
        expect([visits_2h, spent_2h, kind]).toEqual((await read(name, hour)).values)
      }
    }
  })

  it('materialises by itself when a dataset has a new version', async () => {
    const { context, deliver, read } = await arrange()
    context.clock.set(at(3))
    await deliver('1.csv', [['a', 1, 10]])
    await consume(context, materializeOnNewData)
    await consume(context, materializeOnNewData)
    const jobs = await context.db.read.selectFrom('job').selectAll().execute()
    expect(jobs.map(({ kind }) => kind)).toEqual(['features.materialize', 'features.materialize'])
    const payload = JSON.parse(jobs[1]!.payload_json) as { view: string }
    expect(payload.view).toBe('traffic')
    const { signal } = new AbortController()
    await materializeJob.run(context, {
      id: 'j',
      projectId: PROJECT_ID,
      kind: 'features.materialize',
      payload,
      attempt: 1,
      lastAttempt: false,
      signal,
    })
    expect((await read('a', 3)).values).toEqual([1, 10, 'k1'])
    const [freshness] = await listFreshness(context, { projectId: PROJECT_ID })
    expect(freshness).toMatchObject({
      ageMs: 2 * HOUR_MS,
      keys: 1,
      staleKeys: 0,
      stale: false,
      materializedUntilMs: at(3),
    })
    context.clock.set(at(9))
    expect((await listFreshness(context, { projectId: PROJECT_ID }))[0]).toMatchObject({
      staleKeys: 1,
      stale: true,
    })
  })

  it('tells that the online store is away, and what was materialised last', async () => {
    const { context, deliver, update } = await arrange()
    await deliver('1.csv', [['a', 1, 10]])
    await update(2)
    // Nobody listens there.
    await using online = await openOnline({ onlineUrl: 'redis://127.0.0.1:1', dataDir: '/nowhere' })
    expect(await listFreshness({ ...context, online }, { projectId: PROJECT_ID })).toMatchObject([
      { materializedUntilMs: at(2), newestEventMs: at(1), keys: 0, stale: true, storeAnswers: false },
    ])
    expect(await listFreshness(context, { projectId: PROJECT_ID })).toMatchObject([
      { newestEventMs: at(1), keys: 1, storeAnswers: true },
    ])
    await expect(
      online.write('view', [{ entityKey: 'a', eventMs: 1, createdMs: 1, values: [1] }]),
    ).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('there is no connection') as string,
    })
  })

  it('asks for a view again when its job has failed because the online store was away', async () => {
    const { context, deliver, spec } = await arrange()
    await deliver('1.csv', [['a', 1, 10]])
    await using online = await openOnline({ onlineUrl: 'redis://127.0.0.1:1', dataDir: '/nowhere' })
    const { view, definitionHash } = spec.views[0]!
    const { signal } = new AbortController()
    const fail = (id: string, lastAttempt: boolean): Promise<void> =>
      materializeJob.run(
        { ...context, online },
        {
          id,
          projectId: PROJECT_ID,
          kind: 'features.materialize',
          payload: { view, definitionHash },
          attempt: 3,
          lastAttempt,
          signal,
        },
      )
    const waiting = async (): Promise<unknown[]> =>
      await context.db.read
        .selectFrom('job')
        .select('payload_json')
        .where('run_at_ms', '>', await context.db.wallTime())
        .execute()
    await expect(fail('one', false)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await waiting()).toEqual([])
    await expect(fail('one', true)).rejects.toMatchObject({ code: 'unavailable' })
    await expect(fail('other', true)).rejects.toMatchObject({ code: 'unavailable' })
    const found = await waiting()
    expect(found.length === 1 || found.length === 2).toBe(true)
    expect(found[0]).toEqual({ payload_json: JSON.stringify({ view, definitionHash, complete: false }) })
  })

  it('asks for a view again when an event that was in the future has come', async () => {
    const { context, deliver, update, read } = await arrange()
    await deliver('1.csv', [
      ['a', 1, 10],
      ['a', 5, 20],
    ])
    await update(2)
    context.clock.set(at(2) + 30_000)
    expect(await enqueueDueMaterializations(context)).toBe(0)
    context.clock.set(at(5))
    expect(await enqueueDueMaterializations(context)).toBe(1)
    expect(await enqueueDueMaterializations(context)).toBe(0)
    await update(5)
    expect((await read('a', 5)).values).toEqual([1, 20, 'k5'])
    context.clock.set(at(50))
    expect(await enqueueDueMaterializations(context)).toBe(0)
  })

  it('shows definitions, freshness and services over HTTP', async () => {
    const { context, spec, deliver, update } = await arrange()
    const app = createApp({
      context,
      routes,
      authenticate: async () => localOwner,
      resolveProject: async () => PROJECT_ID,
    })
    const get = async (path: string): Promise<unknown> => await (await app.request(`/api/v1${path}`)).json()
    await deliver('1.csv', [['a', 1, 10]])
    await update(1)
    context.clock.set(at(2))
    const all = await get('/features')
    routes.find(({ path }) => path === '/features')!.response.parse(all)
    expect(all).toMatchObject({
      entities: [{ name: 'shop', key: 'shop' }],
      views: [{ view: { view: 'traffic', dataset: 'visits' }, ageMs: HOUR_MS, keys: 1, stale: false }],
      onDemand: [{ name: 'hour_of_day', module: 'hour.mjs' }],
      services: [{ name: 'basket' }],
    })
    expect(await get('/features/services/basket')).toEqual(spec)
    expect(await get('/features/services/nothing')).toMatchObject({ error: { code: 'not_found' } })
    const asked = await app.request('/api/v1/features/views/traffic/materialize', { method: 'POST' })
    expect(await asked.json()).toEqual({ jobIds: [expect.any(String)] })
  })

  it('keeps the values of an earlier definition for the models that use it, until it is retired', async () => {
    const { context, spec, deliver, update, read } = await arrange()
    await deliver('1.csv', [['a', 1, 10]])
    const changed = { ...traffic, sql: traffic.sql!.replace('2 HOURS', '1 HOUR') }
    await declareFeatures(context, {
      projectId: PROJECT_ID,
      actor: localOwner,
      definitions: { ...definitions, views: [changed] },
    })
    await update(2)
    expect((await read('a', 2)).values).toEqual([1, 10, 'k1'])
    const live = async (): Promise<string[]> =>
      (await listFreshness(context, { projectId: PROJECT_ID }))
        .map(({ current }) => (current ? 'current' : 'earlier'))
        .sort()
    expect(await live()).toEqual(['current', 'earlier'])
    await retireViews(context, { projectId: PROJECT_ID, actor: localOwner, used: [spec] })
    expect(await live()).toEqual(['current', 'earlier'])
    expect(await retireViews(context, { projectId: PROJECT_ID, actor: localOwner, used: [] })).toEqual([
      'traffic',
    ])
    expect(await live()).toEqual(['current'])
    expect((await read('a', 2)).statuses).toEqual(['NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND'])
    // A deployment of an old version brings its views back.
    await context.db.write((trx) => reviveViews(trx, { projectId: PROJECT_ID, spec }))
    expect(await live()).toEqual(['current', 'earlier'])
    await update(2)
    expect((await read('a', 2)).values).toEqual([1, 10, 'k1'])
  })

  it('summarises once a day what a view gives for its keys, with what was online when', async () => {
    const { context, deliver, update } = await arrange()
    await deliver('1.csv', [
      ['a', 1, 10],
      ['b', 2, 5],
      ['c', 5, null],
    ])
    context.clock.set(at(5))
    await update(5)
    for (let time = 0; time < 2; time++) await consume(context, summariseOnMaterialized)
    const jobs = await context.db.read
      .selectFrom('job')
      .selectAll()
      .where('kind', '=', 'features.summarise')
      .execute()
    expect(jobs).toHaveLength(1)
    const payload = JSON.parse(jobs[0]!.payload_json) as { view: string; definitionHash: string }
    const job = { id: 'x', projectId: PROJECT_ID, kind: '', payload, attempt: 1, lastAttempt: true }
    for (let time = 0; time < 2; time++)
      await summariseJob.run(context, { ...job, signal: new AbortController().signal })
    const page = await getViewPage(context, { projectId: PROJECT_ID, actor: localOwner, name: 'traffic' })
    expect(page.summaries).toHaveLength(1)
    const [visits, spent, kind] = page.summaries[0]!.summary.columns
    expect([visits!.rows, visits!.mean, spent!.nulls, spent!.max]).toEqual([3, 1, 1, 10])
    expect(kind!.top).toEqual([
      { value: 'k1', count: 1 },
      { value: 'k2', count: 1 },
      { value: 'k5', count: 1 },
    ])
    expect(page.states.map(({ cursorMs, newestEventMs }) => [cursorMs, newestEventMs])).toEqual([
      [at(5), at(5)],
    ])
    context.clock.set(at(6))
    await update(6)
    await summariseJob.run(context, { ...job, signal: new AbortController().signal })
    const later = await getViewPage(context, { projectId: PROJECT_ID, actor: localOwner, name: 'traffic' })
    expect(later.summaries.map(({ toMs, summary }) => [toMs, summary.rows])).toEqual([
      [at(6), 2],
      [at(5), 3],
    ])
  })

  it('refuses a training set that lacks a column or a dataset version', async () => {
    const { context, folder, spec, deliver } = await arrange()
    const version = await deliver('1.csv', [['a', 1, 10]])
    const plan = (datasetVersions: Record<string, string>): ReturnType<typeof planTrainingSet> =>
      planTrainingSet(context, {
        projectId: PROJECT_ID,
        actor: localOwner,
        spec,
        spine: { sql: 'SELECT shop, seen AS event_time FROM visits' },
        datasetVersions,
      })
    await expect(plan({})).rejects.toThrow('needs a version of visits, which the view traffic reads')
    const built = buildTrainingSet(context.analytics, await plan({ visits: version.id }), {
      snapshotDirectory: folder,
      target: join(folder, 'x.parquet'),
    })
    await expect(built).rejects.toThrow('The spine of basket has no column asked, size')
  })
})
