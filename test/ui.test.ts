import type { RunComparison } from '../src/comparing/schema.ts'
import { describe, expect, it } from 'vitest'
import { factsOfBytes, parseTable, previewKind } from '../ui/src/runs/artifact-content.ts'
import {
  axisOf,
  bestOf,
  dimensionsOf,
  labelsOf,
  paretoFront,
  readBrushes,
  valueAt,
  withinBrushes,
  writeBrushes,
} from '../ui/src/runs/compare-data.ts'
import type { LineageNode } from '../ui/src/lineage/answers.ts'
import { differencesOf, usedData } from '../ui/src/runs/compared-data.ts'
import { drawnPoints, groupKeys } from '../ui/src/runs/curve-points.ts'
import { layoutGraph } from '../ui/src/charts/graph-layout.ts'
import { smooth } from '../ui/src/charts/smoothing.ts'
import { wilson } from '../ui/src/deployments/traffic.ts'
import { decimal, duration, relative, share } from '../ui/src/format.ts'
import { pageOfMlflowAddress } from '../ui/src/mlflow-address.ts'

it('opens the page that an address of the UI of MLflow means', () => {
  expect(pageOfMlflowAddress('#/experiments/7/runs/abc')).toBe('/runs/abc')
  expect(pageOfMlflowAddress('#/experiments/7/runs/abc/artifacts/model?x=1')).toBe('/runs/abc')
  expect(pageOfMlflowAddress('#/experiments/7')).toBe('/runs?experiment=7')
  expect(pageOfMlflowAddress('#/experiments')).toBe('/runs')
  expect(pageOfMlflowAddress('#/models')).toBe('/models')
  expect(pageOfMlflowAddress('#/models/late')).toBe('/models/late')
  expect(pageOfMlflowAddress('#/models/a%20b/versions/3')).toBe('/models/a%20b/versions/3')
  expect(pageOfMlflowAddress('#/')).toBe('/')
  expect(pageOfMlflowAddress('')).toBeUndefined()
  expect(pageOfMlflowAddress('#heading')).toBeUndefined()
  expect(pageOfMlflowAddress('#/settings')).toBeUndefined()
})

describe('runs beside each other', () => {
  it('are called by their names, of one name by when they started, then by their ids', () => {
    const run = (id: string, name: string, minutes: number) => ({ id, name, startMs: minutes * 60_000 })
    expect(labelsOf([run('a1', 'train', 1), run('b2', 'evaluate', 2), run('c3', 'evaluate', 3)])).toEqual([
      'train',
      'evaluate 1 Jan 00:02:00',
      'evaluate 1 Jan 00:03:00',
    ])
    expect(labelsOf([run('a1', 'child', 5), run('b2', 'child', 5)])).toEqual(['child a1', 'child b2'])
  })

  it('have a best one only where two of them can be compared', () => {
    expect([...bestOf([0.6, null, 0.8, 'NaN'], false)]).toEqual([2])
    expect([...bestOf([0.6, null, 0.8], true)]).toEqual([0])
    expect([...bestOf([0.8, 0.8, 0.6], false)]).toEqual([0, 1])
    expect(bestOf([0.6, null], false).size).toBe(0)
    expect(bestOf([0.6, 0.6], false).size).toBe(0)
  })
})

