import { datasetRoutes } from '../../test/real-datasets.ts'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { createApp } from '../http/app.ts'
import { localOwner } from '../kernel/actor.ts'
import { declareDatasets, latestVersion, referencedBlobs, resolveVersion } from '../data/data.ts'
import { enqueueDueProbes } from '../ingest/probe.ts'
import { dataset } from '../data/definition.ts'
import { files } from '../sources/definition.ts'
import { notNull } from '../expectations/definition.ts'
import { probeJob } from '../ingest/jobs.ts'

const folders: string[] = []
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })))

describeDatabases('datasets over HTTP', (open) => {
  const arrange = async () => {
    const context = await open()
    const folder = mkdtempSync(join(tmpdir(), 'tidemill-routes-'))
    folders.push(folder)
    await declareDatasets(context, {
      projectId: PROJECT_ID,
      actor: localOwner,
      directory: folder,
      datasets: [
        dataset('flights', {
          source: files('*.csv'),
          time: 'date',
          expect: [notNull('origin')],
          probeEvery: '1h',
        }),
      ],
    })
    const app = createApp({
      context,
      routes: datasetRoutes,
      authenticate: async () => localOwner,
      resolveProject: async () => PROJECT_ID,
    })
    const get = async (path: string): Promise<{ status: number; body: unknown }> => {
      const response = await app.request(`/api/v1${path}`)
      return { status: response.status, body: await response.json() }
    }
    return { context, folder, app, get }
  }
  const work = async (context: TestContext): Promise<void> => {
    const jobs = await context.db.read
      .selectFrom('job')
      .selectAll()
      .where('kind', '=', 'data.probe')
      .execute()
    const { signal } = new AbortController()
    for (const { id, payload_json } of jobs) {
      const payload = JSON.parse(payload_json) as { dataset: string }
      await probeJob.run(context, {
        id,
        projectId: PROJECT_ID,
        kind: 'data.probe',
        payload,
        attempt: 1,
        lastAttempt: false,
        signal,
      })
    }
  }

  it('ingests when asked, past a bad file, and shows versions, summary and the rows that failed', async () => {
    const { context, folder, app, get } = await arrange()
    writeFileSync(join(folder, '1.csv'), 'date,origin\n2001-01-01 10:00:00,\n')
    writeFileSync(join(folder, '2.csv'), 'date,origin\n2001-01-01 10:00:00,ATL\n')
    const asked = await app.request('/api/v1/datasets/flights/ingest', { method: 'POST' })
    expect(await asked.json()).toEqual({ jobId: expect.any(String) })
    await work(context)
    const parse = (path: string, body: unknown): unknown =>
      datasetRoutes.find((route) => route.path === path && route.method === 'GET')!.response.parse(body)
    const list = await get('/datasets')
    parse('/datasets', list.body)
    expect(list.body).toMatchObject({ items: [{ name: 'flights', latest: { number: 1, rows: 1 } }] })
    const one = await get('/datasets/flights')
    parse('/datasets/:name', one.body)
    expect(one.body).toMatchObject({ versions: [{ number: 1 }], quarantined: [{ path: '1.csv' }] })
    const version = await get('/datasets/flights/versions/1')
    parse('/datasets/:name/versions/:number', version.body)
    expect(version.body).toMatchObject({
      summary: {
        rows: 1,
        columns: [{ name: 'date' }, { name: 'origin', top: [{ value: 'ATL', count: 1 }] }],
      },
    })
    const { reportId } = (one.body as { quarantined: { reportId: string }[] }).quarantined[0]!
    const report = await get(`/validation-reports/${reportId}`)
    parse('/validation-reports/:id', report.body)
    expect(report.body).toMatchObject({
      verdict: 'failed',
      failingRows: [{ file: '1.csv', row: 1, values: { date: '2001-01-01 10:00:00', origin: null } }],
    })
    writeFileSync(join(folder, '1.csv'), 'date,origin\n2001-01-01 11:00:00,LAX\n')
    await app.request('/api/v1/datasets/flights/ingest', { method: 'POST' })
    await work(context)
    const mended = await get('/datasets/flights')
    expect(mended.body).toMatchObject({ latest: { number: 2, rows: 2 }, quarantined: [] })
    expect((await get('/datasets/nothing')).status).toBe(404)
    expect((await get('/datasets/flights/versions/7')).status).toBe(404)
    expect((await app.request('/api/v1/datasets/nothing/ingest', { method: 'POST' })).status).toBe(404)
  })

  it('refuses what is no reference of a version, and says which dataset or version there is not', async () => {
    const { context } = await arrange()
    const asked = (reference: string) => resolveVersion(context, { projectId: PROJECT_ID, reference })
    for (const reference of ['flights@two', 'flights@', '@2', 'flights@9999999999'])
      await expect(asked(reference)).rejects.toMatchObject({ code: 'invalid' })
    await expect(asked('fights@1')).rejects.toThrow('There is no dataset fights. Did you mean flights?')
    await expect(asked('flights@7')).rejects.toThrow('The dataset flights has no version 7')
    await expect(asked('flights')).rejects.toThrow('The dataset flights has no version yet')
  })

  it('probes once in each interval, whoever asks', async () => {
    const { context } = await arrange()
    const counts = await Promise.all([enqueueDueProbes(context), enqueueDueProbes(context)])
    expect(counts[0] + counts[1]).toBe(1)
  })

  it('names every blob that garbage collection must keep', async () => {
    const { context, folder } = await arrange()
    writeFileSync(join(folder, '1.csv'), 'date,origin\n2001-01-01 10:00:00,ATL\n')
    await enqueueDueProbes(context)
    await work(context)
    const version = await latestVersion(context, { projectId: PROJECT_ID, dataset: 'flights' })
    const held = await referencedBlobs(context.db.read)
    const known = await context.db.read.selectFrom('blob').select('sha256').execute()
    expect(held.sort()).toEqual(known.map(({ sha256 }) => sha256).sort())
    expect(held).toContain(version!.manifestSha256)
  })
})
