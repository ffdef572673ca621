import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestContext, type TestContext } from '../../test/databases.ts'
import { ingest } from '../ingest/ingest.ts'
import { EventDispatcher } from '../jobs/dispatcher.ts'
import { registrationConsumer } from '../pipelines/consumers.ts'
import { getEffect } from '../pipelines/pipelines.ts'
import { quoteLiteral } from '../ports/analytics/analytics.ts'
import {
  findGateReport,
  getModelVersion,
  listEvaluationsOf,
  readReferenceProfile,
} from '../registry/registry.ts'
import { applyFolder, PROJECT, runToEnd, until, writeProject } from './sample-project.ts'
import { startWorker } from './worker.ts'

const FLIGHTS = join(import.meta.dirname, '../../node_modules/vega-datasets/data/flights-3m.parquet')

const CONFIG = `
import { beatsBaseline, dataset, deployment, entity, evaluate, featureService, featureView, files, gain, model, noLeak, onDemand, pipeline,
  project, referenceProfile, split, train, trainingSet } from 'tidemill'
const flights = dataset('flights', { source: files('feed/*.parquet'), time: 'date' })
const flightTime = onDemand('flight_time', {
  inputs: { date: 'timestamp', distance: 'number' },
  outputs: { hour: 'number', weekday: 'number', distance: 'number' },
  module: new URL('./flight-time.ts', import.meta.url).href,
  export: 'flightTime',
})
const airport = entity('airport', { key: 'origin' })
const delays = featureView('airport_delays', {
  entity: airport, dataset: flights, ttl: '6h', features: { late_share: 'number' },
  sql: "SELECT origin, date + INTERVAL 3 HOUR AS event_time, avg((delay > 15)::INT) OVER (PARTITION BY origin ORDER BY date ROWS 40 PRECEDING) AS late_share FROM dataset",
})
const service = featureService('late_features', [flightTime, delays])
const late = model('late', { task: 'binary', gates: [beatsBaseline(), gain({ metric: 'log_loss' }), noLeak()] })
const trainLate = pipeline('train-late', {}, async ({ latest, champion, register }) => {
  const { table, facts } = trainingSet({ data: latest(flights), service, time: 'date', label: 'delay > 15' })
  const parts = split({ data: table, time: 'date', holdoutDays: 7 })
  const best = await champion(late)
  const tries = (['prior', 'logistic', 'trees'] as const).map((learner) =>
    train({ train: parts.train, test: parts.test, facts, learner, task: 'binary', params: learner === 'trees' ? { trees: 20 } : {} }))
  const judged = tries.map(({ model }) =>
    evaluate({ model, test: parts.test, facts, task: 'binary', champion: best?.model, baseline: tries[0]!.model }))
  const losses = await Promise.all(judged.map(async ({ metrics }) => (await metrics).log_loss!))
  const winner = losses.indexOf(Math.min(...losses))
  const { model, training } = tries[winner]!
  const { profile } = referenceProfile({ model, table, facts, task: 'binary' })
  register(late, model, { challenger: true, facts: { set: facts, training, evaluation: judged[winner]!.evaluation, profile } })
})
export default project('flights', { datasets: [flights], entities: [airport], views: [delays], onDemand: [flightTime],
  services: [service], models: [late], pipelines: [trainLate] })
`

const FLIGHT_TIME = `
export function flightTime({ date, distance }) {
  const at = new Date(date)
  return { hour: at.getUTCHours(), weekday: at.getUTCDay(), distance }
}
`

const opened: AsyncDisposable[] = []
let context: TestContext

beforeAll(async () => {
  context = await openTestContext()
  const folder = writeProject({ 'tidemill.config.ts': CONFIG, 'flight-time.ts': FLIGHT_TIME })
  mkdirSync(join(folder, 'feed'))
  await context.analytics.execute(
    `COPY (SELECT * FROM (SELECT *, row_number() OVER () AS n FROM ${quoteLiteral(FLIGHTS)} WHERE date < '2001-02-01')
     WHERE n % 8 = 0) TO ${quoteLiteral(join(folder, 'feed', 'january.parquet'))} (FORMAT parquet)`,
  )
  await applyFolder(context, folder)
  await ingest(context, { ...PROJECT, dataset: 'flights' })
  const dispatcher = new EventDispatcher(context, [registrationConsumer])
  dispatcher.start()
  opened.push(context, dispatcher, await startWorker(context))
})

afterAll(async () => {
  for (const resource of opened.toReversed()) await resource[Symbol.asyncDispose]()
})

describe('the built-in steps', () => {
  it('make a training set, train, evaluate and register a version that its gates have judged', async () => {
    const { run, steps, effects, pins } = await runToEnd(context, 'train-late')
    expect(run).toMatchObject({ state: 'succeeded', error: null })
    expect(steps.map(({ name, state }) => `${name} ${state}`).toSorted()).toEqual(
      [
        'training_set',
        'split',
        'train',
        'train',
        'train',
        'evaluate',
        'evaluate',
        'evaluate',
        'reference_profile',
      ]
        .map((name) => `${name} succeeded`)
        .toSorted(),
    )
    expect(pins.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['dataset flights', 'champion late'])
    const effect = await until('the registration', async () => {
      const found = await getEffect(context, { ...PROJECT, effectId: effects[0]!.id })
      return found.state === 'requested' ? undefined : found
    })
    expect(effect).toMatchObject({ state: 'done', result: { model: 'late', version: 1 } })
    const key = { ...PROJECT, model: 'late', version: 1 }
    const version = await getModelVersion(context, key)
    expect(version.aliases).toEqual(['challenger'])
    expect(version.signature?.inputs.map(({ name }) => name).toSorted()).toEqual([
      'distance',
      'hour',
      'late_share',
      'weekday',
    ])
    expect(version.lineage).toMatchObject({ pipelineRunId: run.id, projectVersionId: run.projectVersionId })
    expect(version.lineage.datasetVersionId).toBeDefined()
    const [evaluation] = await listEvaluationsOf(context.db.read, version.id, 1)
    expect(evaluation?.holdout.days).toHaveLength(7)
    expect(
      evaluation?.subjects.find(({ role }) => role === 'candidate')?.metrics['auc']?.estimate,
    ).toBeGreaterThan(0.6)
    expect(await findGateReport(context, key)).toMatchObject({ verdict: 'pass' })
    const profile = await readReferenceProfile(context, version.layoutSha256!)
    expect(profile.days).toHaveLength(31)
  }, 120_000)

  it('are all found again when nothing has changed', async () => {
    const { run, steps, effects } = await runToEnd(context, 'train-late')
    expect(run).toMatchObject({ state: 'succeeded', error: null })
    expect(steps.filter(({ cached }) => !cached)).toEqual([])
    expect(effects).toHaveLength(1)
  }, 60_000)
})
