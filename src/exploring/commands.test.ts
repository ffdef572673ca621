import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { serve } from '@hono/node-server'
import { expect, it } from 'vitest'
import { openTestContext, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { datasetRoutes, flights, penguins, RealDatasets } from '../../test/real-datasets.ts'
import { createApp } from '../http/app.ts'
import { localOwner } from '../kernel/actor.ts'
import type { DatasetVersion } from '../data/schema.ts'

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))

interface Said {
  code: number
  stdout: string
  stderr: string
}

/** The room's routes on a port, and `tidemill data …` as a process of its own that talks to them. */
async function serveData(context: TestContext) {
  const app = createApp({
    context,
    routes: datasetRoutes,
    authenticate: async () => localOwner,
    resolveProject: async () => PROJECT_ID,
  })
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const run = async (...args: string[]): Promise<Said> => {
    const argv = ['--disable-warning=ExperimentalWarning', MAIN, 'data', ...args, '--server', url]
    try {
      return { code: 0, ...(await promisify(execFile)(process.execPath, argv)) }
    } catch (error) {
      return error as Said
    }
  }
  return { run, [Symbol.dispose]: () => void server.close() }
}

/** flights-3m.parquet and penguins.json of vega-datasets. */
async function withDatasets(
  work: (at: {
    run: (...args: string[]) => Promise<Said>
    folder: string
    first: DatasetVersion
    second: DatasetVersion
  }) => Promise<void>,
): Promise<void> {
  await using context = await openTestContext()
  using real = new RealDatasets(context)
  const described = { description: 'Birds of three species', owner: 'gorman', tags: ['antarctic'] }
  await real.declare(flights, { ...penguins, ...described })
  await real.writeFlights('flights-1.parquet', `date < '2001-01-03'`, 10)
  const first = await real.ingest('flights')
  await real.writeFlights('flights-2.parquet', `date >= '2001-01-03' AND date < '2001-01-04'`, 10)
  const second = await real.ingest('flights')
  real.copy('penguins.json')
  await real.ingest('penguins')
  using served = await serveData(context)
  await work({ run: served.run, folder: real.folder, first, second })
}

it('shows datasets and their versions, and says in its exit code what is not there', async () => {
  await withDatasets(async ({ run, first, second }) => {
    const [list, searched, none] = await Promise.all([
      run('list'),
      run('list', '--search', 'ANTARCTIC Beak'),
      run('list', '--search', 'antarctic delay'),
    ])
    expect(list.stdout).toMatch(/^flights +2 +[\d,]+ +2001-01-01 .* passed$/m)
    expect(list.stdout).toMatch(/^penguins +1 +344 .* gorman +Birds of three species$/m)
    expect(searched.stdout).toMatch(/^dataset .*\npenguins [^\n]*\n$/)
    expect(none.stdout).toBe('No dataset has these words.\n')

    const [shown, latest, versions] = await Promise.all([
      run('show', 'flights@1'),
      run('show', 'flights', '--json'),
      run('versions', 'flights'),
    ])
    expect(shown.stdout).toContain('version  flights@1')
    expect(shown.stdout).toMatch(/^created {2}2001-01-15 00:00:00 by owner: asked for$/m)
    expect(shown.stdout).toContain(`content  ${first.contentHash}`)
    expect(shown.stdout).toContain('every expectation held')
    expect(shown.stdout).toMatch(/^origin +VARCHAR +0\.0 % /m)
    expect(JSON.parse(latest.stdout)).toMatchObject({
      number: 2,
      rows: second.rows,
      addedRows: second.addedRows,
    })
    const names = versions.stdout.split('\n').map((line) => line.split(' ')[0])
    expect(names).toEqual(['version', 'flights@2', 'flights@1', ''])

    const [report, ingest, missing, wrong] = await Promise.all([
      run('report', 'penguins'),
      run('ingest', 'flights'),
      run('show', 'flights@7'),
      run('show', 'flights@x'),
    ])
    expect(report.stdout).toContain('penguins: 344 rows in 1 file')
    expect(ingest.stdout).toContain('A worker looks for new data of flights')
    expect(missing).toMatchObject({ code: 3, stderr: 'error: The dataset flights has no version 7\n' })
    expect(wrong.code).toBe(2)
  })
}, 60_000)

it('reads the rows of a server: differences of keys, SQL, exports', async () => {
  await withDatasets(async ({ run, folder, first }) => {
    const target = join(folder, 'out.csv')
    const [difference, counted, exported] = await Promise.all([
      run('diff', 'flights@1', 'flights@2', '--key', 'origin,destination,date'),
      run('sql', 'SELECT count(*) AS n FROM flights@1', '--json'),
      run('export', 'flights@1', '--to', target),
    ])
    expect(difference.stdout).toContain('parts    1 kept, 1 added')
    expect(difference.stdout).toMatch(/^by origin, destination, date: [\d,]+ added, 0 removed, 0 changed$/m)
    expect(JSON.parse(counted.stdout)).toEqual([{ n: first.rows }])
    expect(exported.stdout).toContain(`rows in ${target}`)
    expect(readFileSync(target, 'utf8').trim().split('\n')).toHaveLength(first.rows + 1)
  })
}, 60_000)

it('says what each check said over time, and infers expectations and a task of what a server has', async () => {
  await withDatasets(async ({ run }) => {
    const [checks, checksAsJson, inferred, asJson, none] = await Promise.all([
      run('checks', 'flights'),
      run('checks', 'flights', '--json'),
      run('infer', 'flights@1', '--target', 'delay'),
      run('infer', 'penguins', '--json'),
      run('infer', 'flights', '--target', 'nothing'),
    ])
    expect(checks.stdout).toMatch(/^ok +date is known +0 of 2 +0 of [\d,]+ +\.\.$/m)
    const series = JSON.parse(checksAsJson.stdout) as { key: string; points: { version: number }[] }[]
    expect(series.find(({ key }) => key === 'notNull:date')!.points.map(({ version }) => version)).toEqual([
      1, 2,
    ])
    expect(inferred.stdout).toContain('// Inferred from')
    expect(inferred.stdout).toContain('rows of flights@1.')
    expect(inferred.stdout).toContain('export const expectations = [')
    expect(inferred.stdout).toContain('// Target delay\n// Task: regression (')
    expect(JSON.parse(asJson.stdout)).toMatchObject({ rows: 344, time: null, target: null })
    expect(none.code).toBe(2)
    expect(none.stderr).toContain('There is no column nothing to predict. Columns: date, delay')
  })
}, 60_000)
