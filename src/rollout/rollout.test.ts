import { overviewRoutes } from '../server/overview.ts'
import { expect, test } from 'vitest'
import { describeDatabases, PROJECT_ID, TEST_TIME_MS, type TestContext } from '../../test/databases.ts'
import { registerLate } from '../../test/late-versions.ts'
import { workOff } from '../../test/work-off.ts'
import { listDecisions } from '../governance/governance.ts'
import { localOwner, type Actor } from '../kernel/actor.ts'
import { HOUR_MS } from '../kernel/time-spans.ts'
import { applyModelDefinitions, findVersionByAlias, setAlias } from '../registry/registry.ts'
import { gain, model } from '../registry/definition.ts'
import { deployment, type DeploymentOptions } from '../serving/definition.ts'
import { findDesiredState, listCandidateLeases } from '../serving/serving.ts'
import { consumers } from './consumers.ts'
import { jobs } from './jobs.ts'
import { routes } from './routes.ts'
import {
  addRolloutCounts,
  addTraffic,
  declareDeployments,
  deploy,
  explainRollout,
  getDeploymentState,
  getTimeline,
  rollBack,
  stopRollout,
  tickRollouts,
} from './rollout.ts'

const owner = { projectId: PROJECT_ID, actor: localOwner }
const late = { ...owner, deployment: 'late', model: 'late' }

/** A deployment whose version 1 is stable; later versions start rollouts. */
async function serving(
  context: TestContext,
  { versions = 2, ...options }: Partial<DeploymentOptions> & { versions?: number } = {},
): Promise<void> {
  await registerLate(context, versions)
  const definition = deployment('late', { model: 'late', ...options })
  await declareDeployments(context, { ...owner, deployments: [definition] })
  await deploy(context, { ...late, version: 1 })
}

async function count(
  context: TestContext,
  rolloutId: string,
  stage: number,
  counts: readonly [variant: string, metric: string, n: number, sum: number, sumSq?: number][],
): Promise<void> {
  await context.db.write((trx) =>
    addRolloutCounts(trx, {
      projectId: PROJECT_ID,
      counts: counts.map(([variant, metric, n, sum, sumSq = sum]) => ({
        rolloutId,
        generation: 2,
        stage,
        variant,
        metric,
        gatewayId: 'gateway-1',
        second: 0,
        n,
        sum,
        sumSq,
      })),
    }),
  )
}

async function served(context: TestContext) {
  return (await findDesiredState(context.db.read))!.deployments[0]!
}

async function champion(context: TestContext): Promise<number | undefined> {
  return (await findVersionByAlias(context, { ...owner, model: 'late', alias: 'champion' }))?.version
}

const canary = { stages: [{ shadow: { minPairs: 500 } }, { canary: 50, minRequests: 500 }] }

