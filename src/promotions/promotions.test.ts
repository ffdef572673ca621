import { expect, test } from 'vitest'
import { describeDatabases, PROJECT_ID, type TestContext } from '../../test/databases.ts'
import { listDecisions } from '../governance/governance.ts'
import { addTeam, setMembership } from '../governance/teams.ts'
import { addUser } from '../governance/users.ts'
import { localOwner, type Actor } from '../kernel/actor.ts'
import { createRun, logBatch, putArtifact } from '../tracking/tracking.ts'
import { AliasPolicy, gain, model as declare } from '../registry/definition.ts'
import {
  applyModelDefinitions,
  findVersionByAlias,
  registerVersion,
  runGates,
  searchModels,
  updateModel,
  setAlias,
  storeEvaluation,
} from '../registry/registry.ts'
import { setProtection } from '../registry/protection.ts'
import type { Signature } from '../model-files/schema.ts'
import type { Evaluation } from '../registry/schema.ts'
import { mergePromotion, rollBackPromotion } from './merge.ts'
import { getPromotion, listPromotions } from './views.ts'
import { openPromotion, refreshPromotion, reviewPromotion, withdrawPromotion } from './proposals.ts'

const project = { projectId: PROJECT_ID }
const late = { ...project, model: 'late' }

function user(name: string, role: 'viewer' | 'contributor' | 'maintainer' | 'admin'): Actor {
  return { id: `user:${name}`, kind: 'user', name, grants: { [PROJECT_ID]: role } }
}

const alice = user('alice', 'contributor')
const bob = user('bob', 'maintainer')
const carol = user('carol', 'maintainer')
const root = user('root', 'admin')

function signature(...inputs: string[]): Signature {
  return {
    inputs: inputs.map((name) => ({ name, kind: 'number', datatype: 'FP64', nullable: true })),
    outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1] }],
    task: 'binary',
  }
}

