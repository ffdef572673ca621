import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { serve } from '@hono/node-server'
import { beforeAll, expect, it } from 'vitest'
import { localOwner } from '../../src/kernel/actor.ts'
import type { ImportReport } from '../../src/importing/schema.ts'
import { mlflowApp } from '../../src/protocols/mlflow/mlflow.ts'
import { openTestContext, type TestContext } from '../databases.ts'
import { ensureEnvironment } from './environments.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')
const SCRIPTS = join(import.meta.dirname, 'mlflow')

let interpreter = ''

beforeAll(async () => {
  interpreter = await ensureEnvironment('mlflow', join(SCRIPTS, 'requirements.txt'))
}, 1_200_000)

function python(...args: string[]): Promise<string> {
  return pythonOf(interpreter, tmpdir(), ...args)
}

/** Local stores keep their artifacts where the client runs. */
async function pythonOf(executable: string, cwd: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(executable, ['-W', 'ignore', join(SCRIPTS, 'import_store.py'), ...args], {
    cwd,
    env: { ...process.env, MLFLOW_HTTP_REQUEST_MAX_RETRIES: '2', MLFLOW_DISABLE_TELEMETRY: 'true' },
    maxBuffer: 1 << 28,
    timeout: 300_000,
  })
  return stdout
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

/** A real MLflow server on a SQLite file, with its artifacts beside it, which clients reach through it or as files of this machine. */
async function startMlflow(
  folder: string,
  { proxied = true }: { proxied?: boolean } = {},
): Promise<{ url: string } & AsyncDisposable> {
  const port = await freePort()
  const args = ['server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1']
  const artifacts = proxied
    ? ['--artifacts-destination', `${folder}/mlartifacts`]
    : ['--no-serve-artifacts', '--default-artifact-root', `${folder}/files`]
  const stores = ['--backend-store-uri', `sqlite:///${folder}/mlflow.db`, ...artifacts]
  const child = spawn(interpreter, ['-m', 'mlflow', ...args, ...stores], {
    cwd: folder,
    stdio: 'ignore',
    detached: true,
  })
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; ; tries++) {
    if (
      await fetch(`${url}/health`).then(
        (answer) => answer.ok,
        () => false,
      )
    )
      break
    if (tries === 300 || child.exitCode !== null) throw new Error('mlflow server does not start')
    await sleep(200)
  }
  return { url, [Symbol.asyncDispose]: () => end(child) }
}

/** With the processes that it has started. */
async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  process.kill(-child.pid!, 'SIGKILL')
  await ended
}

async function listen(context: TestContext): Promise<{ url: string } & AsyncDisposable> {
  const app = mlflowApp(context, () => localOwner)
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()))
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: close }
}

function commandLine(context: TestContext, ...args: string[]): string[] {
  mkdirSync(join(context.config.dataDir, 'artifacts'), { recursive: true })
  const options = ['--data-dir', context.config.dataDir, '--json']
  return [join(ROOT, 'src/main.ts'), 'import', 'mlflow', ...args, ...options]
}

async function importInto(context: TestContext, ...args: string[]): Promise<ImportReport> {
  const { stdout } = await run(process.execPath, commandLine(context, ...args), {
    cwd: context.config.dataDir,
  })
  return JSON.parse(stdout) as ImportReport
}

async function read(context: TestContext): Promise<unknown> {
  await using server = await listen(context)
  return JSON.parse(await python('dump', server.url))
}

it('what MLflow’s client reads of a store, it reads here after the import, from the server and from its file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-mlflow-'))
  await using mlflow = await startMlflow(folder)
  await python('fill', mlflow.url)
  const expected = JSON.parse(await python('dump', mlflow.url)) as { runs: unknown[] }
  expect(expected.runs).toHaveLength(5)
  for (const source of [mlflow.url, join(folder, 'mlflow.db')]) {
    await using context = await openTestContext()
    const report = await importInto(context, source, '--include-deleted')
    expect(report.verification).toEqual({ runs: 5, differences: [] })
    expect(report.skipped).toEqual([])
    expect(await read(context)).toEqual(expected)
    const again = await importInto(context, source, '--include-deleted')
    expect(Object.values(again.counts).filter(({ imported }) => imported > 0)).toEqual([])
  }
  rmSync(folder, { recursive: true })
})

it('artifacts in folders of the server’s machine come too, of runs and of logged models', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-mlflow-'))
  await using mlflow = await startMlflow(folder, { proxied: false })
  await python('fill', mlflow.url)
  await using context = await openTestContext()
  const report = await importInto(context, mlflow.url, '--include-deleted')
  expect(report.skipped).toEqual([])
  expect(report.counts['artifact files'].imported).toBe(4)
  expect(await read(context)).toEqual(JSON.parse(await python('dump', mlflow.url)))
  rmSync(folder, { recursive: true })
})

it.for(['2.9.2', '3.0.0'])('the database that MLflow %s wrote, with its files beside it', async (version) => {
  const old = await ensureEnvironment(`mlflow-skinny-${version}`, join(SCRIPTS, `old/${version}.txt`))
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-mlflow-'))
  const file = join(folder, 'mlflow.db')
  await pythonOf(old, folder, 'fill', `sqlite:///${file}`)
  const expected = JSON.parse(await pythonOf(old, folder, 'dump', `sqlite:///${file}`)) as { runs: unknown[] }
  expect(expected.runs).toHaveLength(5)
  await using context = await openTestContext()
  const report = await importInto(context, file, '--include-deleted')
  expect(report.skipped).toEqual([])
  await using server = await listen(context)
  expect(JSON.parse(await pythonOf(old, folder, 'dump', server.url))).toEqual(expected)
  rmSync(folder, { recursive: true })
})

it('an import that is killed again and again ends with everything, once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-mlflow-'))
  const file = join(folder, 'mlflow.db')
  await python('many', `sqlite:///${file}`, '40', '900')
  await using context = await openTestContext()
  let kills = 0
  for (let wanted = 5; wanted <= 30; wanted += 8) {
    const child = spawn(process.execPath, commandLine(context, file), {
      cwd: context.config.dataDir,
      stdio: 'ignore',
    })
    while (child.exitCode === null && (await countRuns(context)) < wanted) await sleep(5)
    if (child.exitCode === null) kills += 1
    child.kill('SIGKILL')
    await once(child, 'exit').catch(() => {})
  }
  expect(kills).toBeGreaterThan(0)
  const report = await importInto(context, file)
  expect(report.verification.differences).toEqual([])
  const points = await context.db.read
    .selectFrom('run_metric')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  expect(points.count).toBe(36_000)
  expect(await countRuns(context)).toBe(40)
  expect(await read(context)).toEqual(JSON.parse(await python('dump', `sqlite:///${file}`)))
  rmSync(folder, { recursive: true })
})

async function countRuns(context: TestContext): Promise<number> {
  return (await context.db.read.selectFrom('run').select('id').execute()).length
}