describeDatabases('rollouts', (open) => {
  test('the first version goes straight to stable and becomes champion', async () => {
    const context = await open()
    await serving(context)
    const desired = await served(context)
    expect(desired.stable).toMatchObject({ model: 'late', version: 1 })
    expect(desired.candidate).toBeUndefined()
    expect(await champion(context)).toBe(1)
  })

  test('a later version is shadowed first, with a lease that ends by itself', async () => {
    const context = await open()
    await serving(context, { rollout: canary })
    const { outcome, sentence } = await deploy(context, { ...late, version: 2 })
    expect(outcome).toBe('rollout')
    expect(sentence).toBe(
      'Started the rollout of late/2 against late/1 in shadow. No gates are declared for late.',
    )
    expect((await served(context)).candidate).toMatchObject({
      version: 2,
      mode: 'shadow',
      weight: 0,
      stage: 0,
    })
    const [lease] = await listCandidateLeases(context.db.read)
    const left = lease!.until_ms - (await context.db.wallTime())
    expect(left).toBeGreaterThan(3000)
    expect(left).toBeLessThanOrEqual(5000)
  })

  test('a candidate without harm is promoted by its errors where no labels are expected', async () => {
    const context = await open()
    await serving(context, { rollout: { ...canary, margins: { error: 0.02 } } })
    const { rolloutId } = await deploy(context, { ...late, version: 2 })
    await count(context, rolloutId!, 0, [
      ['shadow', 'error', 500, 0],
      ['stable', 'error', 500, 0],
    ])
    await tickRollouts(context)
    expect((await served(context)).candidate).toMatchObject({ mode: 'canary', weight: 5000, stage: 1 })
    await count(context, rolloutId!, 1, [
      ['canary', 'error', 4000, 8],
      ['stable', 'error', 4000, 8],
    ])
    await Promise.all([tickRollouts(context), tickRollouts(context)])
    const desired = await served(context)
    expect(desired.stable.version).toBe(2)
    expect(desired.previous?.version).toBe(1)
    expect(desired.candidate).toBeUndefined()
    expect(await champion(context)).toBe(2)
    expect(await listCandidateLeases(context.db.read)).toEqual([])
    const { state, transitions, sentence } = await explainRollout(context, { ...owner, id: rolloutId! })
    expect(state).toBe('succeeded')
    expect(transitions.map(({ to }) => to)).toEqual(['shadow', 'canary', 'succeeded'])
    expect(sentence).toMatch(
      /^Promoted late\/2 over late\/1 after 4,000 requests: error rate differs by 0\.00 points/,
    )
  })

  test('a candidate that loses more is rolled back to the loaded stable version, and the decision holds its numbers', async () => {
    const context = await open()
    await serving(context, { rollout: canary, label: { horizonMs: HOUR_MS } })
    const { rolloutId } = await deploy(context, { ...late, version: 2, force: true, reason: 'a drill' })
    await count(context, rolloutId!, 0, [
      ['shadow', 'error', 612, 0],
      ['stable', 'error', 612, 0],
      ['shadow', 'pair_loss_diff', 612, 612 * 0.41, 612 * 0.41 ** 2 + 612 * 0.3],
    ])
    await tickRollouts(context)
    expect(await served(context)).toMatchObject({ stable: { version: 1 } })
    expect((await served(context)).candidate).toBeUndefined()
    const [decision] = await listDecisions(context, {
      projectId: PROJECT_ID,
      subjectType: 'rollout',
      subjectId: rolloutId!,
      limit: 1,
    })
    expect(decision).toMatchObject({
      verdict: 'roll_back',
      rule: 'The lower bound of the harm is above the margin',
    })
    expect(decision!.sentence).toMatch(
      /^Rolled back late\/2 to late\/1 after 612 labelled pairs: log loss is worse by 0\.41 \[0\.\d\d, 0\.\d\d\], margin 0\.010\.$/,
    )
    expect(decision!.inputs['totals']).toHaveLength(3)
    expect(decision!.codeVersion).not.toBe('')
    await count(context, rolloutId!, 0, [['shadow', 'pair_loss_diff', 388, 388 * 0.4, 388 * 0.5]])
    context.clock.advance(HOUR_MS)
    await tickRollouts(context)
    await tickRollouts(context)
    const settled = await listDecisions(context, {
      projectId: PROJECT_ID,
      subjectType: 'rollout',
      subjectId: rolloutId!,
      limit: 10,
    })
    expect(settled.map(({ verdict }) => verdict)).toEqual(['settled_right', 'roll_back'])
    expect(settled[0]!.sentence).toMatch(
      /^With the labels that have come since, rolling back late\/2 was right: log loss is worse by 0\.41/,
    )
  })

  test('while labels are missing the last stage holds, says so once, and rolls back at the time limit', async () => {
    const context = await open()
    await serving(context, {
      rollout: { stages: [{ canary: 50, minRequests: 100 }], timeoutMs: 24 * HOUR_MS },
      label: { horizonMs: HOUR_MS },
    })
    const { rolloutId } = await deploy(context, { ...late, version: 2 })
    await count(context, rolloutId!, 0, [
      ['canary', 'error', 600, 0],
      ['stable', 'error', 600, 0],
    ])
    await tickRollouts(context)
    await tickRollouts(context)
    const held = await explainRollout(context, { ...owner, id: rolloutId! })
    expect(held.heldSinceMs).toBe(TEST_TIME_MS)
    expect(held.transitions).toHaveLength(2)
    expect(held.sentence).toContain('nothing is promoted on missing data')
    context.clock.advance(24 * HOUR_MS)
    await tickRollouts(context)
    expect((await explainRollout(context, { ...owner, id: rolloutId! })).state).toBe('rolled_back')
  })

  test('a version whose gates have not passed is refused, and forced only with a reason', async () => {
    const context = await open()
    await serving(context)
    await context.db.write((trx) =>
      applyModelDefinitions(context, trx, {
        ...owner,
        definitions: [model('late', { task: 'binary', gates: [gain({ metric: 'log_loss' })] })],
      }),
    )
    await expect(deploy(context, { ...late, version: 2 })).rejects.toThrow(
      'Did not deploy late/2 to late: late/2 has not been evaluated by its gates.',
    )
    await expect(deploy(context, { ...late, version: 2, force: true })).rejects.toThrow('needs a reason')
    const forced = await deploy(context, { ...late, version: 2, force: true, reason: 'a drill' })
    expect(forced.sentence).toContain('Forced past its gates by owner ("a drill")')
    const audited = await context.db.read.selectFrom('audit').select('action').execute()
    expect(audited.map(({ action }) => action)).toContain('rollout.deploy_forced')
  })

  test('an A/A rollout serves one version twice', async () => {
    const context = await open()
    await serving(context)
    const { outcome, sentence } = await deploy(context, { ...late, version: 1 })
    expect(outcome).toBe('rollout')
    expect(sentence).toContain('late/1 against itself (A/A)')
    const { stable, candidate } = await served(context)
    expect(candidate?.modelVersionId).toBe(stable.modelVersionId)
  })

  test('an A/A rollout ends without a promotion, and the version before stays the one to go back to', async () => {
    const context = await open()
    await serving(context, {
      rollout: { stages: [{ canary: 50, minRequests: 500 }], margins: { error: 0.02 } },
    })
    const harmless = async (version: number): Promise<string> => {
      const { rolloutId } = await deploy(context, { ...late, version })
      await count(context, rolloutId!, 0, [
        ['canary', 'error', 4000, 8],
        ['stable', 'error', 4000, 8],
      ])
      await tickRollouts(context)
      const { state, sentence } = await explainRollout(context, { ...owner, id: rolloutId! })
      expect(state).toBe('succeeded')
      return sentence
    }
    expect(await harmless(2)).toMatch(/^Promoted late\/2 over late\/1 after 4,000 requests: error rate/)
    expect(await harmless(2)).toMatch(/^Ended the A\/A rollout of late\/2 after 4,000 requests: error rate/)
    const { stable, previous } = await served(context)
    expect([stable.version, previous?.version]).toEqual([2, 1])
  })

  test('a newer version takes the place of a rollout under way', async () => {
    const context = await open()
    await serving(context, { versions: 3 })
    const first = await deploy(context, { ...late, version: 2 })
    await deploy(context, { ...late, version: 3 })
    expect((await explainRollout(context, { ...owner, id: first.rolloutId! })).state).toBe('superseded')
    expect((await served(context)).candidate?.version).toBe(3)
  })

  test('a rollout is stopped by hand; rolling back then goes to the version before', async () => {
    const context = await open()
    await serving(context, {
      versions: 3,
      rollout: { stages: [{ canary: 50, minRequests: 100 }], margins: { error: 0.5 } },
    })
    const first = await deploy(context, { ...late, version: 2 })
    await count(context, first.rolloutId!, 0, [
      ['canary', 'error', 600, 0],
      ['stable', 'error', 600, 0],
    ])
    await tickRollouts(context)
    const second = await deploy(context, { ...late, version: 3 })
    await stopRollout(context, { ...owner, rolloutId: second.rolloutId!, reason: 'not today' })
    expect((await served(context)).candidate).toBeUndefined()
    await expect(stopRollout(context, { ...owner, rolloutId: second.rolloutId! })).rejects.toThrow(
      'moved on or ended',
    )
    const { sentence } = await rollBack(context, { ...owner, deployment: 'late', reason: 'looks odd' })
    expect(sentence).toBe('Rolled back late/2 to late/1: owner says "looks odd".')
    expect((await served(context)).stable.version).toBe(1)
    expect(await champion(context)).toBe(1)
  })

  test('an alias that an outside client sets enters the gates', async () => {
    const context = await open()
    await serving(context)
    await setAlias(context, { ...owner, model: 'late', alias: 'champion', version: 2, source: 'mlflow' })
    await workOff(context, { consumers, jobs })
    const { rollout } = await getDeploymentState(context, { projectId: PROJECT_ID, name: 'late' })
    expect(rollout).toMatchObject({ candidate: { version: 2 }, state: 'shadow' })
    expect(rollout?.cause).toMatch(/^alias:\d+$/)
  })

  test('automatic stages come from the traffic; without enough of it the plan is refused with a date', async () => {
    const context = await open()
    await serving(context, {
      rollout: { stages: 'auto', margins: { loss: 0.02 } },
      label: { horizonMs: 24 * HOUR_MS },
    })
    const traffic = (n: number) =>
      context.db.write((trx) =>
        addTraffic(trx, {
          projectId: PROJECT_ID,
          hours: [{ deployment: 'late', version: 1, variant: 'stable', hourMs: TEST_TIME_MS, n, errors: 0 }],
        }),
      )
    await expect(deploy(context, { ...late, version: 2 })).rejects.toThrow('no traffic to plan from')
    await traffic(10)
    await expect(deploy(context, { ...late, version: 2 })).rejects.toThrow(
      /: With 10 requests an hour this rollout would be decided on 2001-\d\d-\d\d, after its time limit on 2001-01-29\./,
    )
    await traffic(2000)
    const { rolloutId } = await deploy(context, { ...late, version: 2 })
    const { plan } = await explainRollout(context, { ...owner, id: rolloutId! })
    expect(plan.stages.map(({ mode }) => mode)).toEqual(['shadow', 'canary', 'canary', 'canary'])
    expect(plan.stages[0]!.minRows).toBeGreaterThan(2000)
  })

  test('a changed policy is a new policy version and a new generation; the same declaration is neither', async () => {
    const context = await open()
    await serving(context, { threshold: 0.5 })
    const before = await findDesiredState(context.db.read)
    const declare = (threshold: number) =>
      declareDeployments(context, {
        ...owner,
        deployments: [deployment('late', { model: 'late', threshold })],
      })
    await declare(0.5)
    expect((await findDesiredState(context.db.read))!.generation).toBe(before!.generation)
    await declare(0.4)
    const after = await findDesiredState(context.db.read)
    expect(after!.generation).toBe(before!.generation + 1)
    expect(after!.deployments[0]!.policy).toMatchObject({ version: 2, threshold: 0.4 })
  })

  test('the timeline tells traffic by variant and the stages of rollouts', async () => {
    const context = await open()
    await serving(context, { rollout: canary })
    const { rolloutId } = await deploy(context, { ...late, version: 2 })
    await context.db.write((trx) =>
      addTraffic(trx, {
        projectId: PROJECT_ID,
        hours: [
          { deployment: 'late', version: 1, variant: 'stable', hourMs: TEST_TIME_MS, n: 90, errors: 1 },
          { deployment: 'late', version: 2, variant: 'canary', hourMs: TEST_TIME_MS, n: 10, errors: 0 },
        ],
      }),
    )
    const timeline = await getTimeline(context, { projectId: PROJECT_ID, name: 'late' })
    expect(timeline.traffic.map(({ variant, n }) => [variant, n])).toEqual([
      ['canary', 10],
      ['stable', 90],
    ])
    expect(timeline.rollouts[0]).toMatchObject({
      id: rolloutId,
      timeline: [{ stage: 0, mode: 'shadow', endedMs: null }],
    })
  })

  test('the overview counts what was answered, and no shadow', async () => {
    const context = await open()
    await serving(context, { rollout: canary })
    const hour = { deployment: 'late', hourMs: TEST_TIME_MS }
    await context.db.write((trx) =>
      addTraffic(trx, {
        projectId: PROJECT_ID,
        hours: [
          { ...hour, version: 1, variant: 'stable', n: 1200, errors: 0 },
          { ...hour, version: 2, variant: 'shadow', n: 1100, errors: 1100 },
        ],
      }),
    )
    const request = {
      context,
      ...owner,
      params: {},
      query: {},
      body: {},
      request: new Request('http://x/'),
      arriving: new ReadableStream(),
    }
    const overview = overviewRoutes[0]!.response.parse(
      await overviewRoutes[0]!.handle({ ...request, address: '' }),
    ) as { stations: Record<string, object> }
    expect(overview.stations['serving']).toMatchObject({
      state: 'good',
      number: '1,200 a day',
      detail: 'no errors in the last day',
    })
  })

  test('every answer of the REST routes fits its declared schema', async () => {
    const context = await open()
    await serving(context, { rollout: canary })
    const call = async (method: string, path: string, params: object, body: object = {}) => {
      const found = routes.find((each) => each.method === method && each.path === path)!
      const query = found.query?.parse({}) ?? {}
      const request = new Request('http://x/')
      const input = {
        context,
        ...owner,
        params,
        query,
        body,
        request,
        arriving: new ReadableStream(),
        address: '',
      }
      return found.response.parse(await found.handle(input)) as Record<string, unknown>
    }
    const { rolloutId: id } = await call(
      'POST',
      '/deployments',
      {},
      { name: 'late', model: 'late', version: 2 },
    )
    expect(await call('GET', '/deployments', {})).toMatchObject({
      items: [{ name: 'late', candidate: { version: 2 } }],
    })
    expect(await call('GET', '/deployments/:name', { name: 'late' })).toMatchObject({
      stable: { version: 1 },
    })
    const { decisions } = await call('GET', '/deployments/:name/timeline', { name: 'late' })
    expect(decisions).toHaveLength(2)
    expect(await call('GET', '/rollouts', {})).toMatchObject({ items: [{ id, state: 'shadow' }] })
    expect(await call('GET', '/rollouts/:id', { id })).toMatchObject({ transitions: [{ to: 'shadow' }] })
    expect(await call('POST', '/rollouts/:id/stop', { id }, {})).toEqual({
      sentence: 'Stopped the rollout of late/2; late/1 goes on: by owner.',
    })
  })

  test('a viewer may neither deploy nor roll back', async () => {
    const context = await open()
    await serving(context)
    const actor: Actor = { id: 'v', kind: 'user', name: 'v', grants: { [PROJECT_ID]: 'viewer' } }
    await expect(deploy(context, { ...late, actor, version: 2 })).rejects.toMatchObject({ code: 'denied' })
    await expect(rollBack(context, { ...late, actor })).rejects.toMatchObject({ code: 'denied' })
  })
})
