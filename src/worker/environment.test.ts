import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { openTestContext, type TestContext } from '../../test/databases.ts'
import { inheritedNames } from '../kernel/inherited-environment.ts'
import { applyFolder, runToEnd, writeProject } from './sample-project.ts'
import { startWorker } from './worker.ts'

const SURROUNDINGS = {
  TIDEMILL_DATABASE_URL: 'postgres://mill:sesame@db.example.org/mill',
  TIDEMILL_SECRETS_KEY: 'sesame',
  AWS_SECRET_ACCESS_KEY: 'sesame',
  PGPASSWORD: 'sesame',
  MLFLOW_TRACKING_PASSWORD: 'sesame',
  SHOP_KEY: 'declared',
  HTTPS_PROXY: 'http://proxy.example.org:3128',
  LC_ALL: 'C.UTF-8',
}

const CONFIG = `
import { Json, pipeline, project, py, sh, step } from 'tidemill'
import { z } from 'zod'
const out = { seen: Json(z.record(z.string(), z.string())) }
export const typescript = step('typescript', { out, secrets: ['SHOP_KEY'],
  run: ({ secret }) => ({ seen: { ...process.env, SHOP_KEY: secret('SHOP_KEY') } }) })
export const python = py('seen.py', { out, secrets: ['SHOP_KEY'] })
export const shell = sh('shell', { out, secrets: ['SHOP_KEY'], command: 'node seen.mjs' })
const p = pipeline('p', {}, async () => { await Promise.all([typescript().seen, python().seen, shell().seen]) })
export default project('surroundings', { pipelines: [p] })
`
const FILES = {
  'tidemill.config.ts': CONFIG,
  'seen.py': `import json, os\njson.dump(dict(os.environ), open(os.environ['OUTPUT_seen'], 'w'))\n`,
  'seen.mjs': `import { writeFileSync } from 'node:fs'\nwriteFileSync(process.env.OUTPUT_seen, JSON.stringify(process.env))\n`,
}
let context: TestContext
let worker: AsyncDisposable

beforeAll(async () => {
  for (const [name, value] of Object.entries(SURROUNDINGS)) vi.stubEnv(name, value)
  context = await openTestContext()
  worker = await startWorker(context)
})
afterAll(async () => {
  await worker[Symbol.asyncDispose]()
  await context[Symbol.asyncDispose]()
  vi.unstubAllEnvs()
})

it('A step of any kind sees what programs need and the secrets that it declares, and nothing else of the worker', async () => {
  await applyFolder(context, writeProject(FILES))
  const { run, steps } = await runToEnd(context, 'p')
  expect(run).toMatchObject({ state: 'succeeded', error: null })
  expect(steps).toHaveLength(3)
  for (const { name: step, outputs } of steps) {
    const { value } = outputs['seen'] as { value: Record<string, string> }
    expect(JSON.stringify(value), step).not.toContain('sesame')
    expect(value, step).toMatchObject({
      SHOP_KEY: 'declared',
      PATH: expect.stringContaining(process.env['PATH']!),
      HTTPS_PROXY: SURROUNDINGS.HTTPS_PROXY,
      LC_ALL: 'C.UTF-8',
    })
    const given = ['SHOP_KEY', 'LC_ALL', 'NODE_COMPILE_CACHE', 'PYTHONUNBUFFERED', 'PYTHONDONTWRITEBYTECODE']
    const seen = [...inheritedNames, ...given]
    const others = Object.keys(process.env).filter(
      (name) => !seen.includes(name) && value[name] !== undefined && value[name] === process.env[name],
    )
    expect(others, step).toEqual([])
  }
})

it('A step that declares a secret which the worker lacks, or a setting of Tidemill, says so', async () => {
  const withSecret = (name: string): string =>
    writeProject({ ...FILES, 'tidemill.config.ts': CONFIG.replaceAll("'SHOP_KEY'", `'${name}'`) })
  await applyFolder(context, withSecret('NOT_THERE'))
  expect((await runToEnd(context, 'p')).run.error).toContain(
    'The secret NOT_THERE is not set: give the worker an environment variable NOT_THERE',
  )
  await expect(applyFolder(context, withSecret('TIDEMILL_DATABASE_URL'))).rejects.toThrow('for nobody else')
})
