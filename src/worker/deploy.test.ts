import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestContext, type TestContext } from '../../test/databases.ts'
import { tinyModel } from '../../test/gateways.ts'
import { EventDispatcher } from '../jobs/dispatcher.ts'
import { registrationConsumer } from '../pipelines/consumers.ts'
import { getRun } from '../pipelines/pipelines.ts'
import type { Effect } from '../pipelines/schema.ts'
import { consumers } from '../rollout/consumers.ts'
import { getDeploymentState } from '../rollout/rollout.ts'
import { applyFolder, PROJECT, runToEnd, until, writeProject } from './sample-project.ts'
import { startWorker } from './worker.ts'

const STEPS = `
import { Model, step } from 'tidemill'
import { z } from 'zod'
const MODELS = ${JSON.stringify([0, 1].map((shift) => Buffer.from(tinyModel(shift)).toString('base64')))}
export const make = step('make', { params: z.object({ shift: z.number() }), out: { model: Model },
  run: ({ params }) => ({ model: Buffer.from(MODELS[params.shift], 'base64') }) })
export const dawdle = step('dawdle', { out: { model: Model }, cache: false,
  run: async () => { await new Promise((resolve) => setTimeout(resolve, 400)); return { model: Buffer.from('') } } })`

const CONFIG = `
import { deployment, model, pipeline, project } from 'tidemill'
import { z } from 'zod'
import { dawdle, make } from './steps.ts'
const late = model('late', { task: 'binary' })
const serve = deployment('late', { model: 'late', rollout: { stages: [{ shadow: { minPairs: 500 } }] } })
const params = z.object({ shift: z.number(), model: z.string() })
const train = pipeline('train', { params }, ({ params, register, deploy }) => {
  const { model } = make({ shift: params.shift })
  deploy(serve, model)
  dawdle()
  if (params.model !== '') register(params.model, model)
})
export default project('deploys', { models: [late], deployments: [serve], pipelines: [train] })`

const opened: AsyncDisposable[] = []
let context: TestContext

beforeAll(async () => {
  context = await openTestContext()
  await applyFolder(context, writeProject({ 'tidemill.config.ts': CONFIG, 'steps.ts': STEPS }))
  const dispatcher = new EventDispatcher(context, [registrationConsumer, ...consumers])
  dispatcher.start()
  opened.push(context, dispatcher, await startWorker(context))
})

afterAll(async () => {
  for (const resource of opened.toReversed()) await resource[Symbol.asyncDispose]()
})

async function deployed(shift: number, model: string): Promise<Effect> {
  const { run } = await runToEnd(context, 'train', { shift, model })
  expect(run).toMatchObject({ state: 'succeeded', error: null })
  return await until('the deployment', async () => {
    const { effects } = await getRun(context, { ...PROJECT, runId: run.id })
    return effects.find(({ kind, state }) => kind === 'deploy' && state !== 'requested')
  })
}

async function failedAttempts(): Promise<unknown[]> {
  return await context.db.read.selectFrom('job').select(['kind', 'error']).where('failures', '>', 0).execute()
}

describe('a pipeline’s deploy', () => {
  it('waits for the registration of its run without failing, then brings the version behind the deployment', async () => {
    expect(await deployed(0, 'late')).toMatchObject({
      state: 'done',
      result: { version: 1, outcome: 'first' },
    })
    expect(await deployed(1, 'late')).toMatchObject({
      state: 'done',
      result: { version: 2, outcome: 'rollout' },
    })
    const state = await getDeploymentState(context, { ...PROJECT, name: 'late' })
    expect(state.deployment.stable?.version).toBe(1)
    expect(state.rollout?.candidate.version).toBe(2)
    expect(await failedAttempts()).toEqual([])
  })

  it('deploys the version of its own run where an older one has the same bytes', async () => {
    expect(await deployed(0, 'late')).toMatchObject({ state: 'done', result: { version: 3 } })
  })

  it('fails with a clear error when its run has ended without a version of the model', async () => {
    await applyFolder(
      context,
      writeProject({ 'tidemill.config.ts': CONFIG.replaceAll("'late'", "'night'"), 'steps.ts': STEPS }),
    )
    for (const model of ['', 'unknown']) {
      expect(await deployed(0, model)).toMatchObject({
        state: 'failed',
        result: {
          error: expect.stringContaining('The run has ended and registered no version of night') as string,
        },
      })
    }
    expect(await failedAttempts()).toEqual([])
  })
})
