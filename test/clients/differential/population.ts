import { post, type Case } from './cases.ts'

/** Texts that are hard to compare: case, wildcards, quotes, numbers as text, letters beyond ASCII, white space, nothing. */
export const TEXTS = [
  '',
  'a',
  'A',
  'ab',
  'Ab_c',
  'a%c',
  'a_c',
  'abc',
  'ABC',
  '10',
  '9',
  '1e3',
  '-1',
  ' a',
  'a ',
  'a b',
  'a-b',
  'a.b',
  'a*b',
  'a?b',
  '[a]',
  'a\\b',
  'a"b',
  'é',
  'É',
  '日本',
  '🌊',
  'true',
  'null',
] as const

export const NUMBERS = [
  0, 1, -1, 0.5, 0.25, 0.30000000000000004, 0.3, 1e-10, -1e-3, 1e6, 1e21, 123456789.125, 9007199254740991,
] as const
const SPECIAL = ['NaN', 'Infinity', '-Infinity'] as const

export const METRICS = ['auc', 'loss', 'with space', 'a.b', 'val/acc'] as const
export const PARAMS = ['depth', 'Depth', 'p q', 'x.y'] as const
export const TAGS = ['stage', 'note', 'a.b/c d'] as const
export const USERS = ['ada', 'Bob', 'eve%'] as const
export const STATUSES = ['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'] as const
export const CONTEXTS = ['training', 'eval', 'Eval'] as const
export const DATASETS = ['train', 'Train', 't_st', 'été'] as const
export const DIGESTS = ['d1', 'D1', 'd_2'] as const

export const RUNS = 60

export const startOf = (index: number): number => 1000 + 10 * (index % 7 === 0 ? index - (index % 14) : index)

/** A number that depends on its arguments alone. */
function mixed(index: number, salt: number): number {
  let mix = Math.imul(index + 1, 2654435761) ^ Math.imul(salt + 7, 2246822519)
  mix = Math.imul(mix ^ (mix >>> 15), 3266489917)
  return (mix ^ (mix >>> 13)) >>> 0
}

function pick<Item>(items: readonly Item[], index: number, salt: number): Item {
  return items[mixed(index, salt) % items.length]!
}

function some<Item>(
  keys: readonly string[],
  index: number,
  salt: number,
  make: (key: string, at: number) => Item,
): Item[] {
  return keys.flatMap((key, at) => (mixed(index, salt + at) % 3 === 0 ? [] : [make(key, salt + 50 + at)]))
}

const pairs = (keys: readonly string[], index: number, salt: number) =>
  some(keys, index, salt, (key, at) => ({ key, value: pick(TEXTS, index, at) }))

function runCases(index: number): Case[] {
  const id = `run${index}`
  const metrics = some(METRICS, index, 100, (key, at) => [
    { key, value: pick([...NUMBERS, ...SPECIAL], index, at), timestamp: 5, step: mixed(index, at) % 3 },
    {
      key,
      value: pick([...NUMBERS, ...SPECIAL], index, at + 1),
      timestamp: 5,
      step: mixed(index, at + 1) % 3,
    },
  ]).flat()
  const datasets = some(['0', '1'], index, 200, (_, at) => ({
    tags: [{ key: 'mlflow.data.context', value: pick(CONTEXTS, index, at) }],
    dataset: {
      name: pick(DATASETS, index, at + 1),
      digest: pick(DIGESTS, index, at + 2),
      source_type: 'local',
      source: '{}',
    },
  }))
  const name = pick(TEXTS, index, 1)
  const cases = [
    post(
      '/runs/create',
      {
        experiment_id: '${population}',
        run_name: name === '' ? `run ${index}` : name,
        user_id: pick(USERS, index, 2),
        start_time: startOf(index),
        tags: pairs(TAGS, index, 300),
      },
      { save: { [id]: 'run.info.run_id' } },
    ),
    post('/runs/log-batch', { run_id: `\${${id}}`, metrics, params: pairs(PARAMS, index, 400) }),
  ]
  if (datasets.length > 0) cases.push(post('/runs/log-inputs', { run_id: `\${${id}}`, datasets }))
  const status = pick(STATUSES, index, 3)
  if (status !== 'RUNNING')
    cases.push(
      post('/runs/update', {
        run_id: `\${${id}}`,
        status,
        ...(index % 4 !== 0 && { end_time: startOf(index) + pick([5, 50, 500], index, 4) }),
      }),
    )
  if (index % 11 === 5) cases.push(post('/runs/delete', { run_id: `\${${id}}` }))
  return cases
}

/** Runs that every random search looks at; they are told apart by when they started. */
export const population: Case[] = [
  post('/experiments/create', { name: 'population' }, { save: { population: 'experiment_id' } }),
  ...Array.from({ length: RUNS }, (_, index) => runCases(index)).flat(),
]
