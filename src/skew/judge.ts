import type { Context } from '../http/context.ts'
import { appendEvent } from '../jobs/events.ts'
import type { JsonObject } from '../kernel/json.ts'
import { DAY_MS, HOUR_MS } from '../kernel/time-spans.ts'
import type { MonitorDefinition } from '../monitoring/definition.ts'
import { clear, listAlerts, raise } from '../monitoring/monitoring.ts'
import type { Alert, Monitor } from '../monitoring/schema.ts'
import type { Trx } from '../ports/db/db.ts'
import { proportionSequence } from '../statistics/proportion.ts'
import type { SkewCounts } from './schema.ts'
import { listHours, sumCounts } from './store.ts'

/** An alert is over after so many checked hours in a row without certain skew. */
const CLEAR_HOURS = 3
const MAX_COUNTS = 5000

export type SkewRule = Exclude<MonitorDefinition['skew'], false>

/** The share of served values that differ and are not explained, with bounds that hold however often one looks. */
export interface MismatchRate {
  rate: number
  lower: number
  upper: number
}

export function mismatchRate(
  { checked, mismatched }: Pick<SkewCounts, 'checked' | 'mismatched'>,
  alpha = 0.05,
): MismatchRate | null {
  if (checked === 0) return null
  return { rate: mismatched / checked, ...proportionSequence({ successes: mismatched, n: checked }, alpha) }
}

export interface JudgeHour {
  monitor: Monitor
  model: string
  version: number
  startMs: number
  rule: SkewRule
}

/**
 * Judges the day so far, to the end of an hour: an alert for each view and function of which a feature is certainly skewed. While one
 * is open it is only asked whether it is over; after that the evidence of the day begins anew.
 */
export async function judgeHour(
  context: Pick<Context, 'clock' | 'ids'>,
  trx: Trx,
  input: JudgeHour,
): Promise<void> {
  const { monitor, model, version, startMs, rule } = input
  const { projectId, deployment } = monitor
  const dayMs = startMs - (startMs % DAY_MS)
  const day = { projectId, deployment, model, version, fromMs: dayMs, toMs: startMs + HOUR_MS }
  const counts = await sumCounts(trx, day)
  const alpha = 1 / (rule.budgetDays * Math.max(1, counts.length))
  const alerts = await listSkewAlerts(trx, monitor)
  for (const source of new Set(counts.map((each) => each.source))) {
    const last = alerts.find((alert) => sourceOf(alert) === source)
    const healed = last && (await healedAt(trx, last, input))
    if (last?.state === 'open') {
      if (healed) await clearSkew(context, trx, input, { alert: last, healed })
      continue
    }
    const fromMs = last && last.windowMs >= dayMs ? (healed?.startMs ?? last.windowMs) + HOUR_MS : dayMs
    const since = fromMs === dayMs ? counts : await sumCounts(trx, { ...day, fromMs })
    const features = since.flatMap((each) => {
      const rate = each.source === source ? mismatchRate(each, alpha) : null
      return rate && rate.lower > rule.maxRate ? [{ ...each, ...rate }] : []
    })
    if (features.length > 0) await raiseSkew(context, trx, { ...input, source, features })
  }
}

type Skewed = SkewCounts & MismatchRate

async function raiseSkew(
  context: Pick<Context, 'clock' | 'ids'>,
  trx: Trx,
  {
    monitor,
    model,
    version,
    startMs,
    rule,
    source,
    features,
  }: JudgeHour & { source: string; features: Skewed[] },
): Promise<void> {
  const { projectId, deployment, name } = monitor
  const worst = [...features].sort((a, b) => b.lower - a.lower)
  const sentence = skewSentence(`${model}/${version}`, deployment, source, worst)
  const raised = await raise(context, trx, {
    projectId,
    deployment,
    monitor: name,
    kind: 'skew',
    subject: `skew:${source}`,
    sentence,
    causes: worst.map(({ feature, rate, lower, upper, mismatched, checked }) => ({
      name: feature,
      sentence: `${feature}: ${mismatched} of ${checked} served values differ (${percent(rate)}, at least ${percent(lower)}, at most ${percent(upper)})`,
      weight: rate,
    })),
    windowMs: startMs,
    rule: ruleText(rule),
    numbers: { features: worst } as unknown as JsonObject,
    inputs: { model, version, hour: new Date(startMs).toISOString() },
  })
  if (!raised) return
  await appendEvent(trx, {
    projectId,
    kind: 'features.skewed',
    payload: { deployment, model, version, source, features: worst.map(({ feature }) => feature), sentence },
    atMs: context.clock.now(),
  })
}

