import { describe, expect, it } from 'vitest'
import { smooth } from '../ui/src/charts/smoothing.ts'
import { wilson } from '../ui/src/deployments/traffic.ts'
import { decimal, duration, relative, share } from '../ui/src/format.ts'

describe('smoothing', () => {
  const xs = Array.from({ length: 50 }, (_, index) => index)

  it('keeps a constant and does not start at zero', () => {
    for (const value of smooth(
      xs,
      xs.map(() => 3),
      0.99,
    ))
      expect(value).toBeCloseTo(3)
  })

  it('leaves the raw line at weight zero', () => {
    const ys = xs.map((x) => Math.sin(x))
    expect(smooth(xs, ys, 0)).toEqual(ys)
  })

  it('stays within the range of its values', () => {
    const ys = xs.map((x) => (x % 2 === 0 ? 0 : 1))
    for (const value of smooth(xs, ys, 0.9)) expect(value >= 0 && value <= 1).toBe(true)
  })
})

describe('numbers as people read them', () => {
  it('has an interval of some width without any error', () => {
    expect(wilson(0, 100)).toMatchObject({ value: 0, lower: 0 })
    expect(wilson(0, 100).upper).toBeGreaterThan(0.03)
  })

  it('writes a true minus, thin shares and whole units', () => {
    expect(decimal(-0.0031)).toBe('−0.003')
    expect(share(0.91)).toBe('91\u202f%')
    expect(duration(600_000)).toBe('10 min')
    expect(duration(592_000)).toBe('9 min 52 s')
    expect(relative(0, 180_000)).toBe('3 min ago')
  })
})
