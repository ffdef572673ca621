import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openContext } from '../http/open-context.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { Supervisor } from '../supervisor/supervisor.ts'
import type { DemoOptions } from './commands.ts'
import { ReplayDriver } from './driver.ts'
import { FlightsFeed } from './flights-feed.ts'
import { demoConfig } from './folder.ts'
import { startFresh } from './fresh-start.ts'
import { Narrator } from './narrator.ts'
import * as chapters from './chapters.ts'
import { Story, january } from './story.ts'
import { summarize } from './summary.ts'
import { World } from './world.ts'

const EXAMPLE = fileURLToPath(new URL('../../examples/flights', import.meta.url))
const DATA_UNTIL_MS = Date.UTC(2001, 2, 20)

/** What is said of the folder's earlier contents. */
const FOUND = {
  nothing: 'The folder is new: every step is computed.',
  results: 'Steps that an earlier run of the demo has computed are reused; the rest is played anew.',
  otherVersion:
    'The folder held the demo of another version of Tidemill, which is thrown away: every step is computed.',
} as const

/** Plays the loop on real flights, or on a person's own file; then leaves everything up, unless it is to end. */
export async function runDemo(options: DemoOptions): Promise<void> {
  if (options.data !== undefined) {
    const { runOwnData } = await import('./own-data.ts')
    return runOwnData(options)
  }
  const folder = resolve(options.dataDir)
  const narrator = new Narrator((text) => process.stdout.write(text))
  narrator.say(
    `Tidemill plays six months of 2001 in ${folder}. Everything is computed; what is injected says so.`,
  )
  const project = join(folder, 'project')
  narrator.say(FOUND[await startFresh(folder, EXAMPLE)])

  await using analytics = openDuckDb({ memoryLimit: '3GB' })
  await using feed = await FlightsFeed.open(analytics, join(project, 'feed'), DATA_UNTIL_MS)
  const config = demoConfig(join(folder, 'data'), process.env)
  await using supervisor = await Supervisor.start(config)
  const { serverUrl, gatewayUrl } = supervisor.running
  const driver = new ReplayDriver(serverUrl, gatewayUrl, 'landing')
  narrator.say(`Server ${serverUrl}, gateway ${gatewayUrl}: open the first in a browser and watch.`)
  const world = new World(driver, feed, january(32))
  const story = new Story({ world, narrator, supervisor, project, example: EXAMPLE }, january(32))
  await chapters.januaryArrives(story)
  await chapters.februaryIsAsked(story)
  await chapters.personAddsFeature(story)
  await chapters.feedFreezes(story)
  await chapters.releaseLeaks(story)
  await chapters.fileIsBroken(story)
  await chapters.processesAreKilled(story)
  await chapters.nothingHappens(story)
  await world.labelAll(story.nowMs + DAY_MS)
  await using context = await openContext(config, 'demo')
  await summarize(story, context)
  narrator.say('')
  if (!options.exit) narrator.say(`The web UI stays up at ${serverUrl} until Ctrl-C.`)
  narrator.say(`To open it again later: TIDEMILL_REPLAY=true tidemill up --data-dir ${config.dataDir}`)
  if (options.exit) return
  await new Promise<void>((done) => {
    process.once('SIGINT', done)
    process.once('SIGTERM', done)
  })
}
