import { serve } from '@hono/node-server'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { localOwner } from '../../src/kernel/actor.ts'
import { createModel, registerVersion, setAlias } from '../../src/registry/registry.ts'
import { createServerApp } from '../../src/server/server.ts'
import { createRun, logBatch } from '../../src/tracking/tracking.ts'
import { openTestContext, PROJECT_ID, TEST_TIME_MS, type TestContext } from '../databases.ts'

const run = promisify(execFile)
const VENV = join(import.meta.dirname, '../../.venv/schemathesis')
const FUZZER = 'schemathesis==4.32.5'
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
]

async function ensureFuzzer(): Promise<void> {
  if (existsSync(join(VENV, 'bin/schemathesis'))) return
  await run('python3', ['-m', 'venv', VENV])
  await run(join(VENV, 'bin/pip'), ['install', '--quiet', FUZZER], { timeout: 300_000 })
}

/** A run and a model, so that the fuzzer reaches past the first look-up. Returns their names as path parameters. */
async function someOfEach(context: TestContext): Promise<Record<string, string | number>> {
  const caller = { projectId: PROJECT_ID, actor: localOwner }
  const { id: runId, experimentId } = await createRun(context, {
    ...caller,
    experimentId: '0',
    name: 'known',
  })
  const metrics = [{ key: 'auc', value: 0.7, timestampMs: TEST_TIME_MS, step: 0 }]
  await logBatch(context, { ...caller, runId, metrics, params: [{ key: 'depth', value: '3' }] })
  const { name } = await createModel(context, { ...caller, name: 'late' })
  await registerVersion(context, { ...caller, model: name, source: 'a test', runId })
  await setAlias(context, { ...caller, model: name, alias: 'champion', version: 1, source: 'rest' })
  return { runId, experimentId, name, version: 1, alias: 'champion', key: 'auc' }
}

it('the OpenAPI document is true: whatever a fuzzer sends is answered as it says, and never with a fault', async () => {
  await ensureFuzzer()
  await using context = await openTestContext()
  const parameters = await someOfEach(context)
  const folder = await mkdtemp(join(tmpdir(), 'tidemill-fuzz-'))
  const lines = Object.entries(parameters).map(([name, value]) => `"path.${name}" = ${JSON.stringify(value)}`)
  const settings = ['[parameters]', ...lines, ''].join('\n')
  await writeFile(join(folder, 'schemathesis.toml'), settings)
  const server = serve({ fetch: createServerApp(context).fetch, port: 0, hostname: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  try {
    const options = ['--max-examples', '20', '--phases', 'coverage,fuzzing', '--no-color']
    const { stdout } = await run(
      join(VENV, 'bin/schemathesis'),
      ['run', `http://127.0.0.1:${port}/api/openapi.json`, ...options, '--checks', CHECKS.join(',')],
      { cwd: folder, timeout: 500_000, maxBuffer: 1 << 26 },
    ).catch((error: unknown) => {
      throw new Error((error as { stdout?: string }).stdout?.slice(0, 20_000) ?? String(error))
    })
    const [, cases = '0'] = /(\d+) generated, \d+ passed/.exec(stdout) ?? []
    expect(Number(cases), stdout.slice(-5_000)).toBeGreaterThan(1_000)
  } finally {
    await new Promise((resolve) => server.close(resolve))
    await rm(folder, { recursive: true })
  }
})
