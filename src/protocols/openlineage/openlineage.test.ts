import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { z } from 'zod'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../../test/databases.ts'
import { declareDatasets } from '../../data/data.ts'
import { ingest } from '../../ingest/ingest.ts'
import { dataset } from '../../data/definition.ts'
import {
  anomaly,
  between,
  inSet,
  notNull,
  rowCount,
  sqlCheck,
  unique,
} from '../../expectations/definition.ts'
import { createApp } from '../../http/app.ts'
import { consume } from '../../jobs/events.ts'
import { localOwner } from '../../kernel/actor.ts'
import { files } from '../../sources/definition.ts'
import { openLineageConsumer } from './consumers.ts'
import { openLineageJobs } from './jobs.ts'
import { openLineageRoutes } from './routes.ts'

const SCHEMAS = join(import.meta.dirname, '../../../test/conformance/openlineage')
const WEATHER = join(import.meta.dirname, '../../../node_modules/vega-datasets/data/seattle-weather.csv')

/** The schemas of the specification as one, so that what they refer to is found. */
function specification(): { $defs: Record<string, object> } {
  const texts = readdirSync(SCHEMAS)
    .filter((name) => name.endsWith('.json'))
    .map((name) => readFileSync(join(SCHEMAS, name), 'utf8').replaceAll(/https:\/\/[^"]*?\.json#\//g, '#/'))
  const all = texts.map((text) => JSON.parse(text) as { $defs: Record<string, object> })
  return { $defs: Object.assign({}, ...all.map(({ $defs }) => $defs)) as Record<string, object> }
}

const validator = (name: string): z.ZodType =>
  z.fromJSONSchema({ ...specification(), $ref: `#/$defs/${name}` } as Parameters<typeof z.fromJSONSchema>[0])

interface Event {
  eventType: string
  run: { runId: string; facets: Record<string, unknown> }
  job: object
  inputs: {
    name: string
    facets: Record<string, unknown>
    inputFacets: {
      dataQualityAssertions: { assertions: Record<string, unknown>[] }
      dataQualityMetrics: { rowCount: number; columnMetrics: Record<string, Record<string, number>> }
    }
  }[]
}

const folders: string[] = []
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })))

