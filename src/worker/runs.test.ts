import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestContext, type TestContext } from '../../test/databases.ts'
import { cancelRun, getRun, readStepLog, startRun, whyStep } from '../pipelines/pipelines.ts'
import {
  applyFolder,
  PROJECT,
  runToEnd,
  until,
  waitForEnd,
  writeFiles,
  writeProject,
} from './sample-project.ts'
import { getRun as getTrackingRun } from '../tracking/tracking.ts'
import { startWorker } from './worker.ts'

const HEAD = `
import { Json, Model, Table, pipeline, project, py, sh, step } from 'tidemill'
import { z } from 'zod'
import { appendFileSync, existsSync } from 'node:fs'
const Numbers = Json(z.number())
`

/** A project with these steps and one pipeline `p`, whose function has this body. */
function sample(steps: string, body: string, files: Record<string, string> = {}): Record<string, string> {
  return {
    'tidemill.config.ts': `${HEAD}
import * as s from './steps.ts'
const p = pipeline('p', { params: z.object({ folder: z.string().default(''), n: z.number().default(0) }) },
  async ({ params, register, champion }) => { ${body} })
export default project('runs', { pipelines: [p] })`,
    'steps.ts': `${HEAD}${steps}`,
    ...files,
  }
}

let context: TestContext
let worker: AsyncDisposable

beforeAll(async () => {
  context = await openTestContext()
  worker = await startWorker(context)
})
afterAll(async () => {
  await worker[Symbol.asyncDispose]()
  await context[Symbol.asyncDispose]()
})

const ADD = `export const add = step('add', { in: { a: Numbers, b: Numbers }, out: { sum: Numbers }, run: ({ a, b }) => ({ sum: a + b }) })`

describe('a pipeline function', () => {
  it('branches, maps and loops over values that steps gave', async () => {
    const body = `
      const squares = await Promise.all([1, 2, 3].map(async (n) => await s.add({ a: n, b: n }).sum))
      let total = 0
      for (const square of squares) total = await s.add({ a: total, b: square }).sum
      if (total === 12) await s.add({ a: 100, b: total }, { key: 'branch' }).sum
      else throw new Error('the branch was not taken: ' + total)`
    await applyFolder(context, writeProject(sample(ADD, body)))
    const { run, steps } = await runToEnd(context, 'p')
    expect(run).toMatchObject({ state: 'succeeded', error: null })
    expect(steps).toHaveLength(7)
  })

  it('records where each step’s inputs come from: refs, values that were read, and results that were reused', async () => {
    const steps = `
      const Score = Json(z.object({ name: z.string(), auc: z.number() }))
      export const score = step('score', { params: z.object({ name: z.string() }), out: { score: Score },
        run: ({ params }) => ({ score: { name: params.name, auc: params.name.length } }) })
      export const choose = step('choose', { in: { scores: Json(z.array(z.any())) }, out: { best: Score },
        run: ({ scores }) => ({ best: scores.toSorted((a, b) => b.auc - a.auc)[0] }) })
      export const report = step('report', { in: { best: Score }, params: z.object({ among: z.any() }), out: { text: Json(z.string()) },
        run: ({ best }) => ({ text: best.name }) })`
    const body = `
      const scores = await Promise.all(['a', 'bb'].map((name) => s.score({ name }).score))
      const { best } = s.choose({ scores })
      await best.done()
      await s.report({ best, among: { first: scores[0] } }).text`
    await applyFolder(context, writeProject(sample(steps, body)))
    for (const cached of [false, true]) {
      const { steps: ran } = await runToEnd(context, 'p')
      const names = new Map(ran.map(({ id, name, params }) => [id, params['name'] ?? name]))
      expect(ran.map((step) => step.cached)).toEqual(Array(4).fill(cached))
      expect(ran.map(({ id, inputs }) => [names.get(id), inputs.map((input) => names.get(input))])).toEqual([
        ['a', []],
        ['bb', []],
        ['choose', ['a', 'bb']],
        ['report', ['choose', 'a']],
      ])
    }
  })

  it('that leaves a failing step unawaited fails with that step’s error, when all other steps have settled', async () => {
    const steps = `
      export const fail = step('fail', { out: { value: Numbers }, run: () => { throw new Error('no such luck') } })
      export const slow = step('slow', { in: { }, out: { value: Numbers }, cache: false,
        run: async () => { await new Promise((resolve) => setTimeout(resolve, 300)); return { value: 1 } } })
      export const after = step('after', { in: { value: Numbers }, out: { value: Numbers }, run: ({ value }) => ({ value }) })`
    await applyFolder(context, writeProject(sample(steps, `s.slow(); s.after({ value: s.fail().value })`)))
    const { run, steps: ran } = await runToEnd(context, 'p')
    expect(run.state).toBe('failed')
    expect(run.error).toContain('no such luck')
    expect(run.error).toContain('steps.ts:')
    expect(Object.fromEntries(ran.map(({ name, state }) => [name, state]))).toEqual({
      slow: 'succeeded',
      fail: 'failed',
      after: 'skipped',
    })
  })

  it('that handles a failing step succeeds', async () => {
    const steps = `export const fail = step('fail', { out: { value: Numbers }, run: () => { throw new Error('again') } })`
    await applyFolder(context, writeProject(sample(steps, `try { await s.fail().value } catch { return }`)))
    expect((await runToEnd(context, 'p')).run).toMatchObject({ state: 'succeeded', error: null })
  })

  it('that is told to end ends, with the step it waits for', async () => {
    const steps = `
      export const forever = step('forever', { params: z.object({ folder: z.string() }), out: { value: Numbers },
        run: async ({ params }) => { appendFileSync(params.folder + '/started', ''); await new Promise(() => setInterval(() => {}, 1000)) } })`
    const folder = writeProject(sample(steps, `await s.forever({ folder: params.folder }).value`))
    await applyFolder(context, folder)
    const { id } = await startRun(context, { ...PROJECT, pipeline: 'p', params: { folder } })
    await until('the step to start', async () => (existsSync(join(folder, 'started')) ? true : undefined))
    await cancelRun(context, { ...PROJECT, runId: id })
    const { run, steps: ran } = await waitForEnd(context, id)
    expect(run.state).toBe('cancelled')
    expect(ran.map(({ state }) => state)).toEqual(['cancelled'])
    const execution = await context.db.read
      .selectFrom('execution')
      .select('state')
      .where('run_id', '=', id)
      .execute()
    expect(execution).toEqual([{ state: 'cancelled' }])
  })
})

