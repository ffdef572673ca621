import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { openTestContext, type TestContext } from './databases.ts'
import {
  deploymentOf,
  openGateway,
  publish,
  row,
  tinyModel,
  variantOf,
  type InferAnswer,
} from './gateways.ts'
import { readFeedbackSegment, readPredictionSegment } from '../src/prediction-log/prediction-log.ts'

const KILLS = 4
const CLIENTS = 16

async function start(dataDir: string): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(join(import.meta.dirname, 'crash/gateway-process.ts'), [dataDir], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve((message as { port: number }).port))
    child.once('exit', (code) => reject(new Error(`The gateway ended with ${code}`)))
  })
  return { child, url: `http://127.0.0.1:${port}` }
}

/** Sends predictions and feedback until the gateway dies; keeps what it acknowledged. */
async function load(url: string, predictions: Set<string>, feedback: Set<string>): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const client = async (seed: number): Promise<void> => {
    for (let i = 0; ; i++) {
      try {
        const body = JSON.stringify(row((seed + i) % 24))
        const answer = await fetch(`${url}/v2/models/late/infer`, { method: 'POST', headers, body })
        const { parameters } = (await answer.json()) as InferAnswer
        const id = String(parameters['prediction_id'])
        if (answer.status === 200 && parameters['logged'] !== false) predictions.add(id)
        if (i % 5 > 0) continue
        const label = JSON.stringify({ prediction_id: id, label: 1 })
        const taken = await fetch(`${url}/feedback`, { method: 'POST', headers, body: label })
        const { feedback_ids } = (await taken.json()) as { feedback_ids: string[] }
        if (taken.status === 200) feedback.add(feedback_ids[0]!)
      } catch {
        return
      }
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(i * 7)))
}

async function everythingRegistered(context: TestContext) {
  const rows = await context.db.read.selectFrom('log_segment').selectAll().execute()
  const predictions: string[] = []
  const feedback: string[] = []
  for (const { kind, sha256, rows: counted } of rows) {
    const bytes = await context.artifacts.bytes(sha256)
    const found =
      kind === 'prediction'
        ? readPredictionSegment(bytes).rows.map(({ predictionId }) => predictionId)
        : readFeedbackSegment(bytes).items.map((item) => item.feedback_id)
    expect(found).toHaveLength(counted)
    ;(kind === 'prediction' ? predictions : feedback).push(...found)
  }
  return { predictions, feedback }
}

it(
  'a gateway killed again and again under load has every row that it acknowledged, once',
  { timeout: 120_000 },
  async () => {
    await using context = await openTestContext()
    const stable = await variantOf(context, { version: 1, bytes: tinyModel() })
    await publish(context, [deploymentOf(stable)])
    const predictions = new Set<string>()
    const feedback = new Set<string>()
    for (let kill = 0; kill < KILLS; kill++) {
      const { child, url } = await start(context.config.dataDir)
      const before = predictions.size
      const loaded = load(url, predictions, feedback)
      while (predictions.size < before + 20) await pause(5)
      await pause(Math.random() * 350)
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await ended
      await loaded
    }
    await using last = await openGateway(context)
    await last.gateway.engine.flush()
    const found = await everythingRegistered(context)
    expect(feedback.size).toBeGreaterThan(10)
    const known = new Set(found.predictions)
    expect(known.size).toBe(found.predictions.length)
    expect([...predictions].filter((id) => !known.has(id))).toEqual([])
    expect([...feedback].filter((id) => !found.feedback.includes(id))).toEqual([])
  },
)