it('tells which data runs rest on, and where two versions of one dataset are', () => {
  const node = (kind: LineageNode['kind'], href?: string): LineageNode => ({
    key: kind,
    kind,
    id: kind,
    title: kind,
    ...(href && { href }),
  })
  const used = usedData([
    node('run', '/runs/a'),
    node('dataset_version', '/datasets/flights?version=112'),
    node('dataset_version', '/datasets/a%20b?version=3'),
    node('code'),
  ])
  expect(used.map(({ name, version }) => [name, version])).toEqual([
    ['a b', 3],
    ['flights', 112],
  ])
  const other = usedData([node('dataset_version', '/datasets/flights?version=1')])
  expect(differencesOf([used, other])).toEqual([{ name: 'flights', from: 1, to: 112 }])
  expect(differencesOf([used, used])).toEqual([])
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

describe('previews of artifacts', () => {
  it('are chosen by the name alone', () => {
    expect(previewKind('model/MLmodel')).toBe('text')
    expect(previewKind('a.b/plot.PNG')).toBe('image')
    expect(previewKind('report.html')).toBe('page')
    expect(previewKind('model.pkl')).toBe('bytes')
    expect(previewKind('a.constructor')).toBe('bytes')
  })

  it('read quoted cells, and leave out a last line that was cut', () => {
    const text = 'a,b\n"x, ""y""",2\r\n3,\n"new\nline",5\n6,7'
    const rows = [
      ['a', 'b'],
      ['x, "y"', '2'],
      ['3', ''],
      ['new\nline', '5'],
    ]
    expect(parseTable(text, { complete: false, most: 100 })).toEqual(rows)
    expect(parseTable(text, { complete: true, most: 100 })).toEqual([...rows, ['6', '7']])
    expect(parseTable(text, { complete: true, most: 2 })).toHaveLength(2)
    expect(parseTable('a\tb\n1\t2\n', { complete: true, most: 9 })).toEqual([
      ['a', 'b'],
      ['1', '2'],
    ])
  })

  it('say of bytes what their first ones tell, and never open a pickle', () => {
    expect(factsOfBytes('m.pkl', new Uint8Array([0x80, 4, 0x95]))[1]![1]).toContain('runs code')
    const onnx = new Uint8Array([8, 9, 18, 4, ...new TextEncoder().encode('sklx'), 26, 3, 49, 46, 50, 58])
    expect(factsOfBytes('m.onnx', onnx)).toEqual([
      ['Kind', 'ONNX model'],
      ['ONNX format', '9'],
      ['Written by', 'sklx'],
      ['Its version', '1.2'],
    ])
    expect(factsOfBytes('x', new Uint8Array([1, 2]))).toEqual([['Kind', 'Bytes']])
  })
})

describe('curves of runs', () => {
  it('are grouped by the prefix of their names', () => {
    expect(groupKeys(['train/loss', 'auc', 'train/auc', 'val/x/y'])).toEqual([
      ['', ['auc']],
      ['train', ['train/loss', 'train/auc']],
      ['val/x', ['val/x/y']],
    ])
  })

  it('stand over steps, seconds since the start or the clock; a log axis leaves out what it cannot show', () => {
    const points: [number, number, number | null][] = [
      [0, 2000, 0.5],
      [1, 3000, null],
      [2, 4000, -1],
    ]
    const plain = { logX: false, logY: false }
    expect(drawnPoints(1000, points, { x: 'step', ...plain })).toMatchObject({ xs: [0, 2], ys: [0.5, -1] })
    expect(drawnPoints(1000, points, { x: 'relative', ...plain }).xs).toEqual([1, 3])
    expect(drawnPoints(1000, points, { x: 'time', ...plain }).xs).toEqual([2, 4])
    expect(drawnPoints(1000, points, { x: 'step', logX: true, logY: true }).xs).toEqual([])
  })
})

describe('comparison of runs', () => {
  const data: Pick<RunComparison, 'params' | 'metrics'> = {
    params: [
      { key: 'lr', differs: true, values: ['0.01', '1', null] },
      { key: 'learner', differs: true, values: ['trees', 'prior', 'trees'] },
      { key: 'seed', differs: false, values: ['7', '7', '7'] },
    ],
    metrics: [
      { key: 'auc', differs: true, values: [0.6, 'NaN', 0.7], lowerIsBetter: false, lastStep: 0, best: [2] },
      { key: 'system/cpu', differs: true, values: [1, 2, 3], lowerIsBetter: false, lastStep: 9, best: [2] },
    ],
  }

  it('has numbers as numbers, texts in their order, and leaves out what is the same', () => {
    const dimensions = dimensionsOf(data)
    expect(dimensions.map(({ id, numeric }) => [id, numeric])).toEqual([
      ['param:lr', true],
      ['param:learner', false],
      ['metric:auc', true],
    ])
    const [lr, learner, auc] = dimensions as [
      (typeof dimensions)[0],
      (typeof dimensions)[0],
      (typeof dimensions)[0],
    ]
    const log = axisOf(lr, { log: true })
    expect(log.at(0.1)).toBeCloseTo(0.5)
    expect(valueAt(log, 0.5)).toBeCloseTo(0.1)
    expect(log.at(0)).toBeUndefined()
    expect(axisOf(learner).at('prior')).toBe(0)
    expect(axisOf(auc).at(null)).toBeUndefined()
  })

  it('chooses what lies in all ranges, which are kept in the address', () => {
    const axes = dimensionsOf(data).map((dimension) => axisOf(dimension))
    const brushes = new Map<string, [number, number]>([
      ['metric:auc', [0.5, 1]],
      ['param:learner', [0.9, 1]],
    ])
    expect([0, 1, 2].map((index) => withinBrushes(axes, brushes, index))).toEqual([false, false, true])
    expect([...readBrushes(writeBrushes(brushes))]).toEqual([...brushes])
    expect([...readBrushes('nonsense,a~2~3,~')]).toEqual([])
  })

  it('finds what no other beats in both', () => {
    const points = [
      { x: 1, y: 1, index: 0 },
      { x: 2, y: 3, index: 1 },
      { x: 2, y: 2, index: 2 },
      { x: 3, y: 0, index: 3 },
      { x: 2, y: 3, index: 4 },
    ]
    expect(paretoFront(points, { x: true, y: false })).toEqual(new Set([0, 1, 4]))
    expect(paretoFront(points, { x: false, y: false })).toEqual(new Set([3, 1, 4]))
  })
})

it('draws every edge of a graph within its plane, those that pass above or below all nodes too', () => {
  const size = { width: 144, height: 48 }
  const steps: [id: string, ...inputs: string[]][] = [
    ['reports'],
    ['split', 'reports'],
    ['train set', 'split'],
    ['test set', 'split'],
    ['prior', 'train set', 'test set'],
    ['trees', 'train set', 'test set'],
    ['profile', 'prior', 'trees', 'train set', 'test set'],
    ['evaluate', 'prior', 'trees', 'train set', 'test set'],
  ]
  const placed = layoutGraph(
    steps.map(([id, ...inputs]) => ({ id, inputs })),
    size,
  )
  const corners = placed.nodes.flatMap(({ x, y }) => [
    { x, y },
    { x: x + size.width, y: y + size.height },
  ])
  const points = [...corners, ...placed.edges.flatMap((edge) => edge.points)]
  expect(Math.min(...points.map(({ x }) => x), ...points.map(({ y }) => y))).toBe(2)
  expect(Math.max(...points.map(({ x }) => x))).toBe(placed.width - 2)
  expect(Math.max(...points.map(({ y }) => y))).toBe(placed.height - 2)
  expect(placed.edges).toHaveLength(15)
  expect(layoutGraph([], size)).toMatchObject({ width: 0, height: 0 })
})