describeDatabases('OpenLineage', (open) => {
  const arrange = async () => {
    const context = await open()
    const folder = mkdtempSync(join(tmpdir(), 'tidemill-openlineage-'))
    folders.push(folder)
    await declareDatasets(context, {
      projectId: PROJECT_ID,
      actor: localOwner,
      directory: folder,
      datasets: [
        dataset('weather', {
          source: files('*.csv'),
          time: 'date',
          expect: [
            unique('date'),
            between('wind', 0, 9, { severity: 'warn' }),
            inSet('weather', ['rain', 'sun', 'fog', 'drizzle', 'snow']),
            sqlCheck('no frost in July', 'SELECT * FROM dataset WHERE month(date) = 7 AND temp_min < 0'),
            rowCount({ min: 1000 }),
            anomaly({ of: 'nulls', columns: ['wind'] }),
            notNull('wind'),
          ],
        }),
      ],
    })
    const app = createApp({
      context,
      routes: openLineageRoutes,
      authenticate: async () => localOwner,
      resolveProject: async () => PROJECT_ID,
    })
    const eventOf = async (id: string): Promise<Event> => {
      const response = await app.request(`/api/v1/validation-reports/${id}/openlineage`)
      expect(response.status).toBe(200)
      return (await response.json()) as Event
    }
    const arrive = async (name: string, text: string) => {
      writeFileSync(join(folder, name), text)
      const result = await ingest(context, { projectId: PROJECT_ID, actor: localOwner, dataset: 'weather' })
      if (!('report' in result)) throw new Error(result.state)
      return result.report
    }
    return { context, app, arrive, eventOf }
  }
  const real = readFileSync(WEATHER, 'utf8')

  it('has every check as an assertion, in an event that the published schemas accept', async () => {
    const { app, arrive, eventOf } = await arrange()
    const report = await arrive('weather.csv', real)
    const event = await eventOf(report.id)
    expect(validator('RunEvent').safeParse(event).error?.issues ?? []).toEqual([])
    const [input] = event.inputs
    const { dataQualityAssertions, dataQualityMetrics } = input!.inputFacets
    for (const [name, facet] of [
      ['DataQualityAssertionsDatasetFacet', dataQualityAssertions],
      ['DataQualityMetricsInputDatasetFacet', dataQualityMetrics],
      ['SchemaDatasetFacet', input!.facets['schema']],
      ['DatasetVersionDatasetFacet', input!.facets['version']],
    ] as const)
      expect({ name, issues: validator(name).safeParse(facet).error?.issues ?? [] }).toEqual({
        name,
        issues: [],
      })
    expect(
      validator('DataQualityAssertionsDatasetFacet').safeParse({ assertions: [{ assertion: 1 }] }).success,
    ).toBe(false)
    expect(validator('RunEvent').safeParse({ ...event, run: { runId: 'no uuid' } }).success).toBe(false)
    expect(event).toMatchObject({ eventType: 'COMPLETE', run: { runId: report.id } })
    expect(
      dataQualityAssertions.assertions.map(({ assertion, column, success }) => [assertion, column, success]),
    ).toEqual([
      ['not_null', 'date', true],
      ['unique', 'date', true],
      ['between', 'wind', false],
      ['accepted_values', 'weather', true],
      ['custom_sql', undefined, true],
      ['row_count', undefined, true],
      ['not_null', 'wind', true],
      ['anomaly', 'wind', true],
    ])
    expect(dataQualityAssertions.assertions[2]).toMatchObject({
      severity: 'warn',
      actual: '1 of 1461 rows fail',
    })
    expect(dataQualityAssertions.assertions[5]).toMatchObject({ expected: '1000..', actual: '1461' })
    expect(dataQualityMetrics).toMatchObject({ rowCount: 1461, fileCount: 1 })
    expect(dataQualityMetrics.columnMetrics['weather']).toMatchObject({
      nullCount: 0,
      distinctCount: 5,
      count: 1461,
    })
    expect((await app.request('/api/v1/validation-reports/none/openlineage')).status).toBe(404)
  })

  it('says of data that were refused that the run failed, and why', async () => {
    const { arrive, eventOf } = await arrange()
    const report = await arrive('weather.csv', real.replace(',sun\n', ',hail\n'))
    const event = await eventOf(report.id)
    expect(validator('RunEvent').safeParse(event).error?.issues ?? []).toEqual([])
    expect(validator('ErrorMessageRunFacet').safeParse(event.run.facets['errorMessage']).success).toBe(true)
    expect(event).toMatchObject({
      eventType: 'FAIL',
      run: { facets: { errorMessage: { message: report.sentence } } },
      inputs: [{ name: 'weather', facets: {} }],
    })
  })

  it('is sent once for each report, again when the other side did not take it, and not without an address', async () => {
    const { context, arrive } = await arrange()
    await arrive('weather.csv', real)
    const jobs = () =>
      context.db.read.selectFrom('job').selectAll().where('kind', '=', 'openlineage.send').execute()
    await consume(context, openLineageConsumer)
    expect(await jobs()).toEqual([])
    const received: { run: string; authorization: string | undefined }[] = []
    const statuses = [503, 201, 201]
    const server = createServer((request, response) => {
      let text = ''
      request.on('data', (chunk: Buffer) => (text += chunk.toString()))
      request.on('end', () => {
        const { run } = JSON.parse(text) as Event
        received.push({ run: run.runId, authorization: request.headers.authorization })
        response.writeHead(statuses.shift()!).end('not now')
      })
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as AddressInfo
    const config = {
      ...context.config,
      openLineageUrl: `http://127.0.0.1:${port}/api/v1/lineage`,
      openLineageToken: 'secret',
    }
    const configured: TestContext = { ...context, config }
    const refused = await arrive('more.csv', real.replaceAll('\n20', '\n19').replace(',sun\n', ',hail\n'))
    const accepted = await arrive('old.csv', real.replaceAll('\n20', '\n18'))
    await consume(configured, openLineageConsumer)
    const run = async (row: { id: string; payload_json: string }) =>
      await openLineageJobs[0]!.run(configured, {
        id: row.id,
        projectId: PROJECT_ID,
        kind: 'openlineage.send',
        payload: JSON.parse(row.payload_json) as Record<string, string>,
        attempt: 1,
        lastAttempt: false,
        signal: new AbortController().signal,
      })
    const [first, second, ...others] = (await jobs()).toSorted((a, b) => (a.id < b.id ? -1 : 1))
    expect(others).toEqual([])
    await expect(run(first!)).rejects.toThrow('The OpenLineage server answered 503: not now')
    await run(first!)
    await run(second!)
    await new Promise((done) => server.close(done))
    expect(received.map((each) => each.run)).toEqual([refused.id, refused.id, accepted.id])
    expect(received[0]!.authorization).toBe('Bearer secret')
    await expect(run(first!)).rejects.toThrow("The OpenLineage server can't be reached")
  })
})
