import type { Context } from '../http/context.ts'
import { fence, type Job } from '../jobs/jobs.ts'
import type { JsonObject } from '../kernel/json.ts'
import { DAY_MS, HOUR_MS } from '../kernel/time-spans.ts'
import { findSick, haveHealed, type EntityHour, type FeedRule, type SickEntity } from './feed-health.ts'
import { store, subjectOf, type Judging } from './judging.ts'
import { clear, raise } from './lifecycle.ts'
import type { Alert, Monitor } from './schema.ts'
import { feedSentence, hourName, lasted, sourceParts } from './sentence.ts'
import { listAlerts } from './store.ts'
import { listEntityHealth, type EntityHealth } from './store-windows.ts'

const HISTORY_DAYS = 7
/** All rows together, beside each entity by itself. */
const EVERYONE = 'all'

/** Judges one hour of feeds: which entities have gone bad, and which alerts have healed. */
export async function judgeFeeds(
  context: Pick<Context, 'db' | 'clock' | 'ids'>,
  job: Job,
  { monitor, watched, due }: Judging,
): Promise<void> {
  const rule = monitor.definition.feeds
  if (rule === false) return
  const health = await listEntityHealth(context.db.read, {
    projectId: monitor.projectId,
    deployment: monitor.deployment,
    version: watched.version,
    fromMs: due.startMs - HISTORY_DAYS * DAY_MS,
    toMs: due.startMs + HOUR_MS,
  })
  const sources = bySource(health)
  const found = [...sources].map(([source, entities]) => ({
    source,
    sick: named(findSick(entities, due.startMs, rule)),
  }))
  const sick = found.filter((each) => each.sick.length > 0)
  const numbers = { sources: sick } as unknown as JsonObject
  await context.db.write(async (trx) => {
    await fence(trx, job)
    const verdict = sick.length > 0 ? 'out' : 'calm'
    if (!(await store(context, trx, { monitor, due }, { watch: 'feeds', verdict, numbers }))) return
    for (const each of sick) {
      const about = subjectOf(monitor, kindOf(each.source), each.source)
      await raise(context, trx, {
        ...about,
        sentence: feedSentence(monitor.deployment, each.source, each.sick),
        causes: each.sick.map(({ entity, hours, rows, bad }) => ({
          name: entity,
          sentence: `${entity}: ${bad} of ${rows} rows in ${hours} hours`,
          weight: rows,
        })),
        windowMs: each.sick[0]!.sinceMs,
        rule: ruleText(rule),
        numbers: { sick: each.sick } as unknown as JsonObject,
        inputs: { hour: hourName(due.startMs), version: watched.version },
      })
    }
    const { projectId, deployment } = monitor
    const open = await listAlerts(trx, { projectId, deployment, state: 'open', limit: 500 })
    for (const alert of open.filter((each) => isFeedAlert(each, monitor))) {
      const names = alert.causes.map(({ name }) => name)
      const entities = sources.get(alert.subject) ?? wellEverywhere(health)
      const healed = haveHealed(entities, names, {
        judgedHourMs: due.startMs,
        raisedMs: alert.windowMs,
        rule,
      })
      if (!healed) continue
      const [problem, name] = sourceParts(alert.subject)
      await clear(context, trx, alert, {
        sentence: `${name} is no longer ${problem} for ${names.join(', ')}, after ${lasted(alert.windowMs, due.startMs)}. Training may go on.`,
        rule: ruleText(rule),
        numbers: {},
        inputs: { hour: hourName(due.startMs), version: watched.version },
      })
    }
  })
}

/** Entities by name; all together only when none of them stands out by itself. */
function named(sick: readonly SickEntity[]): readonly SickEntity[] {
  const entities = sick.filter(({ entity }) => entity !== EVERYONE)
  return entities.length > 0 ? entities : sick
}

function isFeedAlert({ kind, monitor: name }: Alert, monitor: Monitor): boolean {
  return name === monitor.name && (kind === 'freshness' || kind === 'data_quality')
}

function kindOf(source: string): 'freshness' | 'data_quality' {
  return source.startsWith('stale:') ? 'freshness' : 'data_quality'
}

function ruleText({ badShare, minHours, minRows }: FeedRule): string {
  return (
    `An entity that was bad in at most a tenth of its hours is bad (at least ${badShare * 100} % of the rows) in ${minHours} or more hours ` +
    `with rows in a row, ${minRows} rows or more, longer than ever in ${HISTORY_DAYS} days; cleared after two good hours`
  )
}

/** For each violation the hours of each entity, and of all of them together. */
function bySource(health: readonly EntityHealth[]): Map<string, Map<string, EntityHour[]>> {
  const rows = health.filter(({ source }) => source === 'rows')
  const names = new Set(health.map(({ source }) => source).filter((source) => source !== 'rows'))
  return new Map(
    [...names].map((source) => {
      const bad = new Map(
        health.filter((each) => each.source === source).map(({ hourMs, cells }) => [hourMs, cells]),
      )
      return [source, hoursOf(rows, bad)]
    }),
  )
}

/** No row of the span has the violation any more. */
function wellEverywhere(health: readonly EntityHealth[]): Map<string, EntityHour[]> {
  return hoursOf(
    health.filter(({ source }) => source === 'rows'),
    new Map(),
  )
}

function hoursOf(
  rows: readonly EntityHealth[],
  bad: ReadonlyMap<number, Record<string, number>>,
): Map<string, EntityHour[]> {
  const entities = new Map<string, EntityHour[]>()
  for (const { hourMs, cells } of rows) {
    let [allRows, allBad] = [0, 0]
    for (const [entity, count] of Object.entries(cells)) {
      const badRows = bad.get(hourMs)?.[entity] ?? 0
      addHour(entities, entity, { hourMs, rows: count, bad: badRows })
      allRows += count
      allBad += badRows
    }
    addHour(entities, EVERYONE, { hourMs, rows: allRows, bad: allBad })
  }
  return entities
}

function addHour(entities: Map<string, EntityHour[]>, entity: string, hour: EntityHour): void {
  const known = entities.get(entity)
  if (known) known.push(hour)
  else entities.set(entity, [hour])
}
