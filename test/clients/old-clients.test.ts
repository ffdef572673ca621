import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../../src/kernel/clock.ts'
import { startServer, type Server } from '../../src/server/server.ts'
import { openTestContext, PROJECT_ID, type TestContext } from '../databases.ts'
import { userWithToken, withSignIn } from '../people.ts'
import { ensureEnvironment } from './environments.ts'

const run = promisify(execFile)
const folder = join(import.meta.dirname, 'mlflow/old')
const home = mkdtempSync(join(tmpdir(), 'tidemill-old-clients-'))
const versions = readdirSync(folder)
  .filter((file) => file.endsWith('.txt'))
  .map((file) => basename(file, '.txt'))

let context: TestContext
let server: Server
let token: string

beforeAll(async () => {
  context = await openTestContext()
  const open = withSignIn({ ...context, clock: systemClock })
  await userWithToken(open, 'root', { '*': 'admin' })
  token = (await userWithToken(open, 'ada', { [PROJECT_ID]: 'maintainer' })).token
  server = await startServer(open)
})

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await context[Symbol.asyncDispose]()
  rmSync(home, { recursive: true, force: true })
})

it.for(versions)(
  'MLflow’s client of version %s does its everyday work, signed in by MLFLOW_TRACKING_TOKEN',
  async (version) => {
    const python = await ensureEnvironment(`mlflow-skinny-${version}`, join(folder, `${version}.txt`))
    const { stdout } = await run(python, ['-W', 'ignore', join(folder, 'everyday.py')], {
      cwd: home,
      env: {
        PATH: process.env['PATH'],
        HOME: home,
        MLFLOW_TRACKING_URI: server.url,
        MLFLOW_TRACKING_TOKEN: token,
        MLFLOW_HTTP_REQUEST_MAX_RETRIES: '2',
        MLFLOW_DISABLE_TELEMETRY: 'true',
      },
      timeout: 300_000,
    })
    expect(stdout.trim().split('\n').at(-1)).toBe('ok')
  },
)
