import { expect, test } from 'vitest'
import { listDecisions } from '../src/governance/governance.ts'
import { createApp } from '../src/http/app.ts'
import { systemActor, type Actor } from '../src/kernel/actor.ts'
import { applyProject } from '../src/project/apply.ts'
import { projectDefinitionSchema } from '../src/project/definition.ts'
import { mlflowApp } from '../src/protocols/mlflow/mlflow.ts'
import { gain, model, type ModelDefinition } from '../src/registry/definition.ts'
import {
  findVersionByAlias,
  getModelVersion,
  importAliases,
  importVersion,
} from '../src/registry/registry.ts'
import { consumers } from '../src/rollout/consumers.ts'
import { jobs } from '../src/rollout/jobs.ts'
import {
  addRolloutCounts,
  declareDeployments,
  deploy,
  getDeploymentState,
  tickRollouts,
} from '../src/rollout/rollout.ts'
import { deployment } from '../src/serving/definition.ts'
import { findDesiredState } from '../src/serving/serving.ts'
import { allRoutes } from '../src/server/server.ts'
import { describeDatabases, PROJECT_ID, type TestContext } from './databases.ts'
import { registerLate } from './late-versions.ts'
import { workOff } from './work-off.ts'

type Role = 'viewer' | 'contributor' | 'maintainer' | 'admin'

function user(name: string, role: Role): Actor {
  return { id: `user:${name}`, kind: 'user', name, grants: { [PROJECT_ID]: role } }
}

const root = user('root', 'admin')
const author = user('author', 'contributor')
const mallory = user('mallory', 'maintainer')
const reviewer = user('reviewer', 'maintainer')
const guarded = model('late', {
  task: 'binary',
  protect: { champion: { approvals: 1, gates: false }, challenger: {} },
})

/** REST and MLflow as one person sees them. */
function clientOf(context: TestContext, actor: Actor) {
  const options = { authenticate: async () => actor, resolveProject: async () => PROJECT_ID }
  const rest = createApp({ ...options, context, routes: allRoutes() })
  const mlflow = mlflowApp(context, () => actor)
  const ask = async (app: typeof rest, method: string, path: string, body?: object) => {
    const init = {
      method,
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    }
    const response = await app.request(path, init)
    return { status: response.status, body: (await response.json()) as Record<string, never> }
  }
  return {
    rest: (method: string, path: string, body?: object) => ask(rest, method, `/api/v1${path}`, body),
    mlflow: (method: string, path: string, body?: object) =>
      ask(mlflow, method, `/api/2.0/mlflow${path}`, body),
  }
}

async function apply(context: TestContext, actor: Actor, late: ModelDefinition): Promise<unknown> {
  const definition = projectDefinitionSchema.parse({
    name: 'test',
    data: { datasets: [] },
    features: { entities: [], views: [], onDemand: [], services: [] },
    registry: { models: [late] },
    pipelines: { pipelines: [], steps: [] },
    serving: { deployments: [deployment('late', { model: 'late', rollout: canary })] },
    monitoring: { monitors: [] },
  })
  const snapshot = { format: 1 as const, files: {} }
  return await applyProject(context, { projectId: PROJECT_ID, actor, definition, snapshot, directory: '/' })
}

const canary = { stages: [{ canary: 50, minRequests: 100 }], margins: { error: 0.5 } }

/** Three versions; the first is served and was champion before the alias was protected. */
async function arrange(context: TestContext) {
  await registerLate(context, 3, () => ({ actor: author }))
  await declareDeployments(context, {
    projectId: PROJECT_ID,
    actor: root,
    deployments: [deployment('late', { model: 'late', rollout: canary })],
  })
  await deploy(context, { projectId: PROJECT_ID, actor: root, deployment: 'late', model: 'late', version: 1 })
  const admin = clientOf(context, root)
  await admin.mlflow('POST', '/model-versions/transition-stage', {
    name: 'late',
    version: '1',
    stage: 'Production',
  })
  await apply(context, root, guarded)
  return admin
}

