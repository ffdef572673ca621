import { describe, expect, it } from 'vitest'
import { smooth } from '../ui/src/charts/smoothing.ts'
import { wilson } from '../ui/src/deployments/traffic.ts'
import { decimal, duration, relative, share } from '../ui/src/format.ts'
import { parseFilterText } from '../ui/src/runs/filter-text.ts'

describe('the filter of runs', () => {
  it('becomes the tree that the server takes', () => {
    expect(
      parseFilterText("metrics.auc > 0.64 and params.learner = 'trees and more' and status = 'FINISHED'"),
    ).toEqual({
      and: [
        { field: 'metric', key: 'auc', operator: '>', value: 0.64 },
        { field: 'param', key: 'learner', operator: '=', value: 'trees and more' },
        { field: 'attribute', key: 'status', operator: '=', value: 'FINISHED' },
      ],
    })
  })

  it('takes names in backticks', () => {
    expect(parseFilterText('metrics.`val/auc (7 d)` >= 1')?.and[0]).toMatchObject({
      key: 'val/auc (7 d)',
      value: 1,
    })
  })

  it('is nothing when nothing is typed', () => {
    expect(parseFilterText('  ')).toBeUndefined()
  })

  it('says what would be right', () => {
    expect(() => parseFilterText('what?')).toThrow('Write metrics.<name>')
    expect(() => parseFilterText("metrics.auc > 'high'")).toThrow('compared with a number')
  })
})

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
