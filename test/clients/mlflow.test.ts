import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ensureProject } from '../../src/governance/governance.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { startServer, type Server } from '../../src/server/server.ts'
import { openTestContext, type TestContext } from '../databases.ts'
import { ensureEnvironment } from './environments.ts'

const run = promisify(execFile)
const scripts = join(import.meta.dirname, 'mlflow')
const environments = {
  mlflow: join(scripts, 'requirements.txt'),
  'mlflow-skinny': join(scripts, 'requirements-skinny.txt'),
} as const

let context: TestContext
let server: Server
const pythons = new Map<keyof typeof environments, string>()
const home = mkdtempSync(join(tmpdir(), 'tidemill-clients-'))

beforeAll(async () => {
  for (const [name, requirements] of Object.entries(environments) as [keyof typeof environments, string][])
    pythons.set(name, await ensureEnvironment(name, requirements))
  context = await openTestContext()
  server = await startServer({ ...context, clock: systemClock })
}, 1_200_000)

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await context[Symbol.asyncDispose]()
  rmSync(home, { recursive: true, force: true })
})

/** Runs one of the scripts as a user would: against the whole server, with what else the client reads switched off. */
async function runScript(
  script: string,
  { environment = 'mlflow', project }: { environment?: keyof typeof environments; project?: string } = {},
): Promise<void> {
  const { stdout } = await run(pythons.get(environment)!, [join(scripts, script)], {
    cwd: home,
    env: {
      PATH: process.env['PATH'],
      HOME: home,
      MLFLOW_TRACKING_URI: project === undefined ? server.url : `${server.url}/p/${project}`,
      MLFLOW_HTTP_REQUEST_MAX_RETRIES: '2',
      MLFLOW_DISABLE_TELEMETRY: 'true',
      MPLCONFIGDIR: home,
    },
    maxBuffer: 16 * 1024 ** 2,
    timeout: 570_000,
  })
  expect(stdout.trim().split('\n').at(-1)).toBe('ok')
}

it.for(['mlflow', 'mlflow-skinny'] as const)('%s: the fluent API and MlflowClient', async (environment) => {
  for (const project of [`fluent-${environment}`, `fluent-again-${environment}`]) {
    await context.db.write((trx) => ensureProject(trx, { name: project, nowMs: 0 }))
    await runScript('fluent.py', { environment, project })
  }
})

it('autologging of scikit-learn, LightGBM and XGBoost', () => runScript('autolog.py'))
it('a day of a data scientist: tables, figures, datasets, evaluation, every way to register', async () => {
  await context.db.write((trx) => ensureProject(trx, { name: 'everyday', nowMs: 0 }))
  await runScript('everyday.py', { project: 'everyday' })
})
it('the registry, its stages, aliases and prompts', () => runScript('registry.py'))
it('a protected alias is refused with the way to a promotion', () => runScript('protected.py'))
it('large artifacts in parts and whole', () => runScript('artifacts.py'))
it('system metrics', () => runScript('system_metrics.py'))
it('eight processes at once', () => runScript('processes.py'))
it('what is not served is refused at once', () => runScript('refused.py'))
it('the command line, and a scoring server of a registered model', () => runScript('command_line.py'))

it('an alias that a client sets is told as an event', async () => {
  const aliases = await context.db.read
    .selectFrom('event')
    .select('payload_json')
    .where('kind', '=', 'model.alias_set')
    .execute()
  const told = aliases.map((event) => JSON.parse(event.payload_json) as object)
  expect(told).toContainEqual({ model: 'line', alias: 'live', version: 1, source: 'mlflow' })
})
