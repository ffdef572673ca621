// Kills every process of a running Tidemill at random moments and looks for what is lost or done twice.
// Usage: crash.ts [seed [tracking]], the latter for that part alone.
import { Checks } from './checks.ts'
import { killUnderRuns } from './pipeline-runs.ts'
import { killUnderPredictions } from './predictions.ts'
import { killUnderRollout } from './rollout.ts'
import { Stage } from './stage.ts'
import { killUnderTracking } from './tracking.ts'
import { killUp } from './up.ts'

const TIME_LIMIT_MS = 14 * 60_000

const seed = Number(process.argv[2] ?? Math.floor(Math.random() * 1e6))
const checks = new Checks()
process.stdout.write(`seed ${seed}\n`)
const limit = setTimeout(() => {
  checks.that('the test ends in time', false)
  end()
}, TIME_LIMIT_MS)

if (process.argv[3] === undefined) await killTheLoop()
await checks.part('Kills under writers of runs, on SQLite', () => killUnderTracking(checks, seed, undefined))
const postgresUrl = process.env['DB_POSTGRES_URL']
if (postgresUrl !== undefined)
  await checks.part('Kills under writers of runs, two servers on PostgreSQL', () =>
    killUnderTracking(checks, seed, postgresUrl),
  )
clearTimeout(limit)
end()

async function killTheLoop(): Promise<void> {
  const stage = await Stage.open(seed)
  await checks.part('Before the kills: data, a model, a deployment', () => stage.prepare())
  await checks.part('Kills under a stream of predictions and labels', () =>
    killUnderPredictions(checks, stage),
  )
  await checks.part('Kills under pipeline runs', () => killUnderRuns(checks, stage))
  await checks.part('Kills in a rollout', () => killUnderRollout(checks, stage))
  await checks.part('Kills of the supervisor', () => killUp(checks, stage))
  await stage.close(checks.failed > 0)
  if (checks.failed > 0) process.stdout.write(`\nWhat was stored is in ${stage.folder}\n`)
}

function end(): never {
  process.stdout.write(`\n${checks.passed} passed, ${checks.failed} failed\n`)
  process.exit(checks.failed > 0 ? 1 : 0)
}
