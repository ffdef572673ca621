import type { AlertEvent } from '../kernel/events.ts'
import type { MonitorDefinition } from './definition.ts'

export interface Monitor {
  id: string
  projectId: string
  name: string
  deployment: string
  definition: MonitorDefinition
}

export type AlertKind = AlertEvent['kind']

export interface Alert {
  id: string
  projectId: string
  deployment: string
  monitor: string
  kind: AlertKind
  /** What the alert is about within its kind: `base_rate`, `ranking`, `drift`, or a violation such as `stale:airport_delays`. */
  subject: string
  state: 'open' | 'cleared'
  blocksTraining: boolean
  sentence: string
  causes: readonly AlertCause[]
  windowMs: number
  decisionId: string
  raisedMs: number
  clearedMs: number | null
  clearedSentence: string | null
}

export interface AlertCause {
  name: string
  sentence: string
  weight: number
}

/** What is judged together: days by their labels, days by features and scores, hours by their feeds. */
export const judgedParts = ['labels', 'drift', 'feeds'] as const
export type JudgedPart = (typeof judgedParts)[number]

export type WindowVerdict = 'out' | 'watch' | 'calm' | 'not_judged'

/** The latest judgement of one window by one watch of a monitor. */
export interface Judgement {
  deployment: string
  /** `<monitor>/<watch>`, such as `late/base_rate`. */
  monitor: string
  startMs: number
  revision: number
  verdict: WindowVerdict
  numbers: Record<string, unknown>
}

/** The key and the totals of a window, without its profile. */
export interface WindowTotals {
  deployment: string
  version: number
  variant: string
  startMs: number
  rows: number
  labelled: number
  labelSum: number
  lossSum: number
  revision: number
  layoutSha256: string
}

export interface ProfileWindow extends WindowTotals {
  profile: Uint8Array
}
