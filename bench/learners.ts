// Trees and logistic regression against LightGBM on the same rows, features and params, one thread each:
//   node bin/dev.mjs bench/learners.ts
// The first run makes a virtual environment under .venv/ and installs LightGBM into it.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { train } from '../src/learners/learners.ts'
import type { TrainedModel, TrainRequest } from '../src/learners/learners.ts'
import type { FeatureSpec, Frame } from '../src/learners/schema.ts'
import { rankAuc } from './auc.ts'
import { AIRPORTS, NUMBERS, readFlights } from './flights.ts'

type Labelled = { frame: Frame; target: Float64Array }

const REPEATS = 3
const TREES = 100
const LEAVES = 31
const AUC_TOLERANCE = 0.003
const PYTHON = fileURLToPath(new URL('../.venv/learners/bin/python', import.meta.url))

/** Raw little-endian float64, column after column; categories as codes of the training frame, unseen ones missing. */
function writeColumns(path: string, frame: Frame, train: Frame, features: readonly FeatureSpec[]): void {
  const columns = features.map(({ name }) => {
    const column = frame.columns[name]!
    if (column.kind === 'number') return column.values
    const known = train.columns[name]!
    const places = new Map(
      known.kind === 'category' ? known.categories.map((text, code) => [text, code]) : [],
    )
    return Float64Array.from(column.codes, (code) => places.get(column.categories[code] ?? '') ?? Number.NaN)
  })
  writeFileSync(path, Buffer.concat(columns.map(({ buffer }) => new Uint8Array(buffer))))
}

function peer(train: Labelled, test: Labelled, features: readonly FeatureSpec[]) {
  if (!existsSync(PYTHON)) {
    const folder = fileURLToPath(new URL('../.venv/learners', import.meta.url))
    execFileSync('python3', ['-m', 'venv', folder], { stdio: 'inherit' })
    execFileSync(PYTHON, ['-m', 'pip', 'install', '--quiet', 'lightgbm', 'numpy'], { stdio: 'inherit' })
  }
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-bench-'))
  try {
    writeColumns(join(folder, 'train.bin'), train.frame, train.frame, features)
    writeColumns(join(folder, 'test.bin'), test.frame, train.frame, features)
    writeFileSync(join(folder, 'train-target.bin'), train.target)
    writeFileSync(join(folder, 'test-target.bin'), test.target)
    const categories = features.flatMap(({ kind }, index) => (kind === 'category' ? [index] : []))
    const params = { num_leaves: LEAVES, learning_rate: 0.1, max_bin: 255 }
    const task = { features, categories, params, trees: TREES, repeats: REPEATS }
    writeFileSync(join(folder, 'peer.json'), JSON.stringify(task))
    const script = fileURLToPath(new URL('learners-peer.py', import.meta.url))
    const output = execFileSync(PYTHON, [script, folder], { encoding: 'utf8' })
    return JSON.parse(output) as { auc: number; logLoss: number; seconds: number; versions: string }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function own(request: TrainRequest, test: Labelled) {
  let model: TrainedModel | undefined
  let seconds = Infinity
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const start = performance.now()
    model = train(request)
    seconds = Math.min(seconds, (performance.now() - start) / 1000)
  }
  const scores = model!.predict(test.frame)
  const losses = scores.map((score, row) => -Math.log(test.target[row] === 1 ? score : 1 - score))
  return {
    auc: rankAuc(test.target, scores),
    logLoss: losses.reduce((sum, loss) => sum + loss) / losses.length,
    seconds,
  }
}

function line(
  name: string,
  { auc, logLoss, seconds }: { auc: number; logLoss: number; seconds: number },
): string {
  return `  ${name.padEnd(20)} AUC ${auc.toFixed(4)}   log loss ${logLoss.toFixed(4)}   ${seconds.toFixed(2)} s`
}

const january = await readFlights("date >= '2001-01-01' AND date < '2001-02-01'")
const february = await readFlights("date >= '2001-02-01' AND date < '2001-02-08'")
console.log(
  `Flights: ${january.frame.rows} rows of January to train, ${february.frame.rows} of 1 to 7 February to test.`,
)
console.log(
  `${TREES} trees of ${LEAVES} leaves, one thread, best of ${REPEATS}; Node ${process.versions.node}, ${cpus()[0]?.model}.`,
)
let failed = false
for (const features of [NUMBERS, [...NUMBERS, ...AIRPORTS]]) {
  console.log(features.map(({ name }) => name).join(', '))
  const request = { task: 'binary', ...january, features } as const
  const logistic = own({ ...request, learner: 'logistic' }, february)
  const trees = own({ ...request, learner: 'trees', params: { trees: TREES, leaves: LEAVES } }, february)
  const theirs = peer(january, february, features)
  console.log(line('Tidemill logistic', logistic))
  console.log(line('Tidemill trees', trees))
  console.log(line('LightGBM', theirs))
  const difference = trees.auc - theirs.auc
  const verdict = Math.abs(difference) <= AUC_TOLERANCE ? 'within' : 'NOT within'
  failed ||= verdict !== 'within'
  console.log(
    `  trees against LightGBM: AUC ${difference.toFixed(4)} (${verdict} ${AUC_TOLERANCE}), time × ${(trees.seconds / theirs.seconds).toFixed(2)}   [${theirs.versions}]`,
  )
}
process.exitCode = failed ? 1 : 0
