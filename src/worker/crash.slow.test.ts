import { fork, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { openTestContext, type TestContext } from '../../test/databases.ts'
import { Authenticator } from '../governance/governance.ts'
import { startRun } from '../pipelines/pipelines.ts'
import { applyFolder, PROJECT, until, waitForEnd, writeProject } from './sample-project.ts'
import { startWorker } from './worker.ts'

const SCRIPT = fileURLToPath(new URL('../../bench/start-role.ts', import.meta.url))
const opened: AsyncDisposable[] = []
const workers: ChildProcess[] = []
afterEach(async () => {
  for (const worker of workers.splice(0)) worker.kill('SIGKILL')
  for (const resource of opened.splice(0).toReversed()) await resource[Symbol.asyncDispose]()
})

async function open(): Promise<TestContext> {
  const context = await openTestContext()
  opened.push(context)
  return context
}

/** A worker in a process of its own, as the supervisor starts it. */
function forkWorker({ config }: TestContext): ChildProcess {
  const worker = fork(SCRIPT, ['worker'], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: { ...process.env, TIDEMILL_DATA_DIR: config.dataDir, TIDEMILL_LOG_LEVEL: 'silent' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  workers.push(worker)
  return worker
}

/** A step that tells its process id and waits until it may go on. */
const WAITING = `
import { step, Json, pipeline, project } from 'tidemill'
import { z } from 'zod'
import { appendFileSync, existsSync } from 'node:fs'
export const wait = step('wait', {
  params: z.object({ folder: z.string() }),
  out: { value: Json(z.number()) },
  retries: RETRIES,
  run: async ({ params }) => {
    appendFileSync(params.folder + '/pids', process.pid + '\\n')
    while (!existsSync(params.folder + '/go')) await new Promise((resolve) => setTimeout(resolve, 10))
    return { value: 1 }
  },
})
const p = pipeline('p', { params: z.object({ folder: z.string() }) }, async ({ params }) => { await wait(params).value })
export default project('crash', { pipelines: [p] })
`

async function nextPid(folder: string, count: number): Promise<number> {
  return await until('the step to start', async () => {
    const path = join(folder, 'pids')
    const pids = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []
    return pids.length >= count ? Number(pids[count - 1]) : undefined
  })
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('kill -9 of the process of a step', () => {
  it('is a failed attempt that says so, and is repeated while the step has retries', async () => {
    const context = await open()
    const folder = writeProject({ 'tidemill.config.ts': WAITING.replace('RETRIES', '1') })
    await applyFolder(context, folder)
    opened.push(await startWorker(context))
    const { id } = await startRun(context, { ...PROJECT, pipeline: 'p', params: { folder } })
    process.kill(await nextPid(folder, 1), 'SIGKILL')
    await nextPid(folder, 2)
    writeFileSync(join(folder, 'go'), '')
    const { run, steps } = await waitForEnd(context, id)
    expect(run.state).toBe('succeeded')
    expect(steps[0]?.attempts).toBe(2)
    const attempts = await context.db.read.selectFrom('attempt').selectAll().orderBy('number').execute()
    expect(attempts.map(({ state }) => state)).toEqual(['failed', 'succeeded'])
    expect(attempts[0]?.error).toContain('was killed (SIGKILL)')
  })

  it('fails the run with that error when the step has no retries', async () => {
    const context = await open()
    const folder = writeProject({ 'tidemill.config.ts': WAITING.replace('RETRIES', '0') })
    await applyFolder(context, folder)
    opened.push(await startWorker(context))
    const { id } = await startRun(context, { ...PROJECT, pipeline: 'p', params: { folder } })
    process.kill(await nextPid(folder, 1), 'SIGKILL')
    const { run } = await waitForEnd(context, id)
    expect(run.state).toBe('failed')
    expect(run.error).toContain('was killed (SIGKILL)')
  })
})

describe('kill -9 of a whole worker', () => {
  it('takes its child processes with it, and another worker runs the step without using up its retries', async () => {
    const context = await open()
    const folder = writeProject({ 'tidemill.config.ts': WAITING.replace('RETRIES', '0') })
    await applyFolder(context, folder)
    const worker = forkWorker(context)
    const { id } = await startRun(context, { ...PROJECT, pipeline: 'p', params: { folder } })
    const pid = await nextPid(folder, 1)
    worker.kill('SIGKILL')
    await until('the step’s process to end', async () => (lives(pid) ? undefined : true))
    forkWorker(context)
    await nextPid(folder, 2)
    writeFileSync(join(folder, 'go'), '')
    const { run } = await waitForEnd(context, id)
    expect(run.state).toBe('succeeded')
    const attempts = await context.db.read.selectFrom('attempt').selectAll().orderBy('number').execute()
    expect(attempts.map(({ state }) => state)).toEqual(['lost', 'succeeded'])
  })

  it('ends the token of its step with the lease, at the latest, and the next attempt has another', async () => {
    const context = await open()
    const folder = writeProject({ 'tidemill.config.ts': SPEAKING })
    await applyFolder(context, folder)
    const worker = forkWorker(context)
    await startRun(context, { ...PROJECT, pipeline: 'p', params: { folder } })
    const tokenOf = async (attempt: number): Promise<string> =>
      await until(`attempt ${attempt}`, async () => {
        const path = join(folder, 'tokens')
        return existsSync(path) ? readFileSync(path, 'utf8').split('\n')[attempt - 1] || undefined : undefined
      })
    const holds = async (token: string): Promise<boolean> => {
      const headers = { authorization: `Bearer ${token}` }
      const request = new Request('http://localhost/', { headers })
      return await Promise.resolve(new Authenticator(context).authenticate(request)).then(
        () => true,
        () => false,
      )
    }
    const first = await tokenOf(1)
    expect(await holds(first)).toBe(true)
    worker.kill('SIGKILL')
    await sleep(31_000)
    expect(await holds(first)).toBe(false)
    forkWorker(context)
    expect(await holds(await tokenOf(2))).toBe(true)
    expect(await holds(first)).toBe(false)
  }, 90_000)

  it('at random points leaves one committed result for each execution and one effect for each key', async () => {
    const context = await open()
    const folder = writeProject({ 'tidemill.config.ts': EFFECTS })
    await applyFolder(context, folder)
    const runs = [
      await startRun(context, { ...PROJECT, pipeline: 'p' }),
      await startRun(context, { ...PROJECT, pipeline: 'p' }),
    ]
    const count = async (state?: 'succeeded'): Promise<number> => {
      const rows = await context.db.read.selectFrom('attempt').select('state').execute()
      return rows.filter((row) => state === undefined || row.state === state).length
    }
    for (let kill = 0; kill < 4; kill++) {
      const state = kill % 2 === 0 ? 'succeeded' : undefined
      const before = await count(state)
      const worker = forkWorker(context)
      await until('an attempt to go on', async () => ((await count(state)) > before ? true : undefined))
      await sleep(Math.random() * 120)
      worker.kill('SIGKILL')
    }
    forkWorker(context)
    for (const { id } of runs) {
      const { run, steps, effects } = await waitForEnd(context, id)
      expect(run).toMatchObject({ state: 'succeeded', error: null })
      expect(steps).toHaveLength(9)
      expect(steps.every(({ state }) => state === 'succeeded')).toBe(true)
      expect(new Set(effects.map(({ input }) => input.key))).toEqual(new Set(['a', 'b', undefined]))
      expect(effects).toHaveLength(3)
    }
    const executions = await context.db.read.selectFrom('execution').selectAll().execute()
    expect(executions.filter(({ state }) => state !== 'succeeded')).toEqual([])
    // Eight cached steps once for both runs, one uncached step once for each run.
    expect(executions).toHaveLength(10)
    expect(new Set(executions.map(({ cache_key }) => cache_key)).size).toBe(10)
    const artifacts = await context.db.read.selectFrom('artifact').selectAll().execute()
    expect(artifacts).toHaveLength(10)
    const events = await context.db.read
      .selectFrom('event')
      .select('kind')
      .where('kind', '=', 'effect.requested')
      .execute()
    expect(events).toHaveLength(6)
  }, 90_000)
})

const SPEAKING = `
import { sh, Json, pipeline, project } from 'tidemill'
import { z } from 'zod'
export const speak = sh('speak', {
  params: z.object({ folder: z.string() }),
  out: { value: Json(z.number()) },
  command: 'echo "$TIDEMILL_TOKEN" >> "$PARAM_folder/tokens"; sleep 60',
})
const p = pipeline('p', { params: z.object({ folder: z.string() }) }, async ({ params }) => { await speak(params).value })
export default project('speaking', { pipelines: [p] })
`

const EFFECTS = `
import { step, Json, Model, pipeline, project } from 'tidemill'
import { z } from 'zod'
const pause = () => new Promise((resolve) => setTimeout(resolve, 60))
export const next = step('next', {
  in: { value: Json(z.number()) },
  out: { value: Json(z.number()) },
  run: async ({ value }) => { await pause(); return { value: value + 1 } },
})
export const fit = step('fit', {
  in: { value: Json(z.number()) },
  out: { model: Model },
  run: async ({ value }) => { await pause(); return { model: new TextEncoder().encode('model ' + value) } },
})
export const roll = step('roll', {
  in: { value: Json(z.number()) },
  out: { value: Json(z.number()) },
  cache: false,
  run: async ({ value }) => { await pause(); return { value } },
})
const p = pipeline('p', {}, async ({ register }) => {
  let value = 0
  for (let at = 0; at < 6; at++) value = await next({ value }).value
  const { model } = fit({ value })
  register('m', model)
  register('m', model)
  register('m', model, { key: 'a' })
  await roll({ value }).value
  const other = fit({ value: value + 1 })
  register('m', other.model, { key: 'b' })
})
export default project('effects', { pipelines: [p] })
`