async function champion(context: TestContext): Promise<number | undefined> {
  const alias = { projectId: PROJECT_ID, actor: root, model: 'late', alias: 'champion' }
  return (await findVersionByAlias(context, alias))?.version
}

async function stable(context: TestContext): Promise<number | undefined> {
  return (await findDesiredState(context.db.read))?.deployments[0]?.stable?.version
}

async function propose(context: TestContext, actor: Actor, version: number) {
  const body = { version, alias: 'champion', reason: 'better' }
  const opened = await clientOf(context, actor).rest('POST', '/models/late/promotions', body)
  expect(opened.status).toBe(200)
  return opened.body as unknown as { id: string; digest: string }
}

async function review(context: TestContext, actor: Actor, { id, digest }: { id: string; digest: string }) {
  return await clientOf(context, actor).rest('POST', `/promotions/${id}/reviews`, {
    verdict: 'approved',
    digest,
  })
}

async function serveCandidate(context: TestContext, rolloutId: string): Promise<void> {
  const counted = (variant: string) => ({
    rolloutId,
    generation: 2,
    stage: 0,
    variant,
    metric: 'error',
    gatewayId: 'gateway-1',
    second: 0,
    n: 600,
    sum: 0,
    sumSq: 0,
  })
  const counts = [counted('canary'), counted('stable')]
  await context.db.write((trx) => addRolloutCounts(trx, { projectId: PROJECT_ID, counts }))
  await tickRollouts(context)
}