describe('a tracking run', () => {
  it('starts and ends in wall time while domain time stands still', async () => {
    const steps = `export const nap = step('nap', { out: { value: Numbers }, cache: false,
      run: async () => { await new Promise((resolve) => setTimeout(resolve, 120)); return { value: 1 } } })`
    await applyFolder(context, writeProject(sample(steps, `await s.nap().value`)))
    const { run, steps: ran } = await runToEnd(context, 'p')
    for (const runId of [run.trackingRunId!, ran[0]!.trackingRunId!]) {
      const { startMs, endMs } = await getTrackingRun(context, { ...PROJECT, runId })
      expect(startMs).toBeGreaterThanOrEqual(run.createdMs)
      expect(endMs! - startMs).toBeGreaterThanOrEqual(100)
    }
    expect(run.atMs).toBe(context.clock.now())
  })
})

describe('executions', () => {
  /** Counts that it ran, and waits until it may go on. */
  const COUNTED = `
    export const count = step('count', { params: z.object({ folder: z.string() }), out: { value: Numbers },
      run: async ({ params }) => {
        appendFileSync(params.folder + '/ran', 'x')
        while (!existsSync(params.folder + '/go')) await new Promise((resolve) => setTimeout(resolve, 10))
        return { value: 1 }
      } })`
  const ran = (folder: string): number =>
    existsSync(join(folder, 'ran')) ? readFileSync(join(folder, 'ran'), 'utf8').length : 0
  const allWait = (runs: readonly { id: string }[]): Promise<true> =>
    until('all to wait', async () => {
      const views = await Promise.all(runs.map(({ id }) => getRun(context, { ...PROJECT, runId: id })))
      return views.every(({ steps }) => steps[0]?.state === 'running') ? true : undefined
    })

  it('that are identical run once when two runs ask at the same time', async () => {
    const folder = writeProject(sample(COUNTED, `await s.count({ folder: params.folder }).value`))
    await applyFolder(context, folder)
    const ask = { ...PROJECT, pipeline: 'p', params: { folder } }
    const runs = [await startRun(context, ask), await startRun(context, ask), await startRun(context, ask)]
    await allWait(runs)
    writeFileSync(join(folder, 'go'), '')
    for (const { id } of runs) expect((await waitForEnd(context, id)).run.state).toBe('succeeded')
    expect(ran(folder)).toBe(1)
  })

  it('go on when one of two runs that wait is cancelled', async () => {
    const folder = writeProject(sample(COUNTED, `await s.count({ folder: params.folder }).value`))
    await applyFolder(context, folder)
    const ask = { ...PROJECT, pipeline: 'p', params: { folder } }
    const [one, two] = [await startRun(context, ask), await startRun(context, ask)]
    await allWait([one, two])
    await cancelRun(context, { ...PROJECT, runId: one.id })
    writeFileSync(join(folder, 'go'), '')
    expect((await waitForEnd(context, two.id)).run.state).toBe('succeeded')
    expect((await waitForEnd(context, one.id)).run.state).toBe('cancelled')
    expect(ran(folder)).toBe(1)
  })

  it('whose file is gone run again', async () => {
    const steps = `export const make = step('make', { out: { model: Model }, run: () => ({ model: new TextEncoder().encode('gone soon') }) })`
    await applyFolder(context, writeProject(sample(steps, `await s.make().model.done()`)))
    const first = await runToEnd(context, 'p')
    await rm(await context.artifacts.localPath(first.steps[0]!.outputs['model']!.sha256))
    const second = await runToEnd(context, 'p')
    expect(second.steps[0]).toMatchObject({ state: 'succeeded', cached: false })
    expect((await runToEnd(context, 'p')).steps[0]?.cached).toBe(true)
  })

  it('disturb nothing below them when they give the same bytes again', async () => {
    const steps = (salt: string): string => `
      export const parity = step('parity', { salt: '${salt}', params: z.object({ n: z.number() }), out: { value: Numbers }, run: ({ params }) => ({ value: params.n % 2 }) })
      export const after = step('after', { in: { value: Numbers }, out: { value: Numbers }, run: ({ value }) => ({ value }) })`
    await applyFolder(
      context,
      writeProject(sample(steps('a'), `await s.after({ value: s.parity({ n: params.n }).value }).value`)),
    )
    await runToEnd(context, 'p', { n: 3 })
    const { steps: second } = await runToEnd(context, 'p', { n: 5 })
    expect(second.map(({ name, cached }) => [name, cached])).toEqual([
      ['parity', false],
      ['after', true],
    ])
  })

  it('run again when a module behind them has changed, not when another has, and say why', async () => {
    const steps = `
      import { factor } from './factor.ts'
      export const scale = step('scale', { params: z.object({ n: z.number() }), out: { value: Numbers }, run: ({ params }) => ({ value: params.n * factor }) })`
    const files = sample(steps, `await s.scale({ n: params.n }).value`, {
      'factor.ts': 'export const factor = 2\n',
    })
    const folder = writeProject(files)
    await applyFolder(context, folder)
    await runToEnd(context, 'p', { n: 7 })
    writeFiles(folder, { 'tidemill.config.ts': `${files['tidemill.config.ts']}\n// another gate\n` })
    expect((await applyFolder(context, folder)).created).toBe(true)
    expect((await runToEnd(context, 'p', { n: 7 })).steps[0]?.cached).toBe(true)
    writeFiles(folder, { 'factor.ts': 'export const factor = 3\n' })
    await applyFolder(context, folder)
    const { run, steps: ran } = await runToEnd(context, 'p', { n: 7 })
    expect(ran[0]).toMatchObject({ cached: false, outputs: { value: { value: 21 } } })
    const why = await whyStep(context, { ...PROJECT, runId: run.id, stepRunId: ran[0]!.id })
    expect(why.sentence).toMatch(
      /^scale ran because the code factor.ts changed from [0-9a-f]{12} to [0-9a-f]{12}$/,
    )
  })

  it('are repeated as often as the step has retries, and what a secret holds never reaches the log', async () => {
    process.env['SAMPLE_PASSWORD'] = 'hunter2-hunter2'
    const steps = `
      export const shy = step('shy', { params: z.object({ folder: z.string() }), out: { value: Numbers }, retries: 2, secrets: ['SAMPLE_PASSWORD'],
        run: ({ params, secret }) => {
          console.log('password is ' + secret('SAMPLE_PASSWORD'))
          const first = !existsSync(params.folder + '/tried')
          appendFileSync(params.folder + '/tried', 'x')
          if (first) throw new Error('refused ' + secret('SAMPLE_PASSWORD'))
          return { value: 1 }
        } })`
    const folder = writeProject(sample(steps, `await s.shy({ folder: params.folder }).value`))
    await applyFolder(context, folder)
    const { run, steps: ran } = await runToEnd(context, 'p', { folder })
    expect(ran[0]).toMatchObject({ state: 'succeeded', attempts: 2 })
    const log = await readStepLog(context, { ...PROJECT, runId: run.id, stepRunId: ran[0]!.id, after: 0 })
    expect(log).toEqual({ text: 'password is •••\n', next: 22, complete: true })
    const [failed] = await context.db.read
      .selectFrom('attempt')
      .select('error')
      .where('execution_id', '=', ran[0]!.executionId!)
      .where('state', '=', 'failed')
      .execute()
    expect(failed?.error).toContain('refused •••')
  })

  it('that take longer than their timeout have failed', async () => {
    const steps = `export const late = step('late', { out: { value: Numbers }, timeout: '400ms', run: async () => { await new Promise(() => setInterval(() => {}, 1000)) } })`
    await applyFolder(context, writeProject(sample(steps, `await s.late().value`)))
    expect((await runToEnd(context, 'p')).run.error).toContain('took longer than its timeout of 0.4 seconds')
  })

  it('that give something else than declared have failed', async () => {
    const steps = `export const odd = step('odd', { out: { value: Numbers }, run: () => ({ value: 'text' as never }) })`
    await applyFolder(context, writeProject(sample(steps, `await s.odd().value`)))
    expect((await runToEnd(context, 'p')).run.error).toContain('gave a wrong “value”')
  })
})

