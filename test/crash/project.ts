import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const EXAMPLE = fileURLToPath(new URL('../../examples/flights', import.meta.url))

/** The flights example with smaller stages of its rollout, and a second pipeline whose runs differ by a parameter. */
export function writeCrashProject(folder: string): void {
  cpSync(EXAMPLE, folder, {
    recursive: true,
    filter: (path) => !/node_modules|\/changes|\/feed/.test(path.slice(EXAMPLE.length)),
  })
  for (const [path, content] of Object.entries(FILES)) {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
}

const FILES = {
  'tidemill.config.ts': `
import { deployment, model, monitor, noLeak, notWorse, project } from 'tidemill'
import { flights } from './data.ts'
import { airport, flightTime, lateFeatures } from './features.ts'
import { retrain } from './pipelines/retrain.ts'
import { trainLate } from './pipelines/train-late.ts'

const late = model('late', { task: 'binary', gates: [notWorse({ metric: 'log_loss', margin: 0.1 }), noLeak()] })
const lateDeployment = deployment('late', {
  model: late,
  entity: airport,
  unit: 'request',
  threshold: 0.3,
  latencySloMs: 250,
  label: { horizonMs: 12 * 3_600_000 },
  rollout: {
    stages: [{ shadow: { minPairs: 800 } }, { canary: 10, minRequests: 50 }, { canary: 50, minRequests: 150 }],
    margins: { error: 0.05, latency: 0.2, loss: 0.1 },
  },
})
export default project('flights', {
  datasets: [flights],
  entities: [airport],
  onDemand: [flightTime],
  services: [lateFeatures],
  models: [late],
  pipelines: [trainLate, retrain],
  deployments: [lateDeployment],
  monitors: [monitor('late', { deployment: lateDeployment })],
})
`,
  'steps/ponder.ts': `
import { Json, step } from 'tidemill'
import { z } from 'zod'

/** Never cached, and slow enough to be killed in. */
export const ponder = step('ponder', {
  params: z.object({ round: z.int() }),
  out: { value: Json(z.number()) },
  cache: false,
  retries: 3,
  run: async ({ params }) => {
    await new Promise((resolve) => setTimeout(resolve, 400))
    return { value: params.round }
  },
})
`,
  'pipelines/retrain.ts': `
import { evaluate, pipeline, referenceProfile, split, train, trainingSet } from 'tidemill'
import { z } from 'zod'
import { flights } from '../data.ts'
import { lateFeatures } from '../features.ts'
import { ponder } from '../steps/ponder.ts'

const task = 'binary'

/** Two models for each round: one is registered twice, under two keys. */
export const retrain = pipeline('retrain', { params: z.object({ round: z.int() }) }, async ({ params, latest, register }) => {
  const asked = { service: lateFeatures, time: 'date', label: 'delay > 15' }
  const days = split({ data: latest(flights), time: 'date', holdoutDays: 3 })
  const past = trainingSet({ data: days.train, ...asked })
  const holdout = trainingSet({ data: days.test, ...asked })
  const sets = { train: past.table, test: holdout.table, facts: past.facts, task } as const
  await ponder({ round: params.round }).value
  const tries = [10, 20].map((trees) => {
    const { model, training } = train({
      ...sets,
      learner: 'trees',
      params: { trees: trees + params.round, leaves: 7, minRowsInLeaf: 100 },
    })
    const { profile } = referenceProfile({ model, table: past.table, facts: past.facts, task })
    const { evaluation, metrics } = evaluate({ model, test: holdout.table, facts: past.facts, task })
    return { model, metrics, facts: { set: past.facts, training, evaluation, profile } }
  })
  await Promise.all(tries.map((one) => one.metrics))
  register('late', tries[0]!.model, { facts: tries[0]!.facts })
  register('late', tries[1]!.model, { facts: tries[1]!.facts })
  register('late', tries[1]!.model, { facts: tries[1]!.facts, key: 'again' })
})
`,
}
