import type { Context } from '../../src/http/context.ts'
import { shuffle } from '../../src/statistics/random.ts'
import { sleep, until, type Checks } from './checks.ts'
import type { Victim } from './killer.ts'
import type { Stage } from './stage.ts'

const FIRST_KILLS: readonly Victim[] = ['worker', 'worker', 'worker', 'server', 'server']
const SECOND_KILLS: readonly Victim[] = ['step', 'step', 'step', 'worker', 'server']
const BATCHES = 5
const RUNS_AT_ONCE = 2
const KILLED = 'was killed (SIGKILL)'

interface RunView {
  run: { id: string; state: string; error: string | null; finishedMs: number | null }
}

/** Runs of a pipeline, while worker, server and then the processes of steps too are killed at random. */
export async function killUnderRuns(checks: Checks, stage: Stage): Promise<void> {
  const { killer, driver } = stage
  const before = killer.total
  const first = await killWhile(stage, FIRST_KILLS, (goOn) => runAgain(stage, 0, goOn))
  checks.none(
    'kills of worker and server fail no run',
    first.filter(({ run }) => run.state !== 'succeeded').map(({ run }) => run),
    `${first.length} runs, ${killer.total - before} kills`,
  )
  const second = await killWhile(stage, SECOND_KILLS, (goOn) => runAgain(stage, first.length, goOn))
  checks.note(`kills: ${JSON.stringify(killer.kills)}; runs ${second.map(({ run }) => run.state).join(', ')}`)
  checks.that('pipeline runs met at least 8 kills', killer.total - before >= 8, String(killer.total - before))
  checks.that('processes of steps were killed', killer.kills.step > 0, String(killer.kills.step))
  const wrong = second.filter(
    ({ run }) => run.state !== 'succeeded' && !(run.state === 'failed' && run.error?.includes(KILLED)),
  )
  checks.none(
    'a run with a killed step succeeds, or says that its process was killed',
    wrong.map(({ run }) => run),
  )
  const again = second.flatMap(({ run }, at) => (run.state === 'failed' ? [first.length + at] : []))
  const repeats = await endsOf(stage, await Promise.all(again.map((round) => startRun(stage, round))))
  checks.none(
    'a run that failed by a kill succeeds when it is started again',
    repeats.filter(({ run }) => run.state !== 'succeeded'),
    `${again.length} of them`,
  )
  await driver.settle()
  await checkExecutions(checks, stage.context)
  await checkEffects(checks, stage.context)
}

/** Some runs at a time, each of a round of its own, for as long as there are kills to come. */
async function runAgain(stage: Stage, round: number, goOn: () => boolean): Promise<RunView[]> {
  const ended: RunView[] = []
  for (let batch = 0; batch < BATCHES && goOn(); batch++) {
    const rounds = Array.from({ length: RUNS_AT_ONCE }, (_, at) => round + ended.length + at)
    ended.push(...(await endsOf(stage, await Promise.all(rounds.map((one) => startRun(stage, one))))))
  }
  return ended
}

/** Kills each of the victims, in random order and at random moments, until the work has ended. */
async function killWhile<Result>(
  { killer, random }: Stage,
  victims: readonly Victim[],
  work: (goOn: () => boolean) => Promise<Result>,
): Promise<Result> {
  const left = shuffle(random, [...victims])
  const under = { way: true }
  const working = work(() => left.length > 0).finally(() => {
    under.way = false
  })
  working.catch(() => undefined)
  while (under.way && left.length > 0) {
    await killer.pause(200, 1_500)
    const victim = left.pop()!
    if (victim !== 'step') await killer.role(victim)
    else if (!(await killer.step())) left.unshift(victim)
  }
  return await working
}

/** A request that the server did not acknowledge may still have started a run, as any client must expect. */
async function startRun({ driver }: Stage, round: number): Promise<string> {
  return await until('a run to start', async () => {
    try {
      return (await driver.api.post<{ id: string }>('/pipelines/retrain/runs', { params: { round } })).id
    } catch {
      await sleep(50)
      return undefined
    }
  })
}

async function endsOf({ driver }: Stage, ids: readonly string[]): Promise<RunView[]> {
  return await Promise.all(
    ids.map((id) =>
      until(`the end of run ${id}`, async () => {
        const view = await driver.api.get<RunView>(`/pipeline-runs/${id}`).catch(() => undefined)
        await sleep(50)
        return view?.run.finishedMs == null ? undefined : view
      }),
    ),
  )
}

