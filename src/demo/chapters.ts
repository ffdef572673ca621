import { join } from 'node:path'
import { applyChange, colourDiff } from './change.ts'
import { count, dayOf } from './narrator.ts'
import { DAY_MS, february, january, type Story } from './story.ts'

/** One in 16 flights is asked about: a thousand a day. */
const QUIET = 16
/** While a rollout decides, one in 6. */
const BUSY = 6

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
  narrator.say(`flights v${latest.number}: ${count(latest.rows)} flights, checked and versioned.`)
  await story.runPipeline('train-late')
}

/** 2. February is asked as it happened, until an alert says that the world has changed; 3. which starts a retraining. */
export async function februaryIsAsked(story: Story): Promise<void> {
  const { world, narrator } = story.stage
  narrator.chapter(2, 'February is asked, flight by flight; labels follow after landing')
  const raised = async (): Promise<boolean> => (await story.alerts()).length > 0
  await story.play({ toMs: february(19), every: QUIET, filesEveryHours: 24, until: raised })
  story.sayCounts()
  narrator.chapter(3, 'The alert has started a retraining by itself; the gate looks at its gain')
  await story.tell()
  narrator.say(`late/${await story.stableVersion()} still serves.`)
}

/** 4. A person adds a feature; it goes through gates, shadow and canary, and is promoted by its verdict. */
export async function personAddsFeature(story: Story): Promise<void> {
  const { world, narrator, project, example } = story.stage
  narrator.chapter(4, 'A person adds a feature view: the delays of the airport over the last hours')
  narrator.block(colourDiff(await applyChange(join(example, 'changes', 'airport-delays'), project)))
  await story.apply()
  await world.driver.settle()
  await story.runPipeline('train-late')
  const version = await story.newestVersion()
  await story.play({
    toMs: story.nowMs + 8 * DAY_MS,
    every: BUSY,
    filesEveryHours: 1,
    rollout: true,
    until: async () => (await story.activeRollout()) === undefined,
  })
  const stable = await story.stableVersion()
  narrator.say(`late/${stable} serves${stable === version ? '' : `; late/${version} was not promoted`}.`)
  await story.play({ toMs: story.nowMs + 2 * DAY_MS, every: QUIET, filesEveryHours: 1 })
}

const FROZEN = 'ORD'

/** 5. Injected: an origin's feed freezes, and heals. */
export async function feedFreezes(story: Story): Promise<void> {
  const { world, narrator } = story.stage
  narrator.chapter(5, `The feed of ${FROZEN} freezes`, { injected: true })
  const frozenMs = story.nowMs
  await story.play({ toMs: frozenMs + DAY_MS, every: QUIET, filesEveryHours: 1, frozen: [FROZEN] })
  const during = [...world.acknowledged.values()].filter(
    ({ flight }) => flight.dateMs >= frozenMs && flight.origin === FROZEN,
  )
  const fallen = during.filter(({ variant }) => variant === 'fallback').length
  narrator.say(`${fallen} of ${during.length} requests about ${FROZEN} got the stated fallback.`)
  await world.feed.deliverLate({ fromMs: frozenMs - DAY_MS, toMs: story.nowMs, origins: [FROZEN] })
  await world.ingest()
  narrator.say(`The feed of ${FROZEN} comes back.`)
  await story.play({ toMs: story.nowMs + DAY_MS, every: QUIET, filesEveryHours: 1 })
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
  await story.runPipeline('train-leaky')
  const version = await story.newestVersion()
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
    every: BUSY,
    filesEveryHours: 1,
    rollout: true,
    until: async () => (await story.activeRollout()) === undefined,
  })
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0)
  narrator.say(
    `late/${await story.stableVersion()} serves again, ${seconds} seconds after the release began.`,
  )
}

/** 7. Injected: a file with broken rows. */
export async function fileIsBroken(story: Story): Promise<void> {
  const { world, narrator } = story.stage
  narrator.chapter(7, 'A file arrives with broken rows', { injected: true })
  interface Latest {
    latest: { number: number }
  }
  const before = await world.driver.api.get<Latest>('/datasets/flights')
  await world.feed.deliverBroken({ fromMs: story.nowMs - DAY_MS, toMs: story.nowMs })
  await world.ingest()
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
    every: BUSY,
    filesEveryHours: 1,
    rollout: true,
    until: async () => (await story.activeRollout())?.state !== 'shadow',
  })
  const victims = ['server', 'worker', 'gateway'] as const
  const left = [...victims]
  await story.play({
    toMs: story.nowMs + 6 * 3_600_000,
    every: BUSY,
    filesEveryHours: 1,
    rollout: true,
    async during() {
      const name = left.shift()
      const pid = name && supervisor.pid(name)
      if (!pid) return
      const back = supervisor.restarted(name)
      process.kill(pid, 'SIGKILL')
      narrator.say(`kill -9 ${pid} (${name})`)
      if (name !== 'worker') await back
    },
  })
  story.sayCounts()
  narrator.say(`${world.driver.counts.retried} calls had to be made again; none was lost.`)
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
  narrator.chapter(9, 'A week in which nothing happens')
  const fromMs = story.nowMs
  const before = (await story.alerts()).length
  await story.play({ toMs: fromMs + 7 * DAY_MS, every: QUIET, filesEveryHours: 2, rollout: true })
  const raised = (await story.alerts()).length - before
  narrator.say(
    `${dayOf(fromMs)} to ${dayOf(story.nowMs)}: ${raised === 0 ? 'no alert' : `${raised} alerts`}.`,
  )
}
