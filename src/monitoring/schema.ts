import type { MonitorDefinition } from './definition.ts'
import type { AlertJson, MonitoringJson } from './overview-schema.ts'

export interface Monitor {
  id: string
  projectId: string
  name: string
  deployment: string
  definition: MonitorDefinition
}

export type AlertKind = AlertJson['kind']
export type AlertCause = AlertJson['causes'][number]

export interface Alert extends AlertJson {
  projectId: string
}

/** What is judged together: days by their labels, days by features and scores, hours by their feeds. */
export const judgedParts = ['labels', 'drift', 'feeds'] as const
export type JudgedPart = (typeof judgedParts)[number]

export type WindowVerdict = MonitoringJson['baseRate'][number]['verdict']

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
