import { DAY_MS, HOUR_MS } from '../kernel/time-spans.ts'
import type { RolloutCount } from '../rollout/schema.ts'
import { binIndex } from '../statistics/bins.ts'
import { emptyProfile, observeLabel, type ProfileLayout } from '../statistics/profile.ts'
import { delayBin, emptyDelays } from './label-delay.ts'
import { rowLoss, type Answer, type LossRule } from './row-loss.ts'
import type { WindowAddition } from './windows.ts'

/** A prediction with the label that has now arrived for it, and the one that was known before. */
export interface LabelledRow extends Answer {
  predictionId: string
  /** The answered prediction that the label names; for a shadow row the one it is paired with. */
  answeredId: string
  feedbackId: string
  deployment: string
  model: string
  version: number
  variant: string
  rolloutId: string | null
  generation: number
  stage: number | null
  gatewayId: string
  timeMs: number
  /** Null when there was nothing to choose between: the row counts for no arm. */
  bucket: number | null
  /** Null withdraws a label. */
  label: number | string | null
  labelTimeMs: number
  receivedMs: number
  revision: number
  /** The loss of a shadow's answer by the label that an earlier join knew. */
  answerLoss: number | null
  before: { label: number | string | null; loss: number | null; pairLoss: number | null } | null
}

export interface JoinedRow extends Omit<LabelledRow, 'before' | 'answerLoss' | 'decision' | 'probabilities'> {
  loss: number | null
  /** A shadow's loss less that of its pair. */
  pairLoss: number | null
}

export interface LabelEffects {
  rows: JoinedRow[]
  windows: WindowAddition[]
  counts: RolloutCount[]
  delays: Map<string, { deployment: string; dayMs: number; counts: number[] }>
  revised: number
}

/** What the join must know of the version that made a prediction. */
export interface ScoredBy extends LossRule {
  layoutSha256: string | null
  layout: ProfileLayout | null
}

/** A label as the task counts it: 1 and 0 for a binary task, a number for a regression, else text. */
function toLabel(task: string, label: number | string | boolean | null): number | string | null {
  if (label === null) return null
  if (task === 'binary') {
    const text = String(label).toLowerCase()
    if (text === '1' || text === 'true') return 1
    return text === '0' || text === 'false' ? 0 : null
  }
  if (task === 'multiclass') return String(label)
  const value = Number(label)
  return Number.isFinite(value) ? value : null
}

/**
 * Everything that newly joined labels change, as additions: the old cell of a corrected label is subtracted, the new one
 * added. Pure, so that joining the same rows again gives the same effects.
 */
export function effectsOf(
  rows: readonly LabelledRow[],
  {
    scoredBy,
    armOf,
  }: { scoredBy: (row: LabelledRow) => ScoredBy; armOf: (row: LabelledRow) => string | null },
): LabelEffects {
  const effects: LabelEffects = { rows: [], windows: [], counts: [], delays: new Map(), revised: 0 }
  const windows = new Map<string, WindowAddition>()
  const counts = new Map<string, RolloutCount>()
  const losses = new Map<string, number | null>()
  const answeredFirst = [...rows].sort(
    (a, b) => Number(a.variant === 'shadow') - Number(b.variant === 'shadow'),
  )
  for (const row of answeredFirst) {
    const { layout, layoutSha256, ...rule } = scoredBy(row)
    const label = toLabel(rule.task, row.label)
    const loss = rowLoss(rule, row, label)
    if (row.variant !== 'shadow') losses.set(row.predictionId, loss)
    const pair = row.variant === 'shadow' ? lossOfAnswer(losses, row) : null
    const pairLoss = loss === null || pair === null ? null : loss - pair
    const { before, answerLoss: _, decision: __, probabilities: ___, ...known } = row
    effects.rows.push({ ...known, label, loss, pairLoss })
    if (before !== null) effects.revised++
    else if (row.variant !== 'shadow') addDelay(effects.delays, row)
    if (layout && layoutSha256 !== null) addCells(windows, { ...row, label, loss, layout, layoutSha256 })
    const arm = armOf(row)
    if (arm !== null) addCount(counts, { ...row, variant: arm }, 'loss', before?.loss ?? null, loss)
    if (arm === 'shadow') addCount(counts, row, 'pair_loss_diff', before?.pairLoss ?? null, pairLoss)
  }
  effects.windows.push(...windows.values())
  effects.counts.push(
    ...[...counts.values()].filter(({ n, sum, sumSq }) => n !== 0 || sum !== 0 || sumSq !== 0),
  )
  return effects
}

function lossOfAnswer(
  losses: ReadonlyMap<string, number | null>,
  { answeredId, answerLoss }: LabelledRow,
): number | null {
  const loss = losses.get(answeredId)
  return loss === undefined ? answerLoss : loss
}

function addDelay(delays: LabelEffects['delays'], { deployment, timeMs, labelTimeMs }: LabelledRow): void {
  const dayMs = timeMs - (timeMs % DAY_MS)
  const key = `${deployment}/${dayMs}`
  const known = delays.get(key) ?? { deployment, dayMs, counts: emptyDelays() }
  delays.set(key, known)
  known.counts[delayBin(labelTimeMs - timeMs)]! += 1
}

function addCells(
  windows: Map<string, WindowAddition>,
  row: LabelledRow & { loss: number | null; layout: ProfileLayout; layoutSha256: string },
): void {
  const { deployment, version, variant, layout, layoutSha256, before } = row
  const hourMs = row.timeMs - (row.timeMs % HOUR_MS)
  const key = [deployment, version, variant, layoutSha256, hourMs].join('/')
  const window = windows.get(key) ?? {
    deployment,
    version,
    variant,
    hourMs,
    layoutSha256,
    layout,
    profile: emptyProfile(layout),
    labelSum: 0,
    lossSum: 0,
  }
  windows.set(key, window)
  const cell = binIndex(layout.scoreBins, row.score)
  if (before && before.label !== null) {
    observeLabel(layout, window.profile, cell, before.label, -1)
    window.labelSum -= numeric(before.label)
    window.lossSum -= before.loss ?? 0
  }
  if (row.label === null) return
  observeLabel(layout, window.profile, cell, row.label)
  window.labelSum += numeric(row.label)
  window.lossSum += row.loss ?? 0
}

function numeric(label: number | string): number {
  return typeof label === 'number' ? label : 0
}

function addCount(
  counts: Map<string, RolloutCount>,
  row: LabelledRow,
  metric: string,
  before: number | null,
  now: number | null,
): void {
  const { rolloutId, stage, variant, generation, gatewayId } = row
  if (rolloutId === null || stage === null) return
  const second = Math.floor(row.timeMs / HOUR_MS) * 3600
  const key = [rolloutId, generation, stage, variant, metric, gatewayId, second].join('/')
  const known = counts.get(key) ?? {
    rolloutId,
    generation,
    stage,
    variant,
    metric,
    gatewayId,
    second,
    n: 0,
    sum: 0,
    sumSq: 0,
  }
  counts.set(key, known)
  for (const [value, sign] of [
    [before, -1],
    [now, 1],
  ] as const) {
    if (value === null) continue
    known.n += sign
    known.sum += sign * value
    known.sumSq += sign * value * value
  }
}
