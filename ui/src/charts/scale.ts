import { scaleLinear, scaleUtc } from 'd3-scale'
import { clockOf, dayOf } from '../format.ts'

export interface Box {
  left: number
  right: number
  top: number
  bottom: number
}

export type Scale = (value: number) => number

export interface TimeAxis {
  at: Scale
  invert: (px: number) => number
  ticks: { px: number; text: string }[]
}

export function timeAxis(fromMs: number, toMs: number, left: number, right: number): TimeAxis {
  const scale = scaleUtc([fromMs, Math.max(toMs, fromMs + 1)], [left, right])
  const wanted = Math.max(2, Math.min(8, Math.floor((right - left) / 90)))
  const daily = toMs - fromMs > 2 * 86_400_000
  const all = scale.ticks(wanted)
  const kept = daily ? all.filter((date) => date.getUTCHours() === 0) : all
  return {
    at: (ms) => scale(ms),
    invert: (px) => scale.invert(px).getTime(),
    ticks: kept.map((date) => {
      const ms = date.getTime()
      return {
        px: scale(date),
        text: daily || date.getUTCHours() + date.getUTCMinutes() === 0 ? dayOf(ms) : clockOf(ms),
      }
    }),
  }
}

export interface ValueAxis {
  at: Scale
  ticks: { px: number; value: number }[]
  domain: [number, number]
}

export function valueAxis(
  values: readonly number[],
  bottom: number,
  top: number,
  options: { zero?: boolean; count?: number } = {},
): ValueAxis {
  const finite = values.filter((value) => Number.isFinite(value))
  const low = options.zero ? Math.min(0, ...finite) : Math.min(...finite)
  const high = Math.max(...finite)
  const pad = high === low ? Math.abs(high) * 0.1 || 1 : 0
  const scale = scaleLinear([low - (options.zero ? 0 : pad), high + pad], [bottom, top]).nice(
    options.count ?? 4,
  )
  const [from = 0, to = 1] = scale.domain()
  return {
    at: (value) => scale(value),
    ticks: scale.ticks(options.count ?? 4).map((value) => ({ px: scale(value), value })),
    domain: [from, to],
  }
}
