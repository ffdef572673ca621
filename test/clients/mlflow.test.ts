import { serve } from '@hono/node-server'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { ensureProject } from '../../src/governance/governance.ts'
import { localOwner } from '../../src/kernel/actor.ts'
import { mlflowApp } from '../../src/protocols/mlflow/mlflow.ts'
import { openTestContext, type TestContext } from '../databases.ts'

const run = promisify(execFile)
const VENV = join(import.meta.dirname, '../../.venv/mlflow')
const PYTHON = join(VENV, 'bin/python')
const CLIENT = 'mlflow-skinny'

async function ensureClient(): Promise<void> {
  if (existsSync(join(VENV, 'bin/mlflow'))) return
  await run('python3', ['-m', 'venv', VENV])
  await run(PYTHON, ['-m', 'pip', 'install', '--quiet', CLIENT], { timeout: 300_000 })
}

/** The MLflow routes on a free port, as the server mounts them. */
async function listen(context: TestContext): Promise<{ url: string } & AsyncDisposable> {
  const app = mlflowApp(context, () => localOwner)
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

it(
  'the MLflow client logs, searches, reads back, registers and sets aliases',
  { timeout: 600_000 },
  async () => {
    await ensureClient()
    await using context = await openTestContext()
    await context.db.write((trx) => ensureProject(trx, { name: 'other', nowMs: 0 }))
    await using server = await listen(context)
    for (const prefix of ['', '/p/other']) {
      const { stdout } = await run(PYTHON, [join(import.meta.dirname, 'mlflow_client.py')], {
        env: {
          ...process.env,
          MLFLOW_TRACKING_URI: `${server.url}${prefix}`,
          MLFLOW_HTTP_REQUEST_MAX_RETRIES: '1',
        },
        timeout: 120_000,
      })
      expect(stdout.trim().split('\n').at(-1)).toBe('ok')
    }
    const aliases = await context.db.read
      .selectFrom('event')
      .select('payload_json')
      .where('kind', '=', 'model.alias_set')
      .execute()
    const champion = { model: 'late', alias: 'champion', version: 2, source: 'mlflow' }
    expect(aliases.map((event) => JSON.parse(event.payload_json) as object)).toEqual([champion, champion])
  },
)
