import type { Context } from '../../src/http/context.ts'
import type { RoleName } from '../../src/supervisor/supervisor.ts'
import { PATIENCE_MS, sleep, until, type Checks } from './checks.ts'
import { checkLog } from './log.ts'
import { recountRollout } from './recount.ts'
import type { Stage } from './stage.ts'

const ROLES: readonly RoleName[] = ['server', 'gateway', 'worker']

interface RolloutView {
  id: string
  state: string
  stage: number
  sentence: string
}

/** A rollout under traffic, while server, gateway and worker are killed in its shadow and in its canary. */
export async function killUnderRollout(checks: Checks, stage: Stage): Promise<void> {
  const { traffic, killer, context } = stage
  const before = killer.total
  const rolloutId = await deployNewest(stage)
  traffic.start({ clients: 3, pauseMs: 20 })
  const met = new Map<string, Set<RoleName>>()
  const deadline = performance.now() + PATIENCE_MS
  let current = await stateOf(context, rolloutId)
  while (current.state === 'shadow' || current.state === 'canary') {
    if (performance.now() > deadline) break
    const left = ROLES.filter((role) => !met.get(current.state)?.has(role))
    if (left.length > 0) {
      await killer.pause(100, 900)
      const victim = killer.pick(left)
      const now = await stateOf(context, rolloutId)
      await killer.role(victim)
      met.set(now.state, (met.get(now.state) ?? new Set()).add(victim))
    } else await sleep(100)
    current = await stateOf(context, rolloutId)
  }
  await traffic.stop()
  await stage.driver.settle()
  const ended = await stateOf(context, rolloutId)
  checks.note(
    `${killer.total - before} kills: ${[...met].map(([state, roles]) => `${state} ${[...roles].join(', ')}`).join('; ')}`,
  )
  checks.that(
    'each process was killed in the shadow and in the canary',
    ROLES.every((role) => met.get('shadow')?.has(role) && met.get('canary')?.has(role)),
  )
  checks.that(
    'the rollout goes on to its end',
    ['succeeded', 'rolled_back'].includes(ended.state),
    `${ended.state}: ${ended.sentence}`,
  )
  await checkTransitions(checks, context, rolloutId)
  await checkGenerations(checks, context)
  await checkServed(checks, stage)
  await checkLog(checks, context, traffic)
  const { wrong, counts } = await recountRollout(context, rolloutId)
  checks.none('the rollout’s counts are those of the log', wrong, `${counts} counts`)
}

async function deployNewest({ driver, context }: Stage): Promise<string> {
  const { version } = await context.db.read
    .selectFrom('model_version')
    .select('version')
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow()
  const { rolloutId } = await driver.api.post<{ rolloutId: string }>('/deployments', {
    name: 'late',
    model: 'late',
    version,
  })
  return rolloutId
}

async function stateOf({ db }: Context, id: string): Promise<RolloutView> {
  return await db.read
    .selectFrom('rollout')
    .select(['id', 'state', 'stage', 'sentence'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
}

async function checkTransitions(checks: Checks, { db }: Context, rolloutId: string): Promise<void> {
  const rollout = await db.read
    .selectFrom('rollout')
    .selectAll()
    .where('id', '=', rolloutId)
    .executeTakeFirstOrThrow()
  const chain = await db.read
    .selectFrom('rollout_transition')
    .selectAll()
    .where('rollout_id', '=', rolloutId)
    .orderBy('version')
    .execute()
  checks.none(
    'transitions are one chain with consecutive versions',
    chain.filter(
      ({ version, from_state }, at) =>
        version !== at + 1 || from_state !== (chain[at - 1]?.to_state ?? 'none'),
    ),
    chain.map(({ to_state }) => to_state).join(' → '),
  )
  checks.that(
    'the rollout is where its last transition left it',
    rollout.version === chain.length && rollout.state === chain.at(-1)?.to_state,
  )
  const decisions = await db.read
    .selectFrom('decision')
    .select('id')
    .where('subject_type', '=', 'rollout')
    .where('subject_id', '=', rolloutId)
    .execute()
  checks.that(
    'each transition has its own decision, and there are no others',
    new Set(chain.map(({ decision_id }) => decision_id)).size === chain.length &&
      decisions.length === chain.length - 1,
  )
}

async function checkGenerations(checks: Checks, { db }: Context): Promise<void> {
  const rows = await db.read
    .selectFrom('desired_state')
    .select(['generation', 'document_json'])
    .orderBy('generation')
    .execute()
  const wrong = rows.filter(({ generation, document_json }, at) => {
    const written = (JSON.parse(document_json) as { generation: number }).generation
    return generation !== at + 1 || written !== generation
  })
  checks.none(
    'generations of the desired state grow by one',
    wrong.map(({ generation }) => generation),
    `${rows.length} generations`,
  )
  const stages = await db.read
    .selectFrom('rollout_stage')
    .select(['stage', 'generation'])
    .orderBy('stage')
    .execute()
  checks.that(
    'each stage began with a generation of its own',
    new Set(stages.map(({ generation }) => generation)).size === stages.length,
    stages.map(({ stage, generation }) => `stage ${stage}: ${generation}`).join(', '),
  )
}

/** What the deployment says is stable is what the gateway answers with. */
async function checkServed(checks: Checks, { context, traffic, driver }: Stage): Promise<void> {
  const { stable_version: stable } = await context.db.read
    .selectFrom('deployment')
    .select('stable_version')
    .where('name', '=', 'late')
    .executeTakeFirstOrThrow()
  const before = traffic.acknowledged.size
  traffic.start({ clients: 1, pauseMs: 8 })
  await until('answers after the rollout', () => (traffic.acknowledged.size > before + 20 ? true : undefined))
  await traffic.stop()
  await driver.settle()
  const versions = new Set([...traffic.acknowledged.values()].slice(before).map(({ version }) => version))
  checks.that(
    'the gateway answers with the version that is stable now',
    versions.size === 1 && versions.has(String(stable)),
    `version ${[...versions].join(', ')}`,
  )
}
