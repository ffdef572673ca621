import { scaleLinear, scaleUtc } from 'd3-scale'
import { clockOf, dayOf } from '../format.ts'

export type Scale = (value: number) => number

export interface TimeAxis {
  at: Scale
  invert: (px: number) => number
  ticks: { px: number; text: string }[]
}

export function timeAxis(fromMs: number, toMs: number, left: number, right: number): TimeAxis {
  const scale = scaleUtc([fromMs, Math.max(toMs, fromMs + 1)], [left, right])
  const daily = toMs - fromMs > 2 * day
  const kept = daily
    ? daysBetween(fromMs, toMs, Math.floor((right - left) / 60))
    : scale.ticks(Math.max(2, Math.floor((right - left) / 90)))
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

const day = 86_400_000

function daysBetween(fromMs: number, toMs: number, most: number): Date[] {
  const every = Math.max(1, Math.ceil((toMs - fromMs) / day / Math.max(2, most)))
  const dates: Date[] = []
  for (let ms = Math.ceil(fromMs / day) * day; ms <= toMs; ms += every * day) dates.push(new Date(ms))
  return dates
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
  options: { zero?: boolean; count?: number; duration?: boolean } = {},
): ValueAxis {
  const finite = values.filter((value) => Number.isFinite(value))
  const low = options.zero ? Math.min(0, ...finite) : Math.min(...finite)
  const high = Math.max(...finite)
  const pad = high === low ? Math.abs(high) * 0.1 || 1 : 0
  const scale = scaleLinear([low - (options.zero ? 0 : pad), high + pad], [bottom, top]).nice(
    options.count ?? 4,
  )
  const [from = 0, to = 1] = scale.domain()
  const wanted = options.count ?? 4
  const ticks = options.duration ? durationTicks(to, wanted) : scale.ticks(wanted)
  return {
    at: (value) => scale(value),
    ticks: ticks.map((value) => ({ px: scale(value), value })),
    domain: [from, to],
  }
}

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const steps = [
  ...[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 15, 30].map((n) => n * second),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * minute),
  ...[1, 2, 3, 6, 12, 24, 48, 168].map((n) => n * hour),
]

/** Ticks of a length of time at round numbers of seconds, minutes or hours. */
export function durationTicks(wholeMs: number, wanted: number): number[] {
  const step = steps.find((one) => wholeMs / one <= wanted) ?? wholeMs
  return Array.from({ length: Math.floor(wholeMs / step) + 1 }, (_, index) => index * step)
}
