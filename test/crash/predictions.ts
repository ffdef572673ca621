import { shuffle } from '../../src/statistics/random.ts'
import type { RoleName } from '../../src/supervisor/supervisor.ts'
import { PATIENCE_MS, sleep, until, type Checks } from './checks.ts'
import { checkLog } from './log.ts'
import type { Stage } from './stage.ts'

const VICTIMS: readonly RoleName[] = [
  'gateway',
  'gateway',
  'gateway',
  'gateway',
  'worker',
  'worker',
  'worker',
  'server',
]

/** A stream of predictions and labels, while gateway, worker and server are killed at random. */
export async function killUnderPredictions(checks: Checks, stage: Stage): Promise<void> {
  const { killer, traffic } = stage
  traffic.start({ clients: 8, pauseMs: 4 })
  await until('the first answers', () => (traffic.acknowledged.size > 50 ? true : undefined))
  await answersWithoutServer(checks, stage)
  await killWhileStarting(checks, stage)
  for (const victim of shuffle(stage.random, [...VICTIMS])) {
    await answersMore(stage, 50)
    await killer.pause(0, 600)
    await killer.role(victim)
  }
  await answersMore(stage, 200)
  await traffic.stop()
  await stage.driver.settle()
  checks.note(`kills: ${JSON.stringify(killer.kills)}; ${traffic.unanswered} questions got no answer`)
  checks.that('the stream was a stream', traffic.acknowledged.size > 800 && traffic.feedback.size > 400)
  await checkLog(checks, stage.context, traffic)
}

/** Waits for as many answers more, so that kills meet a stream and not a gateway that still starts. */
async function answersMore({ traffic }: Stage, count: number): Promise<void> {
  const before = traffic.acknowledged.size
  await until(`${count} more answers`, () => (traffic.acknowledged.size >= before + count ? true : undefined))
}

async function answersWithoutServer(checks: Checks, { killer, traffic, supervisor }: Stage): Promise<void> {
  const back = supervisor.restarted('server')
  await killer.role('server')
  const gone = performance.now()
  await Promise.race([back, sleep(PATIENCE_MS)])
  const answers = traffic.answersWithin(gone, performance.now())
  const seconds = ((performance.now() - gone) / 1000).toFixed(1)
  checks.that(
    'the gateway answers while the server is dead',
    answers > 0,
    `${answers} answers in ${seconds} s`,
  )
}

async function killWhileStarting(checks: Checks, { killer, supervisor }: Stage): Promise<void> {
  const before = supervisor.running
  for (const name of ['server', 'gateway'] as const) {
    await killer.role(name)
    await killer.role(name)
    await Promise.race([supervisor.restarted(name), sleep(PATIENCE_MS)])
  }
  const { serverUrl, gatewayUrl } = supervisor.running
  checks.that(
    'roles killed again while they start come back on the ports they had',
    serverUrl === before.serverUrl && gatewayUrl === before.gatewayUrl,
    `${serverUrl}, ${gatewayUrl}`,
  )
}
