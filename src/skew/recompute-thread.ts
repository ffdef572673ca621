import { parentPort, workerData } from 'node:worker_threads'
import { buildTrainingSet } from '../point-in-time/point-in-time.ts'
import { toAppError } from '../kernel/errors.ts'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import type { FromThread, ThreadTask } from './recompute.ts'

const tasks = workerData as readonly ThreadTask[]

async function run(): Promise<FromThread> {
  await using analytics = openDuckDb({ memoryLimit: '1GB' })
  try {
    for (const { plan, snapshotDirectory, target } of tasks)
      await buildTrainingSet(analytics, plan, { snapshotDirectory, target })
    return { done: true }
  } catch (error) {
    const { code, message } = toAppError(error)
    return { done: false, code, message }
  }
}

parentPort!.postMessage(await run(), [])