describeDatabases('a protected alias', (open) => {
  test('no client, command, project or role gets around it', async () => {
    const context = await open()
    await arrange(context)
    const { rest, mlflow } = clientOf(context, mallory)
    const attacks: [name: string, attack: () => Promise<{ status: number }>][] = [
      ['REST alias', () => rest('PUT', '/models/late/aliases/champion', { version: 2 })],
      [
        'REST alias by force',
        () => rest('PUT', '/models/late/aliases/champion', { version: 2, force: true, reason: 'now' }),
      ],
      ['REST alias removed', () => rest('DELETE', '/models/late/aliases/champion')],
      [
        'REST alias removed by force',
        () => rest('DELETE', '/models/late/aliases/champion', { force: true, reason: 'now' }),
      ],
      ['REST challenger', () => rest('PUT', '/models/late/aliases/challenger', { version: 2 })],
      ['deployment', () => rest('POST', '/deployments', { name: 'late', model: 'late', version: 2 })],
      [
        'deployment by force',
        () =>
          rest('POST', '/deployments', {
            name: 'late',
            model: 'late',
            version: 2,
            force: true,
            reason: 'now',
          }),
      ],
      [
        'another deployment',
        () => rest('POST', '/deployments', { name: 'late-too', model: 'late', version: 2 }),
      ],
      [
        'MLflow alias',
        () => mlflow('POST', '/registered-models/alias', { name: 'late', alias: 'champion', version: '2' }),
      ],
      [
        'MLflow alias removed',
        () => mlflow('DELETE', '/registered-models/alias', { name: 'late', alias: 'champion' }),
      ],
      [
        'MLflow stage',
        () =>
          mlflow('POST', '/model-versions/transition-stage', {
            name: 'late',
            version: '2',
            stage: 'production',
          }),
      ],
      [
        'MLflow stage that archives',
        () =>
          mlflow('POST', '/model-versions/transition-stage', {
            name: 'late',
            version: '2',
            stage: 'Production',
            archive_existing_versions: true,
          }),
      ],
      [
        'MLflow stage left',
        () =>
          mlflow('POST', '/model-versions/transition-stage', {
            name: 'late',
            version: '1',
            stage: 'Archived',
          }),
      ],
      [
        'MLflow staging',
        () =>
          mlflow('POST', '/model-versions/transition-stage', {
            name: 'late',
            version: '2',
            stage: 'Staging',
          }),
      ],
      [
        'MLflow version deleted',
        () => mlflow('DELETE', '/model-versions/delete', { name: 'late', version: '1' }),
      ],
      ['MLflow model deleted', () => mlflow('DELETE', '/registered-models/delete', { name: 'late' })],
      [
        'MLflow model renamed',
        () => mlflow('POST', '/registered-models/rename', { name: 'late', new_name: 'early' }),
      ],
      ['protection taken away', () => rest('DELETE', '/models/late/protection/champion')],
      [
        'protection weakened',
        () => rest('PUT', '/models/late/protection/champion', { approvals: 0, gates: false }),
      ],
      [
        'protection for others',
        () => rest('PUT', '/models/late/protection/champion', { byOthers: false, gates: false }),
      ],
      [
        'protection from below',
        () => rest('PUT', '/models/late/protection/champion', { from: 'contributor', gates: false }),
      ],
    ]
    for (const [name, attack] of attacks) {
      expect((await attack()).status, name).toBe(403)
      expect(await champion(context), name).toBe(1)
      expect(await stable(context), name).toBe(1)
    }
    await workOff(context, { consumers, jobs })
    expect(await getDeploymentState(context, { projectId: PROJECT_ID, name: 'late' })).toMatchObject({
      deployment: { stable: { version: 1 } },
    })
  })

  test('an import from elsewhere moves neither the alias nor the stage', async () => {
    const context = await open()
    await arrange(context)
    const within = async (): Promise<void> => {}
    const input = { projectId: PROJECT_ID, actor: root, model: 'late', lastVersion: 3, within }
    const aliases = (version: number) =>
      importAliases(context, { ...input, aliases: [{ alias: 'champion', version }] })
    expect(await aliases(2)).toEqual({ held: ['champion'] })
    expect(await aliases(1)).toEqual({ held: [] })
    const version = {
      model: 'late',
      version: 2,
      stage: 'Production',
      description: '',
      source: 's3://x',
      createdBy: 'x',
      tags: [],
      createdMs: 1,
      updatedMs: 1,
    } as const
    expect(await importVersion(context, { ...input, version })).toEqual({ isStageHeld: true })
    const caller = { projectId: PROJECT_ID, actor: root }
    expect((await getModelVersion(context, { ...caller, model: 'late', version: 2 })).stage).toBe('None')
    expect(await champion(context)).toBe(1)
  })

  test('an MLflow client is told the way to a promotion', async () => {
    const context = await open()
    await arrange(context)
    const { mlflow } = clientOf(context, mallory)
    const asked = { name: 'late', alias: 'champion', version: '2' }
    expect(await mlflow('POST', '/registered-models/alias', asked)).toMatchObject({
      status: 403,
      body: {
        error_code: 'PERMISSION_DENIED',
        message: expect.stringMatching(
          /protected.*tidemill promote late\/2 --alias champion.*models\/late\/promotions/,
        ),
      },
    })
    expect((await mlflow('POST', '/registered-models/alias', { ...asked, version: '1' })).status).toBe(200)
  })

  test('a project can’t weaken it, change its gates or choose its owner without the role for it', async () => {
    const context = await open()
    await arrange(context)
    const weaker: [ModelDefinition, Actor][] = [
      [model('late', { task: 'binary' }), mallory],
      [
        model('late', {
          task: 'binary',
          protect: { champion: { approvals: 0, gates: false }, challenger: {} },
        }),
        mallory,
      ],
      [
        model('late', { task: 'binary', protect: { ...guarded.protect, challenger: { gates: false } } }),
        mallory,
      ],
      [{ ...guarded, gates: [gain({ metric: 'auc' })] }, author],
    ]
    for (const [definition, actor] of weaker)
      await expect(apply(context, actor, definition)).rejects.toMatchObject({ code: 'denied' })
    const versions = await context.db.read.selectFrom('project_version').selectAll().execute()
    expect(versions).toHaveLength(1)
    const stricter = model('late', {
      task: 'binary',
      protect: { champion: { approvals: 2, from: 'owner' }, challenger: {} },
    })
    await expect(apply(context, mallory, stricter)).rejects.toMatchObject({ code: 'denied' })
    await apply(context, root, { ...stricter, owner: 'boss' })
    await expect(apply(context, mallory, { ...stricter, owner: 'mallory' })).rejects.toMatchObject({
      code: 'denied',
    })
    const { rest } = clientOf(context, mallory)
    expect((await rest('PATCH', '/models/late', { owner: 'mallory' })).status).toBe(403)
  })

  test('approvals come from people who may, once each, for what they saw', async () => {
    const context = await open()
    await arrange(context)
    const promotion = await propose(context, mallory, 2)
    expect((await review(context, mallory, promotion)).status, 'its author').toBe(403)
    expect((await review(context, author, promotion)).status, 'who registered it').toBe(403)
    expect((await review(context, user('v', 'viewer'), promotion)).status, 'a viewer').toBe(403)
    expect((await review(context, user('c', 'contributor'), promotion)).status, 'a contributor').toBe(403)
    expect((await review(context, systemActor('rollout controller'), promotion)).status, 'a program').toBe(
      403,
    )
    const step: Actor = { ...reviewer, id: 'step:1', kind: 'step' }
    expect((await review(context, step, promotion)).status, 'a step').toBe(403)
    expect(
      (await review(context, reviewer, { ...promotion, digest: 'another' })).status,
      'of something else',
    ).toBe(409)
    const { rest } = clientOf(context, mallory)
    expect((await rest('POST', `/promotions/${promotion.id}/merge`)).status).toBe(403)
    expect(
      (await rest('POST', `/promotions/${promotion.id}/merge`, { force: true, reason: 'now' })).status,
    ).toBe(403)
    await apply(
      context,
      root,
      model('late', {
        task: 'binary',
        protect: { champion: { approvals: 2, gates: false }, challenger: {} },
      }),
    )
    expect((await review(context, reviewer, promotion)).status).toBe(200)
    expect((await review(context, reviewer, promotion)).status).toBe(200)
    expect((await rest('POST', `/promotions/${promotion.id}/merge`)).status, 'one person twice').toBe(403)
    expect(
      (await clientOf(context, root).rest('POST', `/promotions/${promotion.id}/merge`, { force: true }))
        .status,
      'no reason',
    ).toBe(400)
    expect(await champion(context)).toBe(1)
  })

  test('a deployment that a promotion admits moves the alias when its rollout has succeeded', async () => {
    const context = await open()
    await arrange(context)
    const promotion = await propose(context, author, 2)
    const start = { projectId: PROJECT_ID, actor: mallory, deployment: 'late', model: 'late', version: 2 }
    await expect(deploy(context, start)).rejects.toThrow(
      /Did not deploy late\/2 to late: .*is not approved: 1 approval by/,
    )
    await review(context, reviewer, promotion)
    const { rolloutId } = await deploy(context, start)
    expect(await champion(context)).toBe(1)
    await serveCandidate(context, rolloutId!)
    expect(await stable(context)).toBe(2)
    expect(await champion(context)).toBe(2)
    const { body } = await clientOf(context, author).rest('GET', `/promotions/${promotion.id}`)
    expect(body).toMatchObject({ state: 'merged', finishedBy: 'rollout controller' })
  })

  test('a promotion that is declined while its rollout runs ends the rollout', async () => {
    const context = await open()
    await arrange(context)
    const promotion = await propose(context, author, 2)
    await review(context, reviewer, promotion)
    const start = { projectId: PROJECT_ID, actor: mallory, deployment: 'late', model: 'late', version: 2 }
    await deploy(context, start)
    const body = { verdict: 'declined', digest: promotion.digest, body: 'on second thought' }
    await clientOf(context, reviewer).rest('POST', `/promotions/${promotion.id}/reviews`, body)
    await workOff(context, { consumers, jobs })
    const { rollout, deployment: now } = await getDeploymentState(context, {
      projectId: PROJECT_ID,
      name: 'late',
    })
    expect(rollout).toBeUndefined()
    expect(now.stable?.version).toBe(1)
    expect(await champion(context)).toBe(1)
  })

  test('a rollout from before the protection serves, but the alias stays, and a decision says so', async () => {
    const context = await open()
    const admin = await arrange(context)
    for (const alias of ['champion', 'challenger'])
      expect((await admin.rest('DELETE', `/models/late/protection/${alias}`)).status).toBe(200)
    const start = { projectId: PROJECT_ID, actor: mallory, deployment: 'late', model: 'late', version: 2 }
    const { rolloutId } = await deploy(context, start)
    await admin.rest('PUT', '/models/late/protection/champion', {})
    await serveCandidate(context, rolloutId!)
    expect(await champion(context)).toBe(1)
    const [decision] = await listDecisions(context, { projectId: PROJECT_ID, kind: 'promotion', limit: 1 })
    expect(decision?.sentence).toBe(
      'champion of late stays at late/1 although late/2 is served: no promotion was approved.',
    )
  })

  test('a merged promotion starts a rollout, and its rollback brings back at once what served before', async () => {
    const context = await open()
    await arrange(context)
    const promotion = await propose(context, author, 2)
    await review(context, reviewer, promotion)
    const { rest } = clientOf(context, mallory)
    expect((await rest('POST', `/promotions/${promotion.id}/merge`)).status).toBe(200)
    await workOff(context, { consumers, jobs })
    const key = { projectId: PROJECT_ID, name: 'late' }
    const { rollout } = await getDeploymentState(context, key)
    expect(rollout).toMatchObject({ candidate: { version: 2 } })
    await serveCandidate(context, rollout!.id)
    expect(await stable(context)).toBe(2)
    const { body } = await rest('POST', `/promotions/${promotion.id}/rollback`, { reason: 'worse' })
    expect(body).toMatchObject({ state: 'rolled_back' })
    await workOff(context, { consumers, jobs })
    expect(await stable(context)).toBe(1)
    expect(await champion(context)).toBe(1)
  })

  test('the overview asks who may review, and nobody else', async () => {
    const context = await open()
    await arrange(context)
    const promotion = await propose(context, author, 2)
    const needs = async (actor: Actor): Promise<unknown> =>
      (await clientOf(context, actor).rest('GET', '/overview')).body['needsYou']
    const asked = {
      id: promotion.id,
      sentence: 'author proposes late/2 as champion: it waits for your review.',
      href: `/promotions/${promotion.id}`,
    }
    expect(await needs(reviewer)).toMatchObject([asked])
    expect(await needs(author)).toEqual([])
    expect(await needs(user('c', 'contributor'))).toEqual([])
    await review(context, reviewer, promotion)
    expect(await needs(mallory)).toMatchObject([
      { sentence: 'author proposes late/2 as champion: it waits for your merge.' },
    ])
  })

  test('an administrator forces it with a reason, and the audit has it', async () => {
    const context = await open()
    const admin = await arrange(context)
    const put = (body: object) => admin.rest('PUT', '/models/late/aliases/champion', body)
    expect((await put({ version: 3 })).status).toBe(403)
    expect((await put({ version: 3, force: true })).status).toBe(400)
    expect((await put({ version: 3, force: true, reason: 'the server burns' })).status).toBe(200)
    expect(await champion(context)).toBe(3)
    const { body } = await admin.rest('GET', '/audit?limit=1')
    expect(body).toMatchObject({
      items: [
        { actor: 'root', action: 'registry.set_alias', detail: { version: 3, forced: 'the server burns' } },
      ],
    })
  })
})
