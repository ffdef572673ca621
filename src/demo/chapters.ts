import { join } from 'node:path'
import { applyChange, colourDiff } from './change.ts'
import { amount } from '../kernel/amount.ts'
import { DAY_MS, HOUR_MS } from '../kernel/time-spans.ts'
import { dayOf } from './narrator.ts'
import { february, january, type Story } from './story.ts'

/** One in 12 flights is asked about: 1,400 a day. The same share all along, so that what is asked changes by itself only. */
const EVERY = 12
/** While features depend on them, landed flights arrive every two hours. */
const FEED_HOURS = 2

/** 1. January arrives; three models are compared; the winner is deployed. */
export async function januaryArrives(story: Story): Promise<void> {
  const { world, narrator } = story.stage
  narrator.chapter(1, 'January arrives; three models are compared; the winner is deployed')
  await world.feed.deliver({ fromMs: january(1) - 1, toMs: february(1) })
  await world.driver.advance(february(1))
  await story.apply()
  await world.ingest()
  const { latest } = await world.driver.api.get<{ latest: { number: number; rows: number } }>(
    '/datasets/flights',
  )
  narrator.say(`flights v${latest.number}: ${amount(latest.rows)} flights, checked and versioned.`)
  await story.runPipeline('train-late')
}

/** 2. February is asked as it happened, until an alert says that the world has changed; 3. which starts a retraining. */
export async function februaryIsAsked(story: Story): Promise<void> {
  const { world, narrator } = story.stage
  narrator.chapter(2, 'February is asked, flight by flight; labels follow after landing')
  const raised = async (): Promise<boolean> => (await story.alerts()).length > 0
  await story.play({ toMs: february(19), every: EVERY, filesEveryHours: 24, until: raised })
  story.sayCounts()
  narrator.chapter(3, 'The alert has started a retraining by itself; the gate looks at its gain')
  await world.driver.settle()
  await story.tell()
  narrator.say(`late/${await story.stableVersion()} still serves.`)
}

/** 4. A person adds a feature, and is refused one that would know too much; it goes through gates, shadow and canary, and is promoted by its verdict. */
export async function personAddsFeature(story: Story): Promise<void> {
  const { world, narrator, project, example } = story.stage
  narrator.chapter(4, 'A person adds a feature view: the delays of the airport over the last hours')
  await applyChange(join(example, 'changes', 'early'), project)
  narrator.say(`tidemill apply: ${await story.refusal()}`)
  narrator.block(colourDiff(await applyChange(join(example, 'changes', 'airport-delays'), project)))
  await story.apply()
  await world.driver.settle()
  await story.runPipeline('train-late')
  const version = await story.newestVersion()
  await story.play({
    toMs: story.nowMs + 8 * DAY_MS,
    every: EVERY,
    filesEveryHours: FEED_HOURS,
    rollout: true,
    until: async () => (await story.activeRollout()) === undefined,
  })
  const stable = await story.stableVersion()
  narrator.say(`late/${stable} serves${stable === version ? '' : `; late/${version} was not promoted`}.`)
  await story.play({ toMs: story.nowMs + 2 * DAY_MS, every: EVERY, filesEveryHours: FEED_HOURS })
}

const FROZEN = 'ORD'

/** 5. Injected: an airport's feed freezes, and heals. */
export async function feedFreezes(story: Story): Promise<void> {
  const { narrator } = story.stage
  narrator.chapter(5, `The feed of ${FROZEN} freezes`, { injected: true })
  const drill = {
    label: `The feed of ${FROZEN} freezes`,
    kinds: ['alert', 'trigger'],
    match: FROZEN,
  } as const
  await story.injecting(drill, () => freezeAndHeal(story))
}

async function freezeAndHeal(story: Story): Promise<void> {
  const { world, narrator } = story.stage
  const frozenMs = story.nowMs
  await story.play({ toMs: frozenMs + DAY_MS, every: EVERY, filesEveryHours: FEED_HOURS, frozen: [FROZEN] })
  const during = [...world.acknowledged.values()].filter(
    ({ flight }) => flight.dateMs >= frozenMs && flight.origin === FROZEN,
  )
  const fallen = during.filter(({ variant }) => variant === 'fallback').length
  narrator.say(`${fallen} of ${during.length} requests about ${FROZEN} got the stated fallback.`)
  await world.feed.deliverLate({ fromMs: frozenMs - DAY_MS, toMs: story.nowMs, airports: [FROZEN] })
  await world.ingest()
  narrator.say(`The feed of ${FROZEN} comes back.`)
  await story.play({ toMs: story.nowMs + DAY_MS, every: EVERY, filesEveryHours: FEED_HOURS })
}

/** 6. Injected: a release whose training data held the answer. */
export async function releaseLeaks(story: Story): Promise<void> {
  const { world, narrator, project, example } = story.stage
  narrator.chapter(6, 'A release that looked perfect offline: its training data held the answer', {
    injected: true,
  })
  await applyChange(join(example, 'changes', 'leak'), project)
  await story.apply()
  await world.driver.settle()
  const version = (await story.newestVersion()) + 1
  const match = `late/${version}`
  const drill = { label: 'A release that leaks', kinds: ['gate', 'deploy', 'rollout'], match } as const
  await story.injecting(drill, () => forcePastGate(story, version))
}

