import { DAY_MS, HOUR_MS } from '../kernel/time-spans.ts'
import type { Context } from '../http/context.ts'
import { enqueue } from '../jobs/jobs.ts'
import { judgedParts, type JudgedPart, type Monitor } from './schema.ts'
import { listJudgedRevisions, listMonitors } from './store.ts'
import { listHealthRevisions, listWindowTotals } from './store-windows.ts'
import { stableOf } from './subject.ts'

/** A window that is over and whose counts have changed since it was last judged. */
export interface DueWindow {
  startMs: number
  revision: number
}

const LOOK_BACK_DAYS = 35
/** Outside a replay, how long rows may take from the gateway to the counts. */
const SETTLE_MS = 10 * 60_000
const DEFAULT_HORIZON_MS = DAY_MS

/** The watches of each part; the first one tells which windows have been judged. */
export const WATCHES = { labels: ['base_rate', 'ranking'], drift: ['drift'], feeds: ['feeds'] } as const

export function watchName(monitor: Monitor, watch: string): string {
  return `${monitor.name}/${watch}`
}

/** Enqueues a judging job for each part of each monitor that has windows due. Cheap, and does nothing twice. */
export async function tickMonitors(context: Pick<Context, 'db' | 'clock' | 'config'>): Promise<void> {
  for (const monitor of await listMonitors(context.db.read)) {
    for (const part of judgedParts) {
      const due = (await dueWindows(context, monitor, part))[0]
      if (!due) continue
      const { projectId, name } = monitor
      const uniqueKey = ['monitoring.judge', projectId, name, part, due.startMs, due.revision].join(':')
      await context.db.write((trx) =>
        enqueue(trx, { projectId, kind: 'monitoring.judge', payload: { monitor: name, part }, uniqueKey }),
      )
    }
  }
}

/** In order of time. */
export async function dueWindows(
  { db, clock, config }: Pick<Context, 'db' | 'clock' | 'config'>,
  monitor: Monitor,
  part: JudgedPart,
): Promise<DueWindow[]> {
  if (!isWatched(monitor, part)) return []
  const deployment = await stableOf({ db }, monitor)
  if (!deployment?.stable) return []
  const nowMs = clock.now() - (config.replay ? 0 : SETTLE_MS)
  const fromMs = nowMs - LOOK_BACK_DAYS * DAY_MS
  const key = { projectId: monitor.projectId, deployment: monitor.deployment }
  const lengthMs = part === 'feeds' ? HOUR_MS : DAY_MS
  const waitMs = part === 'labels' ? (deployment.definition.label?.horizonMs ?? DEFAULT_HORIZON_MS) : 0
  const revisions =
    part === 'feeds'
      ? await listHealthRevisions(db.read, { ...key, version: deployment.stable.version, fromMs })
      : await dayRevisions({ db }, { ...key, fromMs, toMs: nowMs }, part)
  const judged = await listJudgedRevisions(db.read, {
    ...key,
    monitor: watchName(monitor, WATCHES[part][0]),
    fromMs,
  })
  return [...revisions]
    .filter(
      ([startMs, revision]) => startMs + lengthMs + waitMs <= nowMs && revision > (judged.get(startMs) ?? 0),
    )
    .map(([startMs, revision]) => ({ startMs, revision }))
    .sort((a, b) => a.startMs - b.startMs)
}

function isWatched({ definition }: Monitor, part: JudgedPart): boolean {
  if (part === 'labels') return definition.baseRate !== false || definition.ranking !== false
  return definition[part] !== false
}

/** Labels change a day and the three-day mean of the next two; drift only looks at rows, so their number is its revision. */
async function dayRevisions(
  { db }: Pick<Context, 'db'>,
  span: { projectId: string; deployment: string; fromMs: number; toMs: number },
  part: 'labels' | 'drift',
): Promise<Map<number, number>> {
  const windows = await listWindowTotals(db.read, { ...span, grain: 'day' })
  const days = new Map<number, number>()
  for (const { startMs, variant, rows, labelled, revision } of windows) {
    if (variant === 'shadow' || (part === 'labels' && labelled === 0)) continue
    days.set(startMs, (days.get(startMs) ?? 0) + (part === 'labels' ? revision : rows))
  }
  if (part === 'drift') return days
  return new Map(
    [...days].map(([startMs, own]) => [
      startMs,
      own + (days.get(startMs - DAY_MS) ?? 0) + (days.get(startMs - 2 * DAY_MS) ?? 0),
    ]),
  )
}
