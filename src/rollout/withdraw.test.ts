import { expect, test } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { registerLate } from '../../test/late-versions.ts'
import { withDatabase } from '../../test/other-database.ts'
import type { Context } from '../http/context.ts'
import { createApp } from '../http/app.ts'
import { localOwner } from '../kernel/actor.ts'
import { mlflowApp } from '../protocols/mlflow/mlflow.ts'
import { getModel, listModelVersions } from '../registry/registry.ts'
import { findDesiredState } from '../serving/serving.ts'
import { getDeployment, listActiveRollouts } from './rollout.ts'
import { routes } from './routes.ts'
import {
  deploy,
  listModelUses,
  renameModel,
  stopRollout,
  takeDown,
  withdrawModel,
  withdrawVersion,
} from './rollout.ts'

const owner = { projectId: PROJECT_ID, actor: localOwner }
const late = { ...owner, model: 'late' }

async function numbers(context: TestContext): Promise<number[]> {
  return (await listModelVersions(context, late)).map(({ version }) => version)
}

describeDatabases('deleting what is served', (open) => {
  test('the stable version, the candidate and what a deployment rolls back to are kept, each with what to do', async () => {
    const context = await open()
    await registerLate(context, 4)
    await deploy(context, { ...late, deployment: 'late', version: 1 })
    await expect(withdrawVersion(context, { ...late, version: 1 })).rejects.toMatchObject({
      code: 'conflict',
      message: `late/1 can't be deleted: late serves late/1. Deploy other versions there first, or take the deployment down (tidemill undeploy late).`,
    })
    const { rolloutId } = await deploy(context, { ...late, deployment: 'late', version: 2 })
    await expect(withdrawVersion(context, { ...late, version: 2 })).rejects.toThrow(
      `late/2 can't be deleted: late/2 is the candidate of the rollout of late. Stop the rollout first, or wait until it has ended.`,
    )
    await stopRollout(context, { ...owner, rolloutId: rolloutId! })
    await withdrawVersion(context, { ...late, version: 2 })
    await context.db.write((trx) =>
      trx
        .updateTable('deployment')
        .set({
          previous_version: 3,
          previous_version_id: trx.selectFrom('model_version').select('id').where('version', '=', 3),
        })
        .execute(),
    )
    await expect(withdrawVersion(context, { ...late, version: 3 })).rejects.toThrow(
      `late/3 can't be deleted: late/3 is what late rolls back to.`,
    )
    await withdrawVersion(context, { ...late, version: 4 })
    expect(await numbers(context)).toEqual([3, 1])
    await expect(withdrawModel(context, { ...owner, name: 'late' })).rejects.toThrow(
      `late can't be deleted: late serves late/1 (and 1 more).`,
    )
    expect(await listModelUses(context, late)).toMatchObject([
      { what: 'late serves late/1' },
      { what: 'late/3 is what late rolls back to' },
    ])
    expect(await listModelUses(context, { ...late, version: 3 })).toHaveLength(1)
  })

  test('a deployment that was taken down serves nothing, and lets its versions and its model go', async () => {
    const context = await open()
    await registerLate(context, 2)
    await deploy(context, { ...late, deployment: 'late', version: 1 })
    await deploy(context, { ...late, deployment: 'late', version: 2 })
    const down = { ...owner, deployment: 'late', reason: 'no more flights' }
    expect(await takeDown(context, down)).toEqual({
      sentence: 'Took late down, which served late/1: owner says "no more flights".',
    })
    expect(await listActiveRollouts(context.db.read)).toEqual([])
    expect((await findDesiredState(context.db.read))!.deployments).toEqual([])
    await expect(takeDown(context, down)).rejects.toMatchObject({ code: 'conflict' })
    expect(await deploy(context, { ...late, deployment: 'late', version: 2 })).toMatchObject({
      outcome: 'first',
    })
    await takeDown(context, down)
    await withdrawModel(context, { ...owner, name: 'late' })
    await expect(getModel(context, { ...owner, name: 'late' })).rejects.toMatchObject({ code: 'not_found' })
    expect(await getDeployment(context.db.read, { ...owner, name: 'late' })).toMatchObject({
      stable: null,
      previous: null,
    })
  })

  test('a version that is deleted while it is being deployed is not served', async () => {
    const context = await open()
    await registerLate(context, 2)
    await deploy(context, { ...late, deployment: 'late', version: 1 })
    for (const deployment of ['late', 'other']) {
      await registerLate(context, 1)
      const version = (await numbers(context))[0]!
      await expect(
        deploy(
          between(context, () => withdrawVersion(context, { ...late, version })),
          {
            ...late,
            deployment,
            version,
          },
        ),
      ).rejects.toMatchObject({ code: 'not_found' })
    }
    expect(await listActiveRollouts(context.db.read)).toEqual([])
    expect((await findDesiredState(context.db.read))!.deployments.map(({ name }) => name)).toEqual(['late'])
  })

  test('of a deletion and a deployment at the same time one is refused', async () => {
    const context = await open()
    await registerLate(context, 1)
    await deploy(context, { ...late, deployment: 'late', version: 1 })
    for (let attempt = 0; attempt < 10; attempt++) {
      await registerLate(context, 1)
      const version = (await numbers(context))[0]!
      const both = [
        () => deploy(context, { ...late, deployment: 'late', version }),
        () => withdrawVersion(context, { ...late, version }),
      ]
      const order = attempt % 2 === 0 ? both : both.toReversed()
      const settled = await Promise.allSettled(order.map((act) => act()))
      expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      const [rollout] = await listActiveRollouts(context.db.read)
      const isThere = (await numbers(context)).includes(version)
      expect(rollout?.candidate.version === version).toBe(isThere)
    }
  })

  test('a model that is served keeps its name', async () => {
    const context = await open()
    await registerLate(context, 1)
    await deploy(context, { ...late, deployment: 'late', version: 1 })
    const rename = { ...owner, name: 'late', newName: 'punctual' }
    await expect(renameModel(context, rename)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`late can't be renamed: late serves it by this name.`) as string,
    })
    await takeDown(context, { ...owner, deployment: 'late' })
    expect(await renameModel(context, rename)).toMatchObject({ name: 'punctual' })
  })

  test('MLflow’s clients get a 409, which they do not retry, and the routes say what is in use before one tries', async () => {
    const context = await open()
    await registerLate(context, 2)
    await deploy(context, { ...late, deployment: 'late', version: 1 })
    const mlflow = mlflowApp(context, () => localOwner)
    const remove = (path: string, body: object) =>
      mlflow.request(`/api/2.0/mlflow/${path}`, {
        method: 'DELETE',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const refused = await remove('model-versions/delete', { name: 'late', version: '1' })
    expect(refused.status).toBe(409)
    expect(await refused.json()).toMatchObject({
      error_code: 'RESOURCE_CONFLICT',
      message: expect.stringContaining('late serves late/1') as string,
    })
    expect((await remove('registered-models/delete', { name: 'late' })).status).toBe(409)
    const app = createApp({
      context,
      routes,
      authenticate: async () => localOwner,
      resolveProject: async () => PROJECT_ID,
    })
    const uses = await app.request('/api/v1/models/late/versions/1/uses')
    expect(await uses.json()).toMatchObject({ items: [{ what: 'late serves late/1' }] })
    const json = { method: 'DELETE', headers: { 'content-type': 'application/json' }, body: '{}' }
    expect((await app.request('/api/v1/models/late/versions/1', json)).status).toBe(409)
    expect((await app.request('/api/v1/models/late/versions/2', json)).status).toBe(200)
    expect((await app.request('/api/v1/models/late', json)).status).toBe(409)
    expect(await numbers(context)).toEqual([1])
  })
})

/** A context in which something happens once, after a deployment has read what it deploys and before it writes. */
function between(context: TestContext, act: () => Promise<void>): Context {
  let done = false
  const wallTime: Context['db']['wallTime'] = async (at) => {
    if (!done && at === undefined) {
      done = true
      await act()
    }
    return context.db.wallTime(at)
  }
  return withDatabase(context, { wallTime })
}
