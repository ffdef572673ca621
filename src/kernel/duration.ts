import { z } from 'zod'

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

export type Duration = `${number}${keyof typeof UNIT_MS}`

/** A duration in milliseconds, written as a number and a unit: `500ms`, `30s`, `10m`, `6h`, `7d`. */
export const durationMs = z
  .string()
  .regex(/^\d+(?:\.\d+)?(?:ms|s|m|h|d)$/, 'write a number and a unit: ms, s, m, h or d, as in 10m')
  .transform((text) => {
    const unit = /[a-z]+$/.exec(text)![0] as keyof typeof UNIT_MS
    return Number(text.slice(0, -unit.length)) * UNIT_MS[unit]
  })