async function checkExecutions(checks: Checks, { db }: Context): Promise<void> {
  const runs = await db.read.selectFrom('pipeline_run').select(['id', 'state']).execute()
  checks.none(
    'no run is left open',
    runs.filter(({ state }) => state === 'queued' || state === 'running'),
    `${runs.length} runs`,
  )
  const executions = await db.read.selectFrom('execution').selectAll().execute()
  const committed = executions.filter(({ state }) => state === 'succeeded')
  // `ponder` is never cached: each run has an execution of its own.
  const cached = committed.filter(({ step_name }) => step_name !== 'ponder')
  checks.none(
    'no two committed executions have one fingerprint',
    repeated(cached.map(({ fingerprint }) => fingerprint)),
    `${committed.length} committed`,
  )
  checks.none(
    'an uncached step has one committed execution in each run',
    repeated(committed.filter(({ step_name }) => step_name === 'ponder').map(({ run_id }) => run_id)),
  )
  const attempts = await db.read.selectFrom('attempt').selectAll().execute()
  const succeeded = attempts.filter(({ state }) => state === 'succeeded').map((row) => row.execution_id)
  checks.none('no execution has two successful attempts', repeated(succeeded), `${attempts.length} attempts`)
  checks.none(
    'every committed execution has a successful attempt',
    committed.map(({ id }) => id).filter((id) => !succeeded.includes(id)),
  )
  checks.none(
    'no attempt and no execution is left running',
    [...attempts, ...executions].filter(({ state }) => state === 'running'),
  )
  const artifacts = await db.read.selectFrom('artifact').select(['execution_id', 'name']).execute()
  const outputs = committed.flatMap(({ id, outputs_json }) =>
    Object.keys(JSON.parse(outputs_json ?? '{}') as object).map((name) => `${id} ${name}`),
  )
  const stored = new Set(artifacts.map(({ execution_id, name }) => `${execution_id} ${name}`))
  checks.that(
    'artifacts are the outputs of committed executions',
    stored.size === outputs.length && outputs.every((output) => stored.has(output)),
    `${stored.size} artifacts`,
  )
}

async function checkEffects(checks: Checks, { db }: Context): Promise<void> {
  const effects = await db.read.selectFrom('effect').selectAll().execute()
  checks.none(
    'one effect for each run, kind and key',
    repeated(effects.map(({ run_id, kind, effect_key }) => `${run_id} ${kind} ${effect_key}`)),
    `${effects.length} effects`,
  )
  checks.none(
    'no effect is left undone',
    effects.filter(({ state }) => state === 'requested'),
  )
  const events = await db.read
    .selectFrom('event')
    .select('payload_json')
    .where('kind', '=', 'effect.requested')
    .execute()
  const told = events.map(({ payload_json }) => (JSON.parse(payload_json) as { effectId: string }).effectId)
  checks.that(
    'each effect was told once',
    new Set(told).size === told.length && told.length === effects.length,
    `${told.length} events`,
  )
  const versions = await db.read.selectFrom('model_version').select(['version', 'registration_key']).execute()
  const keys = versions.map(({ registration_key }) => registration_key)
  const registered = effects.filter(({ kind }) => kind === 'register').map(({ id }) => `effect:${id}`)
  checks.that(
    'each register effect has one model version, and each version its effect',
    keys.length === registered.length && registered.every((key) => keys.includes(key)),
    `${registered.length} effects, versions ${versions.map(({ version }) => version).join(' ')}`,
  )
  const decisions = await db.read
    .selectFrom('decision')
    .select(['subject_id', 'verdict'])
    .where('kind', '=', 'gate')
    .execute()
  const evaluations = await db.read.selectFrom('evaluation').select('id').execute()
  checks.that(
    'each version was evaluated and judged by its gates once',
    decisions.length === versions.length &&
      evaluations.length === versions.length &&
      repeated(decisions.map(({ subject_id }) => subject_id)).length === 0,
    `${evaluations.length} evaluations, ${decisions.length} decisions`,
  )
  checks.that(
    'version numbers have no gap',
    versions
      .map(({ version }) => version)
      .sort((a, b) => a - b)
      .every((version, at) => version === at + 1),
  )
}

/** Members that a list has more than once. */
function repeated(members: readonly string[]): string[] {
  const seen = new Set<string>()
  return members.filter((member) => {
    if (seen.has(member)) return true
    seen.add(member)
    return false
  })
}
