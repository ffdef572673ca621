import { seededRandom } from './random.ts'
import type { Column, FeatureSpec, Frame, Task } from './schema.ts'

/** Frames for tests: made-up data with numbers, categories and missing values whose labels depend on all of them. */
export interface Sample {
  readonly frame: Frame
  readonly target: Float64Array
  readonly features: readonly FeatureSpec[]
}

const SAMPLE_FEATURES: readonly FeatureSpec[] = [
  { name: 'income', kind: 'number' },
  { name: 'age', kind: 'number' },
  { name: 'city', kind: 'category' },
  { name: 'plan', kind: 'category' },
]

const CITIES = Array.from({ length: 40 }, (_, i) => `Città ${i} 🏙`)

/** `cities` from `firstCity` on: frames with other ranges have categories that the others never saw. */
export function sampleFrame(task: Task, rows: number, seed: number, firstCity = 0): Sample {
  const random = seededRandom(seed)
  const cities = CITIES.slice(firstCity, firstCity + 30)
  const income = Float64Array.from({ length: rows }, () =>
    random() < 0.1 ? Number.NaN : 1e5 * random() ** 3,
  )
  const age = Float64Array.from({ length: rows }, () =>
    random() < 0.02 ? Number.NaN : Math.floor(90 * random()),
  )
  const city = Int32Array.from({ length: rows }, () =>
    random() < 0.05 ? -1 : Math.floor(random() ** 2 * cities.length),
  )
  const plan = Int32Array.from({ length: rows }, () => Math.floor(random() * 3))
  const signal = (row: number) =>
    (Number.isNaN(income[row]!) ? 1 : Math.sin(income[row]! / 2e4)) +
    (age[row]! > 40 ? 0.7 : -0.4) * (plan[row] === 1 ? 1 : -1) +
    (((firstCity + city[row]!) * 7) % 5) / 2 -
    1 +
    random() -
    0.5
  const target = Float64Array.from({ length: rows }, (_, row) => toLabel(task, signal(row)))
  const columns: Record<string, Column> = {
    income: { kind: 'number', values: income },
    age: { kind: 'number', values: age },
    city: { kind: 'category', codes: city, categories: cities },
    plan: { kind: 'category', codes: plan, categories: ['basic', '', 'gold'] },
  }
  return { frame: { rows, columns }, target, features: SAMPLE_FEATURES }
}

function toLabel(task: Task, signal: number): number {
  if (task === 'regression') return 1000 + 250 * signal
  if (task === 'binary') return signal > 0 ? 1 : 0
  return signal > 0.7 ? 2 : signal > -0.5 ? 1 : 0
}

export function numberFrame(columns: Readonly<Record<string, ArrayLike<number>>>): Frame {
  const entries = Object.entries(columns).map(([name, values]): [string, Column] => [
    name,
    { kind: 'number', values: Float64Array.from(values) },
  ])
  return { rows: Object.values(columns)[0]!.length, columns: Object.fromEntries(entries) }
}
