import { expect, test } from 'vitest'
import { audit } from '../src/governance/governance.ts'
import { searchAudit, verifySeal } from '../src/governance/audit-search.ts'
import { sealAudit } from '../src/governance/seal.ts'
import { localOwner, type Actor } from '../src/kernel/actor.ts'
import { createModel, deleteAlias, registerVersion, setAlias } from '../src/registry/registry.ts'
import { renameModel } from '../src/rollout/rollout.ts'
import { thinDesiredStates } from '../src/rollout/store.ts'
import { createServerApp } from '../src/server/server.ts'
import { describeDatabases, PROJECT_ID, type TestContext } from './databases.ts'
import { deploymentOf, publish, tinyModel, variantOf } from './gateways.ts'

const scope = { projectId: PROJECT_ID, actor: localOwner }
const ana: Actor = { id: 'user:1', kind: 'user', name: 'ana', grants: { [PROJECT_ID]: 'maintainer' } }

async function write(context: TestContext, entry: Partial<Parameters<typeof audit>[1]>): Promise<void> {
  await context.db.write((trx) => audit(trx, { ...scope, action: 'test.did', subject: 's', ...entry }))
}

/** A moment that lies between what was written before it and what is written after it. */
const pause = async (): Promise<number> => {
  const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 15))
  await wait()
  const moment = Date.now()
  await wait()
  return moment
}

describeDatabases('the audit log', (open) => {
  test('is searched by who, what, subject, text and time, page by page', async () => {
    const context = await open()
    await write(context, { actor: ana, action: 'rollout.deploy', subject: 'late late/1' })
    await write(context, { action: 'registry.set_alias', subject: 'late', detail: { alias: '100%_sure' } })
    const middle = await pause()
    await write(context, { action: 'rollout.promote', subject: 'late late/2' })
    await write(context, { projectId: '*', action: 'people.sign_in', subject: 'ana' })
    const found = async (filter: object): Promise<string[]> =>
      (await searchAudit(context, { ...scope, limit: 10, ...filter })).map(({ action }) => action)
    expect(await found({})).toEqual(['rollout.promote', 'registry.set_alias', 'rollout.deploy'])
    expect(await found({ by: 'ana' })).toEqual(['rollout.deploy'])
    expect(await found({ by: 'user:1' })).toEqual(['rollout.deploy'])
    expect(await found({ action: 'rollout.' })).toEqual(['rollout.promote', 'rollout.deploy'])
    expect(await found({ subject: 'late' })).toEqual(['registry.set_alias'])
    expect(await found({ text: 'LATE/2' })).toEqual(['rollout.promote'])
    expect(await found({ text: '0%_S' })).toEqual(['registry.set_alias'])
    expect(await found({ text: '%' })).toEqual(['registry.set_alias'])
    expect(await found({ toMs: middle })).toEqual(['registry.set_alias', 'rollout.deploy'])
    expect(await found({ fromMs: middle })).toEqual(['rollout.promote'])
    expect(await found({ everywhere: true })).toHaveLength(4)
    const [first] = await searchAudit(context, { ...scope, limit: 1 })
    expect(await found({ before: first!.seq, limit: 1 })).toEqual(['registry.set_alias'])
    const denied = searchAudit(context, { ...scope, actor: ana, everywhere: true, limit: 1 })
    await expect(denied).rejects.toMatchObject({ code: 'denied' })
  })

  test('says until where its seals hold, and a noted seal shows what was cut off', async () => {
    const context = await open()
    await write(context, {})
    await write(context, {})
    expect(await verifySeal(context, scope)).toEqual({
      sealed: 0,
      waiting: 2,
      last: null,
      brokenAt: null,
      noted: null,
    })
    await sealAudit(context)
    await write(context, {})
    const { last, sealed, waiting } = await verifySeal(context, scope)
    expect([sealed, waiting, last!.seq]).toEqual([2, 1, 2])
    expect(await verifySeal(context, { ...scope, noted: last!.hash })).toMatchObject({ noted: true })
    await context.db.write((trx) => trx.deleteFrom('audit').where('seq', '=', 2).execute())
    expect(await verifySeal(context, { ...scope, noted: last!.hash })).toMatchObject({
      brokenAt: null,
      noted: false,
    })
    await context.db.write((trx) => trx.updateTable('audit').set({ actor_name: 'eve' }).execute())
    expect(await verifySeal(context, scope)).toMatchObject({ brokenAt: 1 })
  })

  test('tells what was served and where aliases pointed at a moment, and who put it there', async () => {
    const context = await open()
    const one = await variantOf(context, { version: 1, bytes: tinyModel() })
    const before = await pause()
    const deploy = async (version: number, actor: Actor): Promise<void> => {
      await context.db.write((trx) => thinDesiredStates(trx))
      const generation = await publish(context, [deploymentOf({ ...one, version })])
      const subject = `late late/${version}`
      await write(context, { actor, action: 'rollout.deploy', subject, detail: { generation } })
    }
    await deploy(1, ana)
    const first = await pause()
    await deploy(1, localOwner)
    await deploy(1, localOwner)
    await deploy(2, localOwner)
    await createModel(context, { ...scope, name: 'late' })
    for (let version = 1; version <= 2; version++)
      await registerVersion(context, { ...scope, model: 'late', source: 'test' })
    const alias = { ...scope, model: 'late', alias: 'blue', source: 'rest' }
    await setAlias(context, { ...alias, actor: ana, version: 1 })
    const second = await pause()
    await setAlias(context, { ...alias, version: 2 })
    await renameModel(context, { ...scope, name: 'late', newName: 'later' })
    const third = await pause()
    await deleteAlias(context, { ...scope, model: 'later', alias: 'blue' })
    const app = createServerApp(context)
    const at = async (atMs: number): Promise<{ deployments: object[]; aliases: object[] }> =>
      (await (await app.request(`/api/v1/audit/state?atMs=${atMs}`)).json()) as never
    expect(await at(before)).toMatchObject({ deployments: [], aliases: [] })
    expect(await at(first)).toMatchObject({
      deployments: [
        { deployment: 'late', version: 1, by: { actor: 'ana', sentence: 'deployed late late/1' } },
      ],
      aliases: [],
    })
    expect(await at(second)).toMatchObject({
      deployments: [{ version: 2, by: { actor: 'owner' } }],
      aliases: [{ model: 'late', alias: 'blue', version: 1, actor: 'ana' }],
    })
    expect((await at(third)).aliases).toMatchObject([{ model: 'later', version: 2, actor: 'owner' }])
    expect((await at(await pause())).aliases).toEqual([])
  })
})
