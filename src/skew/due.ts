import type { Context } from '../http/context.ts'
import { enqueue } from '../jobs/jobs.ts'
import { systemActor } from '../kernel/actor.ts'
import { AppError } from '../kernel/errors.ts'
import { HOUR_MS } from '../kernel/time-spans.ts'
import { listMonitors } from '../monitoring/monitoring.ts'
import type { Monitor } from '../monitoring/schema.ts'
import { getModelVersion } from '../registry/registry.ts'
import { listDeployments, listTraffic } from '../rollout/rollout.ts'
import { listCheckedHours } from './store.ts'

/** How long rows may take from the gateway to the log. */
const SETTLE_MS = 10 * 60_000
const LOOK_BACK_HOURS = 120
/** Hours that one job checks. In a replay, in which hours are short, it waits until there are so many. */
const MAX_HOURS = 24
const REPLAY_HOURS = 72
const actor = systemActor('skew')

/**
 * Asks for a check of the hours that are over and were served by a version with computed features, a limited number of them at
 * once. Cheap, and does nothing twice.
 */
export async function tickSkew(context: Pick<Context, 'db' | 'clock' | 'config'>): Promise<void> {
  for (const monitor of await listMonitors(context.db.read)) {
    if (monitor.definition.skew === false) continue
    for (const due of await dueHours(context, monitor)) {
      const { projectId, name, deployment } = monitor
      const { model, version, hours } = due
      const uniqueKey = ['skew.check', projectId, name, model, version, hours[0], hours.at(-1)].join(':')
      const payload = { monitor: name, deployment, model, version, hours }
      await context.db.write((trx) => enqueue(trx, { projectId, kind: 'skew.check', payload, uniqueKey }))
    }
  }
}

interface Due {
  model: string
  version: number
  /** In order. */
  hours: number[]
}

async function dueHours(
  { db, clock, config }: Pick<Context, 'db' | 'clock' | 'config'>,
  { projectId, deployment: name }: Monitor,
): Promise<Due[]> {
  const deployment = (await listDeployments(db.read, projectId)).find((each) => each.name === name)
  if (!deployment?.stable) return []
  const { model } = deployment
  const overMs = clock.now() - SETTLE_MS - HOUR_MS
  const fromMs = overMs - LOOK_BACK_HOURS * HOUR_MS
  const span = { projectId, deployment: name, fromMs, toMs: overMs + 1 }
  const traffic = await listTraffic(db.read, { ...span, limit: 10_000 })
  const due: Due[] = []
  for (const [version, rows] of Map.groupBy(traffic, (each) => each.version)) {
    const done = await listCheckedHours(db.read, { projectId, deployment: name, model, version, fromMs })
    const hours = [...new Set(rows.map(({ hourMs }) => hourMs))]
      .filter((hour) => !done.has(hour))
      .sort(byTime)
    const wanted = hours.slice(0, config.replay ? REPLAY_HOURS : MAX_HOURS)
    if (wanted.length === 0 || (config.replay && wanted.length < REPLAY_HOURS)) continue
    if (await hasComputedFeatures({ db }, { projectId, model, version }))
      due.push({ model, version, hours: wanted })
  }
  return due
}

function byTime(a: number, b: number): number {
  return a - b
}

async function hasComputedFeatures(
  context: Pick<Context, 'db'>,
  key: { projectId: string; model: string; version: number },
): Promise<boolean> {
  const version = await getModelVersion(context, { ...key, actor }).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'not_found') return undefined
    throw error
  })
  const features = (version?.featureService?.spec['features'] ?? []) as { from: string }[]
  return features.some(({ from }) => from !== 'request')
}
