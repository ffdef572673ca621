import { execFile } from 'node:child_process'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { serve } from '@hono/node-server'
import { expect, it } from 'vitest'
import { openTestContext, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { flights, penguins, RealDatasets } from '../../test/real-datasets.ts'
import { createApp } from '../http/app.ts'
import { localOwner } from '../kernel/actor.ts'
import { routes } from './routes.ts'

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
    routes,
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
it('shows datasets and their versions, and says in its exit code what is not there', async () => {
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

  const list = await served.run('list')
  expect(list.stdout).toMatch(/^flights +2 +[\d,]+ +2001-01-01 .* passed$/m)
  expect(list.stdout).toMatch(/^penguins +1 +344 .* passed +gorman +Birds of three species$/m)
  const searched = await served.run('list', '--search', 'ANTARCTIC Beak')
  expect(searched.stdout).toMatch(/^dataset .*\npenguins [^\n]*\n$/)
  expect((await served.run('list', '--search', 'antarctic delay')).stdout).toBe(
    'No dataset has these words.\n',
  )

  const shown = await served.run('show', 'flights@1')
  expect(shown.stdout).toContain('version  flights@1')
  expect(shown.stdout).toContain(`content  ${first.contentHash}`)
  expect(shown.stdout).toContain('every expectation held')
  expect(shown.stdout).toMatch(/^origin +VARCHAR +0\.0 % /m)
  const latest = await served.run('show', 'flights', '--json')
  expect(JSON.parse(latest.stdout)).toMatchObject({
    number: 2,
    rows: second.rows,
    addedRows: second.addedRows,
  })

  const versions = await served.run('versions', 'flights')
  expect(versions.stdout.split('\n').map((line) => line.split(' ')[0])).toEqual([
    'version',
    'flights@2',
    'flights@1',
    '',
  ])
  expect((await served.run('report', 'penguins')).stdout).toContain('passed: penguins: 344 rows in 1 file')
  expect((await served.run('ingest', 'flights')).stdout).toContain('A worker looks for new data of flights')

  const missing = await served.run('show', 'flights@7')
  expect(missing).toMatchObject({ code: 3, stderr: 'error: The dataset flights has no version 7\n' })
  expect((await served.run('show', 'flights@x')).code).toBe(2)
})
