import { expect, it } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { dataset } from '../data/definition.ts'
import { declareDatasets } from '../data/data.ts'
import type { FeatureServiceSpec } from '../features/schema.ts'
import { localOwner } from '../kernel/actor.ts'
import type { PersonalPolicies } from '../privacy/definition.ts'
import { heldKeys } from '../privacy/privacy.ts'
import { registerVersion } from '../registry/registry.ts'
import { deployment } from '../serving/definition.ts'
import { findDesiredState } from '../serving/serving.ts'
import { files } from '../sources/definition.ts'
import { consumers } from './consumers.ts'
import { declareDeployments, deploy } from './rollout.ts'

const owner = { projectId: PROJECT_ID, actor: localOwner }

const service: FeatureServiceSpec = {
  name: 'late',
  entities: [{ name: 'traveller', key: 'email' }],
  views: [
    {
      view: 'trips',
      entity: 'traveller',
      entityKey: 'email',
      dataset: 'travellers',
      sql: 'SELECT 1',
      eventTime: 'at',
      createdTimestamp: null,
      ttlMs: 1000,
      lookbackMs: null,
      features: [{ name: 'trips', kind: 'number' }],
      definitionHash: 'c'.repeat(64),
    },
  ],
  onDemand: [],
  features: [{ name: 'trips', kind: 'number', from: 'view', source: 'trips' }],
}

async function declare(context: TestContext, personal?: PersonalPolicies): Promise<void> {
  await declareDatasets(context, {
    ...owner,
    directory: '/nowhere',
    datasets: [
      dataset('travellers', { source: files('*.csv'), ...(personal && { personal }) }),
      dataset('others', { source: files('*.csv'), personal: { zip: 'drop' } }),
    ],
  })
}

async function served(context: TestContext) {
  const desired = await findDesiredState(context.db.read)
  return { generation: desired!.generation, personal: desired!.deployments[0]!.personal }
}

/** What the server does when a project was applied. */
async function applied(context: TestContext): Promise<void> {
  const consumer = consumers.find(({ name }) => name === 'rollout.features')!
  const event = {
    seq: 1,
    projectId: PROJECT_ID,
    kind: 'project.applied',
    payload: { versionId: '' },
    atMs: 0,
  } as const
  await context.db.write((trx) => consumer.handle(context, trx, event))
}

describeDatabases('what gateways are told of personal columns', (open) => {
  it('is what the datasets behind the features and the deployment say, the latter before the former', async () => {
    const context = await open()
    await declare(context, { email: 'hash', name: 'drop', born: { to: 'year' }, notes: 'keep' })
    await registerVersion(context, {
      ...owner,
      model: 'late',
      source: 'test',
      createModel: true,
      task: 'binary',
      featureService: { name: 'late', spec: { ...service } },
      onnx: await context.artifacts.put(Buffer.from('graph')),
      signature: {
        inputs: [{ name: 'trips', kind: 'number', datatype: 'FP64', nullable: true }],
        outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1] }],
        task: 'binary',
      },
    })
    const definition = deployment('late', {
      model: 'late',
      personal: { name: 'mask', born: 'keep', phone: 'mask' },
    })
    await declareDeployments(context, { ...owner, deployments: [definition] })
    await deploy(context, { ...owner, deployment: 'late', model: 'late', version: 1 })
    const first = await served(context)
    const keyId = heldKeys(context.config, PROJECT_ID)[0]!.id
    expect(first.personal).toEqual({ columns: { email: 'hash', name: 'mask', phone: 'mask' }, keyId })

    await applied(context)
    expect((await served(context)).generation).toBe(first.generation)
    await declare(context, { email: 'mask' })
    await applied(context)
    const second = await served(context)
    expect(second.generation).toBe(first.generation + 1)
    expect(second.personal).toEqual({ columns: { email: 'mask', name: 'mask', phone: 'mask' } })
  })
})
