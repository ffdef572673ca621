import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DAY_MS } from '../kernel/time-spans.ts'
import { quoteIdentifier } from '../ports/analytics/analytics.ts'
import type { OwnTable } from './own-table.ts'

/** Of the dataset, the model, the deployment and the monitor. */
export interface OwnNames {
  dataset: string
  model: string
}

export const PIPELINE = 'train'
/** The file does not tell when a label became known. */
export const LABEL_DELAY_MS = DAY_MS

export function namesOf({ target }: OwnTable): OwnNames {
  const slug = target.name
    .replaceAll(/[^A-Za-z0-9_-]+/g, '-')
    .replaceAll(/^[^A-Za-z]+|-+$/g, '')
    .slice(0, 60)
  return { dataset: 'history', model: slug || 'target' }
}

/** Days that are held back to compare models on: a fifth of the history, at most 14. */
function holdoutDays({ historyDays }: OwnTable): number {
  return Math.max(1, Math.min(14, Math.floor(historyDays / 5)))
}

/** Writes a project for a person's own table. It is theirs to go on from. Returns its files. */
export async function writeOwnProject(folder: string, table: OwnTable): Promise<string[]> {
  const files = {
    'data.ts': dataModule(table),
    'features.ts': featuresModule(table),
    'pipelines/train.ts': trainModule(table),
    'tidemill.config.ts': configModule(table),
    'package.json': `${JSON.stringify({ name: 'own-data', private: true, type: 'module' }, undefined, 2)}\n`,
  }
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  return Object.keys(files)
}

const text = (value: unknown): string => JSON.stringify(value)

function dataModule(table: OwnTable): string {
  return `import { dataset, files, notNull, rowCount } from 'tidemill'

export const history = dataset(${text(namesOf(table).dataset)}, {
  source: files('feed/*.parquet'),
  time: ${text(table.time)},
  expect: [notNull(${text(table.time)}), notNull(${text(table.target.name)}), rowCount({ min: 1 })],
})
`
}

function featuresModule({ features }: OwnTable): string {
  const kinds = features.map(({ name, kind }) => `    ${text(name)}: '${kind}',`).join('\n')
  return `import { featureService, requestFeatures } from 'tidemill'

/** What a request tells; the same columns train the model. */
export const ownFeatures = featureService('own_features', [
  requestFeatures({
${kinds}
  }),
])
`
}

function trainModule(table: OwnTable): string {
  const { target, time, historyRows } = table
  const { model } = namesOf(table)
  const loss = target.task === 'binary' ? 'log_loss' : 'mse'
  const trees = {
    trees: 60,
    leaves: 15,
    minRowsInLeaf: Math.max(5, Math.min(200, Math.round(historyRows / 100))),
  }
  return `import { degraded, drift, evaluate, pipeline, referenceProfile, split, train, trainingSet } from 'tidemill'
import { history } from '../data.ts'
import { ownFeatures } from '../features.ts'

const task = '${target.task}'
const asked = { service: ownFeatures, time: ${text(time)}, label: ${text(quoteIdentifier(target.name))} }
const learners = [
  { learner: 'logistic', params: {} },
  { learner: 'trees', params: ${text(trees)} },
] as const

export const trainOwn = pipeline(
  '${PIPELINE}',
  { on: [drift(${text(model)}, { coolDown: '14d' }), degraded(${text(model)}, { coolDown: '14d' })] },
  async ({ latest, champion, register, deploy }) => {
    const days = split({ data: latest(history), time: ${text(time)}, holdoutDays: ${holdoutDays(table)} })
    const past = trainingSet({ data: days.train, ...asked })
    const holdout = trainingSet({ data: days.test, ...asked })
    const sets = { train: past.table, test: holdout.table, facts: past.facts, task } as const
    const baseline = train({ ...sets, learner: 'prior' }).model
    const stable = await champion(${text(model)})
    const tries = learners.map(({ learner, params }) => {
      const { model, training } = train({ ...sets, learner, params })
      const beside = { champion: stable?.model, baseline }
      return { model, training, ...evaluate({ model, test: holdout.table, facts: past.facts, task, ...beside }) }
    })
    const losses = await Promise.all(tries.map(async ({ metrics }) => (await metrics)['${loss}']!))
    const { model, training, evaluation } = tries[losses.indexOf(Math.min(...losses))]!
    const { profile } = referenceProfile({ model, table: past.table, facts: past.facts, task })
    register(${text(model)}, model, { challenger: true, facts: { set: past.facts, training, evaluation, profile } })
    deploy(${text(model)}, model)
  },
)
`
}

function configModule(table: OwnTable): string {
  const { target, rows, firstMs, lastMs } = table
  const { model } = namesOf(table)
  const isBinary = target.task === 'binary'
  const gates = isBinary
    ? `[beatsBaseline(), gain({ metric: 'log_loss' }), noLeak()]`
    : `[beatsBaseline(), gain({ metric: 'mse' })]`
  const rowsOfDay = rows / Math.max(1, (lastMs - firstMs) / DAY_MS)
  const minRows = Math.max(30, Math.min(200, Math.round(rowsOfDay / 2)))
  const imports = [
    'beatsBaseline',
    'deployment',
    'gain',
    'model',
    'monitor',
    ...(isBinary ? ['noLeak'] : []),
    'project',
  ]
  return `import { ${imports.join(', ')} } from 'tidemill'
import { history } from './data.ts'
import { ownFeatures } from './features.ts'
import { trainOwn } from './pipelines/train.ts'

const own = model(${text(model)}, { task: '${target.task}', gates: ${gates} })
const ownDeployment = deployment(${text(model)}, { model: own, label: { horizonMs: ${LABEL_DELAY_MS} } })
const ownMonitor = monitor(${text(model)}, { deployment: ownDeployment, minRows: ${minRows} })

export default project('own-data', {
  datasets: [history],
  services: [ownFeatures],
  models: [own],
  pipelines: [trainOwn],
  deployments: [ownDeployment],
  monitors: [ownMonitor],
})
`
}