async function forcePastGate(story: Story, version: number): Promise<void> {
  const { world, narrator } = story.stage
  await story.runPipeline('train-leaky')
  narrator.say(`tidemill deploy late/${version} --force --reason "the offline numbers are great"`)
  await world.driver.api.post('/deployments', {
    name: 'late',
    model: 'late',
    version,
    force: true,
    reason: 'the offline numbers are great',
  })
  await world.driver.settle()
  await story.tell()
  const startedMs = performance.now()
  await story.play({
    toMs: story.nowMs + 4 * DAY_MS,
    every: EVERY,
    filesEveryHours: FEED_HOURS,
    rollout: true,
    until: async () => (await story.activeRollout()) === undefined,
  })
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0)
  narrator.say(`late/${await story.stableVersion()} serves again, ${seconds} s after the release began.`)
}

/** 7. Injected: a file with broken rows. */
export async function fileIsBroken(story: Story): Promise<void> {
  const { world, narrator } = story.stage
  narrator.chapter(7, 'A file arrives with broken rows', { injected: true })
  interface Latest {
    latest: { number: number }
  }
  const before = await world.driver.api.get<Latest>('/datasets/flights')
  const drill = { label: 'A file with broken rows', kinds: ['validation'], match: 'broken' } as const
  await story.injecting(drill, async () => {
    await world.feed.deliverBroken({ fromMs: story.nowMs - DAY_MS, toMs: story.nowMs })
    await world.ingest()
  })
  await story.tell()
  const after = await world.driver.api.get<Latest>('/datasets/flights')
  const unchanged = before.latest.number === after.latest.number
  narrator.say(
    `flights is ${unchanged ? 'still' : 'now'} v${after.latest.number}; the file is set aside, nothing trains on it.`,
  )
}

/** 8. Injected: server, worker and gateway are killed in the middle of a canary. */
export async function processesAreKilled(story: Story): Promise<void> {
  const { world, narrator, supervisor } = story.stage
  narrator.chapter(8, 'kill -9 of server, worker and gateway in the middle of a canary', { injected: true })
  await startTwin(story)
  await story.play({
    toMs: story.nowMs + 3 * DAY_MS,
    every: EVERY,
    filesEveryHours: FEED_HOURS,
    rollout: true,
    until: async () => (await story.activeRollout())?.state !== 'shadow',
  })
  // The middle of the morning, when many flights are asked about.
  const tomorrow = Math.ceil(story.nowMs / DAY_MS) * DAY_MS
  await story.play({ toMs: tomorrow + 9 * HOUR_MS, every: EVERY, filesEveryHours: FEED_HOURS })
  const left = ['server', 'worker', 'gateway'] as const
  let next = 0
  await story.play({
    toMs: story.nowMs + 3 * HOUR_MS,
    every: EVERY,
    filesEveryHours: FEED_HOURS,
    async during() {
      const name = left[next++]!
      const pid = supervisor.pid(name)!
      const back = supervisor.restarted(name)
      process.kill(pid, 'SIGKILL')
      await back
      narrator.say(`kill -9 ${pid} (${name}) while requests were under way; it was started again.`)
    },
  })
  const rollout = await story.activeRollout()
  narrator.say(
    `The rollout goes on: ${rollout ? `${rollout.state} of late/${rollout.candidateVersion}` : 'it has ended'}.`,
  )
  story.sayCounts()
  narrator.say(`${amount(world.driver.counts.retried)} calls were not answered and were made again.`)
}

/** An A/A rollout: the version that serves, registered once more, beside itself. */
async function startTwin(story: Story): Promise<void> {
  const { world, narrator } = story.stage
  const version = await story.stableVersion()
  await world.driver.api.post('/deployments', {
    name: 'late',
    model: 'late',
    version,
    force: true,
    reason: 'A/A: the same version beside itself',
  })
  await world.driver.settle()
  narrator.say(`A/A rollout: late/${version} beside itself.`)
  await story.tell()
}

/** 9. A week in which nothing happens. */
export async function nothingHappens(story: Story): Promise<void> {
  const { narrator } = story.stage
  const startsMs = Date.UTC(2001, 2, 5)
  await story.play({ toMs: startsMs, every: EVERY, filesEveryHours: FEED_HOURS, rollout: true })
  narrator.chapter(9, 'A week in which nothing happens: the A/A rollout ends, and no alert comes')
  const before = (await story.alerts()).length
  await story.play({ toMs: startsMs + 7 * DAY_MS, every: EVERY, filesEveryHours: FEED_HOURS, rollout: true })
  const raised = (await story.alerts()).length - before
  narrator.say(
    `${dayOf(startsMs)} to ${dayOf(story.nowMs)}: ${raised === 0 ? 'no alert' : `${raised} alerts`}.`,
  )
}