/** Two versions from two runs with files; the first holds the alias. */
async function arrange(context: TestContext, policy?: Partial<AliasPolicy>) {
  const folders: string[] = []
  for (const [number, inputs] of [['hour'], ['hour', 'distance']].entries()) {
    const actor = alice
    const run = await createRun(context, { ...project, actor })
    const params = [
      { key: 'learner', value: 'trees' },
      { key: 'depth', value: String(3 + number) },
    ]
    const metrics = [{ key: 'auc', value: 0.7 + number / 100, timestampMs: 1, step: 0 }]
    await logBatch(context, { ...project, actor, runId: run.id, params, metrics })
    const folder = run.artifactUri.replace('mlflow-artifacts:/', '').replace(/^\//, '')
    for (const [path, text] of [
      ['model/MLmodel', `flavor ${number}`],
      ['model/requirements.txt', `scikit-learn==1.${number}\nnumpy`],
      ['model/code/requirements.txt', `polars==1.${number}`],
    ] as const)
      await putArtifact(context, {
        ...project,
        actor,
        path: `${folder}/${path}`,
        content: { bytes: Buffer.from(text) },
      })
    const storageLocation = `${run.artifactUri}/model`
    await registerVersion(context, {
      ...late,
      actor,
      source: storageLocation,
      storageLocation,
      runId: run.id,
      signature: signature(...inputs),
      createModel: true,
    })
    folders.push(`${folder}/model`)
  }
  await setAlias(context, { ...late, actor: alice, alias: 'champion', version: 1, source: 'rest' })
  if (policy)
    await setProtection(context, {
      ...late,
      actor: root,
      alias: 'champion',
      policy: AliasPolicy.parse(policy),
    })
  return { folders }
}

const propose = { ...late, actor: alice, version: 2, alias: 'champion', reason: 'knows the distance' }

async function champion(context: TestContext): Promise<number | undefined> {
  return (await findVersionByAlias(context, { ...late, actor: root, alias: 'champion' }))?.version
}

async function approve(context: TestContext, id: string, actor: Actor) {
  const { digest } = await getPromotion(context, { ...project, actor, id })
  return await reviewPromotion(context, { ...project, actor, id, verdict: 'approved', body: 'yes', digest })
}

describeDatabases('promotions', (open) => {
  test('the evidence says in what the version differs from the holder of the alias', async () => {
    const context = await open()
    await arrange(context, { gates: false })
    const { evidence, state, checks } = await openPromotion(context, propose)
    expect(evidence).toMatchObject({
      candidate: { version: 2, createdBy: 'alice', sizeBytes: 42 },
      holder: { version: 1 },
      metrics: [{ key: 'auc', candidate: '0.71', holder: '0.7' }],
      params: [{ key: 'depth', candidate: '4', holder: '3' }],
      signature: ['new input distance (number FP64, may be missing)'],
      environment: [
        { path: 'code/requirements.txt', added: ['polars==1.1'], removed: ['polars==1.0'] },
        { path: 'requirements.txt', added: ['scikit-learn==1.1'], removed: ['scikit-learn==1.0'] },
      ],
      code: null,
    })
    expect(evidence.unknown).toContain('The code of version 2 is not known')
    expect(state).toBe('open')
    expect(checks).toMatchObject([
      { name: 'unchanged', met: true },
      { name: 'approvals', met: false },
    ])
  })

  test('approved by another it is merged, with a decision that says who and why, and rolled back in one step', async () => {
    const context = await open()
    await arrange(context, { gates: false })
    const { id } = await openPromotion(context, propose)
    await expect(mergePromotion(context, { ...project, actor: bob, id })).rejects.toMatchObject({
      code: 'denied',
    })
    expect(await champion(context)).toBe(1)
    expect(await approve(context, id, bob)).toMatchObject({
      state: 'approved',
      reviews: [{ reviewer: 'bob', counts: true }],
    })
    const merged = await mergePromotion(context, { ...project, actor: carol, id })
    expect(merged).toMatchObject({
      state: 'merged',
      sentence: 'Promoted late/2 to champion from late/1: approved by bob, merged by carol.',
      may: { rollBack: true },
    })
    expect(await champion(context)).toBe(2)
    const [decision] = await listDecisions(context, { ...project, kind: 'promotion', limit: 5 })
    expect(decision).toMatchObject({
      verdict: 'merged',
      sentence: merged.sentence,
      inputs: { model: 'late', holderVersion: 1 },
    })
    const back = await rollBackPromotion(context, { ...project, actor: bob, id, reason: 'worse at night' })
    expect(back).toMatchObject({
      state: 'rolled_back',
      sentence: 'Rolled champion back from late/2 to late/1: by bob, who says “worse at night”.',
    })
    expect(await champion(context)).toBe(1)
    await expect(rollBackPromotion(context, { ...project, actor: bob, id })).rejects.toMatchObject({
      code: 'conflict',
    })
  })

  test('approvals are void when the files behind the version change', async () => {
    const context = await open()
    const { folders } = await arrange(context, { gates: false })
    const { id, digest } = await openPromotion(context, propose)
    await approve(context, id, bob)
    const content = { bytes: Buffer.from('another flavor') }
    await putArtifact(context, { ...project, actor: alice, path: `${folders[1]}/MLmodel`, content })
    expect(await getPromotion(context, { ...project, actor: bob, id })).toMatchObject({
      state: 'stale',
      may: { merge: false, review: false, force: false },
    })
    await expect(mergePromotion(context, { ...project, actor: bob, id })).rejects.toThrow(
      'its content has changed since',
    )
    await expect(
      mergePromotion(context, { ...project, actor: root, id, force: { reason: 'now' } }),
    ).rejects.toMatchObject({ code: 'conflict' })
    const again = await refreshPromotion(context, { ...project, actor: alice, id })
    expect(again).toMatchObject({ state: 'open', reviews: [{ reviewer: 'bob', counts: false }] })
    expect(again.digest).not.toBe(digest)
    await expect(
      reviewPromotion(context, { ...project, actor: bob, id, verdict: 'approved', body: '', digest }),
    ).rejects.toMatchObject({ code: 'conflict' })
    await expect(mergePromotion(context, { ...project, actor: bob, id })).rejects.toMatchObject({
      code: 'denied',
    })
    await approve(context, id, bob)
    await mergePromotion(context, { ...project, actor: bob, id })
    expect(await champion(context)).toBe(2)
  })

  test('of two promotions of one alias the first wins, and the other must be looked at again', async () => {
    const context = await open()
    await arrange(context, { gates: false })
    await registerVersion(context, { ...late, actor: alice, source: 'test' })
    const ids = []
    for (const version of [2, 3]) {
      const { id } = await openPromotion(context, { ...propose, version })
      await approve(context, id, bob)
      ids.push(id)
    }
    const merged = await Promise.allSettled(
      ids.map((id) => mergePromotion(context, { ...project, actor: carol, id })),
    )
    expect(merged.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const lost = merged.find((result) => result.status === 'rejected')
    expect(lost).toMatchObject({ reason: { code: 'conflict' } })
    const states = await listPromotions(context, { ...late, actor: alice, limit: 9 })
    expect(states.map(({ state }) => state).sort()).toEqual(['merged', 'stale'])
    expect(states.find(({ state }) => state === 'stale')!.waitsFor).toBe('your refresh')
  })

  test('two who merge the same promotion at once move the alias once', async () => {
    const context = await open()
    await arrange(context, { gates: false })
    const { id } = await openPromotion(context, propose)
    await approve(context, id, bob)
    const merged = await Promise.allSettled(
      [bob, carol].map((actor) => mergePromotion(context, { ...project, actor, id })),
    )
    expect(merged.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const told = await context.db.read
      .selectFrom('event')
      .selectAll()
      .where('kind', '=', 'model.alias_set')
      .execute()
    expect(told).toHaveLength(2)
  })

  test('a decline ends it, a withdrawal too, and a closed one stays closed', async () => {
    const context = await open()
    await arrange(context, { gates: false })
    const { id, digest } = await openPromotion(context, propose)
    await expect(openPromotion(context, propose)).rejects.toMatchObject({ code: 'already_exists' })
    const declined = await reviewPromotion(context, {
      ...project,
      actor: bob,
      id,
      verdict: 'declined',
      body: 'too slow',
      digest,
    })
    expect(declined).toMatchObject({
      state: 'declined',
      sentence: 'bob declined to point champion at late/2, who says “too slow”.',
    })
    await expect(approve(context, id, carol)).rejects.toMatchObject({ code: 'conflict' })
    await expect(
      mergePromotion(context, { ...project, actor: root, id, force: { reason: 'x' } }),
    ).rejects.toMatchObject({ code: 'conflict' })
    const second = await openPromotion(context, propose)
    await expect(
      withdrawPromotion(context, { ...project, actor: user('dave', 'contributor'), id: second.id }),
    ).rejects.toMatchObject({ code: 'denied' })
    expect(await withdrawPromotion(context, { ...project, actor: alice, id: second.id })).toMatchObject({
      state: 'withdrawn',
    })
    expect(await champion(context)).toBe(1)
  })

  test('the gates of now decide, not those of when it was opened', async () => {
    const context = await open()
    await arrange(context)
    const gates = [gain({ metric: 'auc' })]
    const definitions = [declare('late', { task: 'binary', gates, protect: { champion: { approvals: 0 } } })]
    await context.db.write((trx) =>
      applyModelDefinitions(context, trx, { ...project, actor: root, definitions }),
    )
    const { id, checks } = await openPromotion(context, propose)
    expect(checks).toContainEqual({
      name: 'gates',
      met: false,
      sentence: 'It has not been evaluated by its gates',
    })
    const judge = async (lower: number): Promise<void> => {
      const evaluation = await storeEvaluation(context, {
        ...late,
        actor: bob,
        evaluation: await measured(context, lower),
      })
      await runGates(context, { ...late, actor: bob, version: 2, evaluationId: evaluation.id })
    }
    await judge(-0.01)
    await expect(mergePromotion(context, { ...project, actor: bob, id })).rejects.toThrow(
      'Gate declined late/2',
    )
    await judge(0.01)
    expect(await mergePromotion(context, { ...project, actor: bob, id })).toMatchObject({ state: 'merged' })
  })

  test('nobody is asked who can’t answer, and nobody is asked twice', async () => {
    const context = await open()
    await arrange(context, { gates: false, approvals: 2 })
    const { id } = await openPromotion(context, propose)
    const asked = async (actor: Actor) => (await getPromotion(context, { ...project, actor, id })).waitsFor
    expect(await asked(alice)).toBeNull()
    expect(await asked(bob)).toBe('your review')
    await approve(context, id, bob)
    expect(await asked(bob)).toBeNull()
    await approve(context, id, carol)
    expect(await asked(bob)).toBe('your merge')
    expect(await asked(alice)).toBeNull()
  })

  test('where the owner approves, members of the owning team do, and nobody else', async () => {
    const context = await open()
    await arrange(context, { gates: false, from: 'owner' })
    const people = async (name: string): Promise<Actor> => {
      await addUser(context, { actor: localOwner, name })
      const row = await context.db.read
        .selectFrom('user')
        .select('id')
        .where('name', '=', name)
        .executeTakeFirstOrThrow()
      return { ...user(name, 'contributor'), id: `user:${row.id}` }
    }
    const [erin, frank] = [await people('erin'), await people('frank')]
    await addTeam(context, { actor: localOwner, name: 'flights' })
    await setMembership(context, { actor: localOwner, name: 'flights', user: 'erin', member: true })
    const own = { ...project, actor: root, name: 'late' }
    await expect(updateModel(context, { ...own, owner: 'team:trains' })).rejects.toThrow(
      'There is no team trains',
    )
    await expect(updateModel(context, { ...own, owner: 'nobody' })).rejects.toThrow('There is no user nobody')
    await updateModel(context, { ...own, owner: 'team:flights' })
    const { id } = await openPromotion(context, propose)
    await expect(approve(context, id, frank)).rejects.toMatchObject({ code: 'denied' })
    await expect(approve(context, id, root)).rejects.toMatchObject({ code: 'denied' })
    expect(await approve(context, id, erin)).toMatchObject({ state: 'approved' })
    const found = await searchModels(context, {
      ...own,
      filter: { field: 'attribute', key: 'owner', operator: '=', value: 'team:flights' },
      orderBy: [],
      limit: 5,
    })
    expect(found.models.map(({ name }) => name)).toEqual(['late'])
  })

  test('wrong requests change nothing', async () => {
    const context = await open()
    await arrange(context)
    await expect(openPromotion(context, { ...propose, version: 1 })).rejects.toMatchObject({
      code: 'conflict',
    })
    await expect(openPromotion(context, { ...propose, version: 9 })).rejects.toMatchObject({
      code: 'not_found',
    })
    await expect(openPromotion(context, { ...propose, alias: 'latest' })).rejects.toMatchObject({
      code: 'invalid',
    })
    await expect(openPromotion(context, { ...propose, reason: ' ' })).rejects.toMatchObject({
      code: 'invalid',
    })
    await expect(openPromotion(context, { ...propose, actor: user('v', 'viewer') })).rejects.toMatchObject({
      code: 'denied',
    })
    expect(await listPromotions(context, { ...project, actor: localOwner, limit: 9 })).toEqual([])
  })
})

async function measured(context: TestContext, lower: number): Promise<Evaluation> {
  const { id } = (await context.db.read
    .selectFrom('model_version')
    .select('id')
    .where('version', '=', 2)
    .executeTakeFirst())!
  return {
    task: 'binary',
    label: 'late',
    holdout: { digest: 'abc', rows: 10, days: ['2001-02-01', '2001-02-02'] },
    subjects: [
      { name: 'late/2', role: 'candidate', modelVersionId: id, metrics: {}, blocks: {} },
      { name: 'late/1', role: 'champion', metrics: {}, blocks: {} },
    ],
    differences: [
      { metric: 'auc', against: 'champion', gain: lower + 0.001, lower, upper: lower + 0.002, days: 2 },
    ],
  }
}