interface Healed {
  /** The last of the hours. */
  startMs: number
  features: { feature: string; checked: number; mismatched: number }[]
}

/** The first checked hours in a row, after an alert was raised, that together hold no more mismatches than are allowed. */
async function healedAt(
  trx: Trx,
  alert: Alert,
  { monitor, startMs, rule }: JudgeHour,
): Promise<Healed | undefined> {
  const { projectId, deployment } = monitor
  const span = { projectId, deployment, fromMs: alert.windowMs + HOUR_MS, toMs: startMs + HOUR_MS }
  const counts = await listHours(trx, { ...span, source: sourceOf(alert), limit: MAX_COUNTS })
  const hours = [...Map.groupBy(counts.toReversed(), (each) => each.startMs)]
  for (let end = CLEAR_HOURS; end <= hours.length; end++) {
    const row = hours.slice(end - CLEAR_HOURS, end)
    const features = [
      ...Map.groupBy(
        row.flatMap(([, each]) => each),
        ({ feature }) => feature,
      ),
    ].map(([feature, each]) => ({
      feature,
      checked: each.reduce((sum, { checked }) => sum + checked, 0),
      mismatched: each.reduce((sum, { mismatched }) => sum + mismatched, 0),
    }))
    if (features.every(({ checked, mismatched }) => mismatched <= rule.maxRate * checked))
      return { startMs: row.at(-1)![0], features }
  }
  return undefined
}

async function clearSkew(
  context: Pick<Context, 'clock' | 'ids'>,
  trx: Trx,
  { model, version, rule }: JudgeHour,
  { alert, healed }: { alert: Alert; healed: Healed },
): Promise<void> {
  await clear(context, trx, alert, {
    sentence: `Served values of ${sourceOf(alert)} are what the offline data give again, in ${CLEAR_HOURS} checked hours in a row.`,
    rule: ruleText(rule),
    numbers: { features: healed.features },
    inputs: { model, version, hour: new Date(healed.startMs).toISOString() },
  })
}

/** Newest first. */
async function listSkewAlerts(trx: Trx, { projectId, deployment, name }: Monitor): Promise<Alert[]> {
  const alerts = await listAlerts(trx, { projectId, deployment, limit: 500 })
  return alerts.filter(({ kind, monitor }) => kind === 'skew' && monitor === name)
}

function sourceOf({ subject }: Alert): string {
  return subject.slice('skew:'.length)
}

function skewSentence(
  version: string,
  deployment: string,
  source: string,
  skewed: readonly Skewed[],
): string {
  const first = skewed[0]!
  const others = skewed.length === 1 ? '' : `, and of ${skewed.length - 1} more of its features`
  return (
    `${source} is not served as it is computed offline: ${first.mismatched} of ${first.checked} values of ${first.feature}${others} ` +
    `differ for ${version} at ${deployment} (at least ${percent(first.lower)}), and late data do not explain it.`
  )
}

function ruleText({ maxRate, tolerance, budgetDays }: SkewRule): string {
  return (
    `Of a random sample of the day’s served values, more than ${percent(maxRate)} certainly differ from the offline ones (relative tolerance ${tolerance}) ` +
    `and late data do not explain it; bounds that hold at every look, one false alarm in ${budgetDays} days; cleared after ${CLEAR_HOURS} checked hours within it`
  )
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
}
