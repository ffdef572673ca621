import type { Context } from '../http/context.ts'
import { getModelVersionById } from '../registry/registry.ts'
import { getDeployment } from '../rollout/rollout.ts'
import { systemActor } from '../kernel/actor.ts'
import { DAY_MS } from '../kernel/time-spans.ts'
import { delayQuantileMs } from './label-delay.ts'
import { loadReference, type Reference } from './reference.ts'
import { referenceRanking } from './ranking.ts'
import { referenceRates } from './judge-labels.ts'
import type { AlertJson } from './overview-schema.ts'
import type { Alert, Judgement, Monitor } from './schema.ts'
import { listAlerts, listJudgements, listMonitors } from './store.ts'
import { listLabelDelays } from './store-labels.ts'
import { listWindowTotals } from './store-windows.ts'

export interface MonitoringInput {
  projectId: string
  deployment: string
  fromMs?: number | undefined
  toMs?: number | undefined
}

const viewer = systemActor('monitoring page')
const DEFAULT_DAYS = 60

/** Everything that a page about a deployment's world needs: alerts with their causes, and every watch day by day. */
export async function getMonitoring(
  context: Pick<Context, 'db' | 'clock' | 'artifacts'>,
  input: MonitoringInput,
) {
  const { db, clock } = context
  const { projectId, deployment } = input
  const found = await getDeployment(db.read, { projectId, name: deployment })
  const toMs = input.toMs ?? clock.now() + DAY_MS
  const fromMs = input.fromMs ?? toMs - DEFAULT_DAYS * DAY_MS
  const span = { projectId, deployment, fromMs, toMs }
  const monitors = await listMonitors(db.read, { projectId, deployment })
  const judgements = await listJudgements(db.read, {
    ...span,
    monitors: monitors.flatMap(({ name }) =>
      ['base_rate', 'ranking', 'drift'].map((watch) => `${name}/${watch}`),
    ),
  })
  const alerts = await listAlerts(db.read, { projectId, deployment, limit: 100 })
  const reference = found.stable && (await referenceOf(context, { projectId, id: found.stable.id }))
  return {
    deployment,
    model: found.model,
    stableVersion: found.stable?.version ?? null,
    monitors: monitors.map((monitor) => ({ name: monitor.name, definition: monitor.definition })),
    alerts: alerts.map(alertJson),
    causes: rankedCauses(alerts, judgements),
    reference: reference ? referenceSummary(reference) : null,
    baseRate: seriesOf(judgements, monitors, 'base_rate'),
    quality: seriesOf(judgements, monitors, 'ranking'),
    drift: driftOf(judgements, monitors),
    labels: await labelsOf(context, span),
  }
}

export function alertJson(alert: Alert): AlertJson {
  const { projectId: _, ...json } = alert
  return json
}

async function referenceOf(
  context: Pick<Context, 'db' | 'artifacts'>,
  key: { projectId: string; id: string },
): Promise<Reference | undefined> {
  const { layoutSha256 } = await getModelVersionById(context, { ...key, actor: viewer })
  return layoutSha256 === undefined ? undefined : loadReference(context, layoutSha256)
}

/** The reference's own days, so that a page can draw them beside. */
function referenceSummary(reference: Reference) {
  const aucs = new Map(referenceRanking(reference).values.map(({ day, value }) => [day, value]))
  return {
    days: referenceRates(reference).map(({ day, value, rows }) => ({
      startMs: day * DAY_MS,
      rows,
      rate: value,
      auc: aucs.get(day) ?? null,
    })),
  }
}

/** One watch day by day: what was judged, with its limits. */
function seriesOf(judgements: readonly Judgement[], monitors: readonly Monitor[], watch: string) {
  const names = new Set(monitors.map(({ name }) => `${name}/${watch}`))
  return judgements
    .filter(({ monitor }) => names.has(monitor))
    .map(({ startMs, verdict, revision, monitor, numbers }) => ({
      startMs,
      monitor: monitor.split('/')[0]!,
      verdict,
      revision,
      ...numbers,
    }))
}

interface DriftNumbers {
  name: string
  distance: number
  expected: number
  upper: number
  psi: number
  wassersteinSd: number | null
  alert: boolean
  cause: string
  weight: number
}

/** Features × days: how far each day of each feature is from the reference, as a share of its limit. */
function driftOf(judgements: readonly Judgement[], monitors: readonly Monitor[]) {
  const days = seriesOf(judgements, monitors, 'drift').map((day) => {
    const { startMs, verdict, rows, subjects } = day as typeof day & {
      rows?: number
      subjects?: DriftNumbers[]
    }
    return { startMs, verdict, rows: rows ?? 0, subjects: subjects ?? [] }
  })
  const names = [...new Set(days.flatMap(({ subjects }) => subjects.map(({ name }) => name)))]
  return {
    days: days.map(({ startMs, verdict, rows }) => ({ startMs, verdict, rows })),
    features: names.map((name) => ({
      name,
      cells: days.map(({ startMs, subjects }) => {
        const found = subjects.find((subject) => subject.name === name)
        return found
          ? {
              startMs,
              distance: found.distance,
              expected: found.expected,
              upper: found.upper,
              psi: found.psi,
              wassersteinSd: found.wassersteinSd,
              alert: found.alert,
              cause: found.cause,
            }
          : {
              startMs,
              distance: null,
              expected: null,
              upper: null,
              psi: null,
              wassersteinSd: null,
              alert: false,
              cause: null,
            }
      }),
    })),
  }
}

/** What is wrong now, strongest first: open alerts with their causes, then what stood out on the last judged day. */
function rankedCauses(alerts: readonly Alert[], judgements: readonly Judgement[]) {
  const open = alerts.filter(({ state }) => state === 'open')
  const causes = open.map(({ sentence, kind, causes: parts }) => ({
    kind: kind as string,
    sentence,
    parts: [...parts],
  }))
  const last = judgements.findLast(
    ({ monitor, verdict }) => monitor.endsWith('/drift') && verdict === 'watch',
  )
  if (!last) return causes
  const subjects = (last.numbers['subjects'] as DriftNumbers[] | undefined) ?? []
  const notable = subjects.filter(
    ({ distance, expected, upper }) => distance - expected > 0.75 * (upper - expected),
  )
  return [
    ...causes,
    ...notable.map(({ name, cause, weight }) => ({
      kind: 'watch',
      sentence: `${cause}, still within what days differ by.`,
      parts: [{ name, sentence: cause, weight }],
    })),
  ]
}

async function labelsOf(
  { db }: Pick<Context, 'db'>,
  span: { projectId: string; deployment: string; fromMs: number; toMs: number },
) {
  const windows = await listWindowTotals(db.read, { ...span, grain: 'day' })
  const delays = new Map((await listLabelDelays(db.read, span)).map(({ dayMs, counts }) => [dayMs, counts]))
  const days = new Map<number, { startMs: number; rows: number; labelled: number }>()
  for (const { startMs, variant, rows, labelled } of windows) {
    if (variant === 'shadow') continue
    const day = days.get(startMs) ?? { startMs, rows: 0, labelled: 0 }
    days.set(startMs, day)
    day.rows += rows
    day.labelled += labelled
  }
  return [...days.values()].map((day) => {
    const counts = delays.get(day.startMs) ?? []
    return {
      ...day,
      coverage: day.rows === 0 ? 0 : day.labelled / day.rows,
      delayMedianMs: delayQuantileMs(counts, 0.5),
      delay95Ms: delayQuantileMs(counts, 0.95),
    }
  })
}