describe('a foreign step', () => {
  it('in Python gets its context and gives outputs, metrics and log lines without importing anything', async () => {
    const script = `
import json, os
from tools.double import double
context = json.load(open(os.environ['TIDEMILL_CONTEXT']))
messages = open(os.environ['TIDEMILL_MESSAGES'], 'a')
def say(**message): print(json.dumps(message), file=messages, flush=True)
assert context['params'] == {'n': 5} and context['attempt'] == 1
assert os.path.getsize(context['inputs']['table']['path']) > 0
assert os.environ['MLFLOW_RUN_ID'] == context['run']['trackingRunId']
say(t='metric', key='loss', value=0.5, step=3)
say(t='log', message='half way')
say(t='output', name='scores', value={'n': double(context['params']['n'])})
open(context['outputs']['model']['path'], 'w').write('weights')
print('printed')
`
    const steps = `
      export const rows = step('rows', { out: { table: Table }, run: async ({ sql }) => ({ table: await sql.table('SELECT 1 AS x') }) })
      export const fit = py('python/fit.py', { in: { table: Table }, params: z.object({ n: z.int() }), out: { model: Model, scores: Json(z.object({ n: z.number() })) } })`
    const body = `const { model, scores } = s.fit({ table: s.rows().table, n: 5 }); if ((await scores).n !== 10) throw new Error('wrong'); await model.done()`
    const files = {
      'python/fit.py': script,
      'python/tools/__init__.py': '',
      'python/tools/double.py': 'def double(n): return 2 * n\n',
    }
    const folder = writeProject(sample(steps, body, files))
    await applyFolder(context, folder)
    const { run, steps: ran } = await runToEnd(context, 'p')
    expect(run).toMatchObject({ state: 'succeeded', error: null })
    const fit = ran.find(({ name }) => name === 'fit')!
    const log = await readStepLog(context, { ...PROJECT, runId: run.id, stepRunId: fit.id, after: 0 })
    expect(log.text).toContain('printed')
    expect(log.text).toContain('half way')
    const tracked = await getTrackingRun(context, { ...PROJECT, runId: fit.trackingRunId! })
    expect(tracked).toMatchObject({ parentRunId: run.trackingRunId, status: 'FINISHED' })
    expect(tracked.metrics).toMatchObject([{ key: 'loss', value: 0.5, step: 3 }])
    writeFileSync(join(folder, 'python/tools/double.py'), 'def double(n): return n + n\n')
    await applyFolder(context, folder)
    expect((await runToEnd(context, 'p')).steps.map(({ name, cached }) => [name, cached])).toEqual([
      ['rows', true],
      ['fit', false],
    ])
  })

  it('in a shell fails with its exit code, and its log says what it printed', async () => {
    const steps = `export const broken = sh('broken', { out: { value: Numbers }, command: 'echo about to fail >&2; exit 3' })`
    await applyFolder(context, writeProject(sample(steps, `await s.broken().value`)))
    const { run, steps: ran } = await runToEnd(context, 'p')
    expect(run.error).toContain('ended with exit code 3')
    const log = await readStepLog(context, { ...PROJECT, runId: run.id, stepRunId: ran[0]!.id, after: 0 })
    expect(log.text).toContain('about to fail')
  })
})
