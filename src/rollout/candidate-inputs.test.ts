import { expect, test } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { listDecisions } from '../governance/governance.ts'
import { localOwner } from '../kernel/actor.ts'
import type { Signature } from '../model-files/schema.ts'
import { registerVersion } from '../registry/registry.ts'
import { deployment } from '../serving/definition.ts'
import { declareDeployments, deploy, listActiveRollouts } from './rollout.ts'

const owner = { projectId: PROJECT_ID, actor: localOwner }
const late = { ...owner, deployment: 'late', model: 'late' }

type Input = Signature['inputs'][number]

function input(name: string, datatype: string, more: Partial<Input> = {}): Input {
  return { name, kind: datatype === 'BYTES' ? 'category' : 'number', datatype, nullable: true, ...more }
}

const hour = input('hour', 'FP64')
const origin = input('origin', 'BYTES')

async function register(
  context: TestContext,
  inputs: readonly Input[],
  more: Partial<Signature> & { featureService?: object } = {},
): Promise<number> {
  const { featureService, ...signature } = more
  const { version } = await registerVersion(context, {
    ...owner,
    model: 'late',
    source: 'test',
    createModel: true,
    onnx: await context.artifacts.put(Buffer.from('graph')),
    signature: {
      inputs: [...inputs],
      outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1] }],
      task: 'binary',
      ...signature,
    },
    ...(featureService && { featureService: { name: 'late_features', spec: { ...featureService } } }),
  })
  return version
}

/** Deploys a version with these inputs over one that takes `hour` and `origin`; the sentence of the refusal, if it is refused. */
async function tried(
  context: TestContext,
  inputs: readonly Input[],
  more: Parameters<typeof register>[2] = {},
): Promise<string | undefined> {
  const version = await register(context, inputs, more)
  return await deploy(context, { ...late, version }).then(
    () => undefined,
    (error: Error & { code?: string }) => {
      expect(error.code).toBe('invalid')
      return error.message
    },
  )
}

async function serving(context: TestContext, more: Parameters<typeof register>[2] = {}): Promise<void> {
  const definition = deployment('late', {
    model: 'late',
    entity: { name: 'airport', key: 'airport' },
    unit: { input: 'customer' },
  })
  await declareDeployments(context, { ...owner, deployments: [definition] })
  await deploy(context, { ...late, version: await register(context, [hour, origin], more) })
}

describeDatabases('the inputs of a candidate', (open) => {
  test('an input that requests can’t carry is refused with its name, and the refusal is a decision', async () => {
    const context = await open()
    await serving(context)
    const needed = [input('seats', 'INT64'), input('wind', 'FP32', { nullable: false })]
    expect(await tried(context, [hour, ...needed])).toBe(
      `Did not deploy late/2 to late: requests to late can't be answered by it: "seats" (INT64) is new, and late/2 takes no row without it; "wind" (FP32) is new, and late/2 takes no row without it. Keep the inputs of late/1, let new ones be missing (floating numbers and texts can be), or deploy it under another name.`,
    )
    expect(await listActiveRollouts(context.db.read)).toEqual([])
    const about = { subjectType: 'deployment', subjectId: 'late' } as const
    const [refused] = await listDecisions(context, { ...owner, ...about, limit: 1 })
    expect(refused).toMatchObject({ verdict: 'refused' })
  })

  test('an input of another type is refused where requests that fit stable would not fit it', async () => {
    const context = await open()
    await serving(context)
    expect(await tried(context, [input('hour', 'BYTES'), origin])).toContain(
      '"hour" is FP64 to late/1 and BYTES to late/2.',
    )
    expect(await tried(context, [hour, input('origin', 'FP64')])).toContain('"origin" is BYTES')
    expect(await tried(context, [input('hour', 'INT64'), origin])).toContain('INT64 to late/4')
    expect(await tried(context, [hour, input('origin', 'INT64', { kind: 'timestamp' })])).toContain(
      'a timestamp to late/5',
    )
  })

  test('another task is refused', async () => {
    const context = await open()
    await serving(context)
    expect(await tried(context, [hour, origin], { task: 'regression' })).toBe(
      'Did not deploy late/2 to late: late/2 is a regression model, and late answers with the binary model late/1',
    )
  })

  test('fewer inputs, new ones that may be missing, those that requests carry anyway and wider numbers are allowed', async () => {
    const context = await open()
    await serving(context)
    expect(await tried(context, [hour])).toBeUndefined()
    expect(
      await tried(context, [hour, origin, input('wind', 'FP32'), input('tail', 'BYTES')]),
    ).toBeUndefined()
    const carried = ['airport', 'customer'].map((name) => input(name, 'BYTES', { nullable: false }))
    expect(await tried(context, [hour, ...carried])).toBeUndefined()
    expect(await tried(context, [input('hour', 'FP32')])).toBeUndefined()
    expect(await tried(context, [input('hour', 'INT64', { kind: 'timestamp' }), origin])).toBeUndefined()
  })

  test('the columns of a matrix are compared one by one', async () => {
    const context = await open()
    const matrix = [input('X', 'FP32', { nullable: false })]
    await serving(context, { inputs: matrix, features: ['hour', 'origin'] })
    expect(await tried(context, matrix, { features: ['origin', 'hour'] })).toBeUndefined()
    expect(await tried(context, matrix, { features: ['hour', 'origin', 'wind'] })).toContain(
      '"wind" (FP32) is new',
    )
  })

  test('another feature service is compared by what it takes from requests', async () => {
    const context = await open()
    const service = (kind: 'number' | 'category', names: readonly string[]) => ({
      name: 'late_features',
      entities: [],
      views: [],
      onDemand: [],
      features: names.map((name) => ({ name, kind, from: 'request', source: 'request' })),
    })
    await serving(context, { featureService: service('number', ['hour']) })
    expect(
      await tried(context, [hour], { featureService: service('number', ['hour', 'wind']) }),
    ).toBeUndefined()
    expect(await tried(context, [hour], { featureService: service('category', ['hour']) })).toContain(
      '"hour" is FP64 to late/1 and BYTES to late/3',
    )
    expect(await tried(context, [hour, input('seats', 'INT64')])).toContain('"seats" (INT64) is new')
  })
})
