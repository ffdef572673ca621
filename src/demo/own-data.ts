import { mkdir, rename } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { openStored } from '../http/open-context.ts'
import { localOwner } from '../kernel/actor.ts'
import type { Config } from '../kernel/config.ts'
import { AppError } from '../kernel/errors.ts'
import { logQuality } from '../monitoring/monitoring.ts'
import { quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { applyFolder } from '../project/commands.ts'
import { Supervisor } from '../supervisor/supervisor.ts'
import type { DemoOptions } from './commands.ts'
import { ReplayDriver } from './driver.ts'
import { demoConfig, prepareDemoFolder } from './folder.ts'
import { amount } from '../kernel/amount.ts'
import { dayOf, Narrator } from './narrator.ts'
import { LABEL_DELAY_MS, namesOf, PIPELINE, writeOwnProject } from './own-project.ts'
import { playRequests } from './own-requests.ts'
import { readOwnTable, type OwnTable } from './own-table.ts'

const PROJECT_ID = 'default'

/** What the parts of the play share. */
interface Play {
  driver: ReplayDriver
  narrator: Narrator
  session: AnalyticsSession
  table: OwnTable
  project: string
  model: string
  told: Set<string>
}

/** Plays a person's own file: history, training and deployment, then the rest of the file as requests with their labels. */
export async function runOwnData(options: DemoOptions): Promise<void> {
  const { data, target, time } = options
  if (data === undefined || target === undefined || time === undefined)
    throw new AppError(
      'invalid',
      '--data needs --target and --time: the columns to predict and of each row’s time',
    )
  const file = resolve(data)
  await using analytics = openDuckDb({ memoryLimit: '3GB' })
  await using session = await analytics.session({ threads: 2 })
  const table = await readOwnTable(session, { file, target, time })
  const { project, dataDir } = await prepareDemoFolder(resolve(options.dataDir))
  const narrator = new Narrator((text) => process.stdout.write(text))
  describeTable(narrator, file, table)
  const files = await writeOwnProject(project, table)
  narrator.say(`A project was written to ${project}: ${files.join(', ')}. It is yours to go on from.`)

  const config = demoConfig(dataDir, process.env)
  await using supervisor = await Supervisor.start(config)
  const { serverUrl, gatewayUrl } = supervisor.running
  narrator.say(`Server ${serverUrl}, gateway ${gatewayUrl}: open the first in a browser and watch.`)
  const driver = new ReplayDriver(serverUrl, gatewayUrl, 'own data')
  const { model } = namesOf(table)
  const play: Play = { driver, narrator, session, table, project, model, told: new Set() }
  await trainOnHistory(play)
  await askTheRest(play)
  await summarize(play, config)
  if (options.exit) return
  narrator.say(`The web UI stays up at ${serverUrl} until Ctrl-C.`)
  await new Promise<void>((done) => {
    process.once('SIGINT', done)
    process.once('SIGTERM', done)
  })
}

function describeTable(narrator: Narrator, file: string, table: OwnTable): void {
  const { target, features, leftOut, rows, unlabelled, firstMs, lastMs } = table
  const what =
    target.task === 'binary'
      ? `whether ${target.name} is ${JSON.stringify(target.positive)}`
      : `the number ${target.name}`
  narrator.say(
    `${file}: ${amount(rows)} rows from ${dayOf(firstMs)} to ${dayOf(lastMs)}. The question: ${what}.`,
  )
  if (unlabelled > 0) narrator.say(`${amount(unlabelled)} rows without ${target.name} are left out.`)
  narrator.say(`From: ${features.map(({ name, kind }) => `${name} (${kind})`).join(', ')}.`)
  if (leftOut.length > 0)
    narrator.say(`Not from: ${leftOut.map(({ name, why }) => `${name} (${why})`).join(', ')}.`)
}

/** 1. The history arrives as a file; models are compared; the winner is deployed. */
async function trainOnHistory(play: Play): Promise<void> {
  const { driver, narrator, table, project, model } = play
  narrator.chapter(1, 'The first part of the file arrives; models are compared; the winner is deployed')
  await mkdir(join(project, 'feed'), { recursive: true })
  await writeFeed(play, { fromMs: table.firstMs, toMs: table.cutMs })
  await driver.advance(table.cutMs)
  const { version } = await applyFolder(driver.api, project)
  await driver.api.post(`/datasets/${namesOf(table).dataset}/ingest`)
  await driver.settle()
  narrator.say(
    `tidemill apply: version ${version.number}; the history until ${dayOf(table.cutMs)} has ${amount(table.historyRows)} rows on ${amount(table.historyDays)} days.`,
  )
  const { id } = await driver.api.post<{ id: string }>(`/pipelines/${PIPELINE}/runs`, { params: {} })
  await driver.settle()
  const { run } = await driver.api.get<{ run: { state: string; error: string | null } }>(
    `/pipeline-runs/${id}`,
  )
  if (run.state !== 'succeeded') throw new AppError('internal', `${PIPELINE} ${run.state}: ${run.error}`)
  await tell(play)
  await requireDeployed(play)
  narrator.say(`${model}/1 serves.`)
}

/** One file of the feed, which appears whole or not at all: a dataset ignores names that end in `.part`. */
async function writeFeed(
  { session, project }: Play,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Promise<void> {
  const target = join(project, 'feed', `${dayOf(fromMs)}-${dayOf(toMs)}.parquet`)
  await session.execute(
    `COPY (SELECT * EXCLUDE (__id, __time_ms) FROM own WHERE __time_ms >= ${fromMs} AND __time_ms < ${toMs} ORDER BY __id)
     TO ${quoteLiteral(`${target}.part`)} (FORMAT parquet, COMPRESSION zstd)`,
  )
  await rename(`${target}.part`, target)
}

/** A first version that its gates declined is deployed all the same, so that there is something to watch, and says so. */
async function requireDeployed({ driver, narrator, model }: Play): Promise<void> {
  const { stable } = await driver.api.get<{ stable: object | null }>(`/deployments/${model}`)
  if (stable !== null) return
  const reason = 'the demo goes on with what the file gives'
  narrator.say(
    `tidemill deploy ${model}/1 --force --reason "${reason}": past its gates, so that it can be watched.`,
  )
  await driver.api.post('/deployments', { name: model, model, version: 1, force: true, reason })
  await driver.settle()
}

/** 2. The rest of the file is asked in the order of its time; labels follow a day later. */
async function askTheRest(play: Play): Promise<void> {
  const { driver, narrator, session, table, model } = play
  narrator.chapter(2, 'The rest of the file is asked in the order of its time; labels follow a day later')
  const { every } = await playRequests({
    driver,
    session,
    table,
    deployment: model,
    async deliver(span) {
      await writeFeed(play, span)
      await driver.api.post(`/datasets/${namesOf(table).dataset}/ingest`)
    },
  })
  if (every > 1) narrator.say(`One in ${every} rows was asked about, so that it stays short.`)
  narrator.say(
    `${amount(driver.counts.answered)} of ${amount(driver.counts.asked)} requests answered, ${amount(driver.counts.labelled)} labels sent ${LABEL_DELAY_MS / 3_600_000} hours after them (the file does not tell when they became known).`,
  )
  await tell(play)
  const alerts = (await driver.api.get<{ items: object[] }>('/alerts?limit=500')).items.length
  if (alerts === 0)
    narrator.say(
      'The monitors raised no alert. A day is judged from some 30 to 200 rows on; see monitor() in tidemill.config.ts.',
    )
}

/** The decisions that were stored since the last time, as their own sentences. */
async function tell({ driver, narrator, told }: Play): Promise<void> {
  interface Decision {
    id: string
    sentence: string
    atMs: number
  }
  const { items } = await driver.api.get<{ items: Decision[] }>('/decisions?limit=500')
  for (const { id, sentence, atMs } of items.reverse()) {
    if (told.has(id)) continue
    told.add(id)
    narrator.decision(`${dayOf(atMs)}  ${sentence}`, false)
  }
}

/** 3. What it comes to, by the stored log. */
async function summarize({ driver, narrator, model, told }: Play, config: Config): Promise<void> {
  narrator.chapter(3, 'What it comes to')
  const alerts = await driver.api.get<{ items: { sentence: string; state: string }[] }>('/alerts?limit=500')
  const { versions } = await driver.api.get<{
    versions: { version: number; metrics: Metrics; verdict: string | null }[]
  }>(`/models/${model}`)
  for (const { version, metrics, verdict } of versions.reverse()) {
    narrator.say(
      `${model}/${version}, on its holdout: ${metricsText(metrics)}; gates: ${verdict ?? 'not judged'}.`,
    )
  }
  narrator.say(describeLive(model, await liveQuality(config, model)))
  narrator.say(
    `${amount(driver.counts.answered)} predictions, ${amount(alerts.items.length)} alerts, ${amount(told.size)} decisions. Nothing was injected.`,
  )
  narrator.say(`Compute it again: tidemill quality ${model} --data-dir ${config.dataDir}`)
}

type LogQuality = Awaited<ReturnType<typeof logQuality>>
type Metrics = Record<string, { value: number; lower?: number; upper?: number }>

function metricsText(metrics: Metrics): string {
  const shown = ['auc', 'log_loss', 'mse', 'mae'].flatMap((name) => {
    const metric = metrics[name]
    return metric ? [`${name} ${bounds(metric.value, metric.lower, metric.upper)}`] : []
  })
  return shown.join(', ') || 'no metrics'
}

function bounds(
  estimate: number,
  lower: number | null | undefined,
  upper: number | null | undefined,
): string {
  const interval = typeof lower === 'number' && typeof upper === 'number'
  return interval
    ? `${estimate.toPrecision(3)} [${lower.toPrecision(3)}, ${upper.toPrecision(3)}]`
    : estimate.toPrecision(3)
}

async function liveQuality(config: Config, deployment: string): Promise<LogQuality> {
  await using stored = await openStored({ ...config, replay: false })
  return await logQuality(stored, { projectId: PROJECT_ID, actor: localOwner, deployment })
}

function describeLive(deployment: string, { rows, days, metrics, blocks }: LogQuality): string {
  const shown = Object.entries(metrics).map(
    ([name, { estimate, lower, upper }]) => `${name} ${bounds(estimate, lower, upper)}`,
  )
  return `${deployment}, live on ${amount(rows)} labelled requests of ${amount(days)} days: ${shown.join(', ')} (95 % over ${blocks}).`
}
