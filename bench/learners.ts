// Trees and logistic regression against LightGBM on the same rows, features and params, one thread each:
//   node bin/dev.mjs bench/learners.ts
// The first run makes a virtual environment under .venv/ and installs LightGBM into it.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { train } from '../src/learners/learners.ts'
import type { TrainRequest } from '../src/learners/learners.ts'
import type { FeatureSpec, Frame } from '../src/learners/schema.ts'
import { rankAuc } from './auc.ts'
import { AIRPORTS, NUMBERS, readFlights } from './flights.ts'

type Labelled = { frame: Frame; target: Float64Array }
type Measured = { auc: number; logLoss: number; seconds: number }

const REPEATS = 5
const TREES = 100
const LEAVES = 31
const AUC_TOLERANCE = 0.003
const PYTHON = fileURLToPath(new URL('../.venv/learners/bin/python', import.meta.url))
const PEER = fileURLToPath(new URL('learners-peer.py', import.meta.url))

function installPeer(): void {
  if (existsSync(PYTHON)) return
  const folder = fileURLToPath(new URL('../.venv/learners', import.meta.url))
  execFileSync('python3', ['-m', 'venv', folder], { stdio: 'inherit' })
  execFileSync(PYTHON, ['-m', 'pip', 'install', '--quiet', 'lightgbm', 'numpy'], { stdio: 'inherit' })
}

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

function writePeer(folder: string, train: Labelled, test: Labelled, features: readonly FeatureSpec[]): void {
  writeColumns(join(folder, 'train.bin'), train.frame, train.frame, features)
  writeColumns(join(folder, 'test.bin'), test.frame, train.frame, features)
  writeFileSync(join(folder, 'train-target.bin'), train.target)
  writeFileSync(join(folder, 'test-target.bin'), test.target)
  const categories = features.flatMap(({ kind }, index) => (kind === 'category' ? [index] : []))
  const params = { num_leaves: LEAVES, learning_rate: 0.1, max_bin: 255 }
  writeFileSync(join(folder, 'peer.json'), JSON.stringify({ features, categories, params, trees: TREES }))
}

function runPeer(folder: string): Measured & { versions: string } {
  return JSON.parse(execFileSync(PYTHON, [PEER, folder], { encoding: 'utf8' })) as Measured & {
    versions: string
  }
}

function run(request: TrainRequest, test: Labelled): Measured {
  const start = performance.now()
  const model = train(request)
  const seconds = (performance.now() - start) / 1000
  const scores = model.predict(test.frame)
  const losses = scores.map((score, row) => -Math.log(test.target[row] === 1 ? score : 1 - score))
  const logLoss = losses.reduce((sum, loss) => sum + loss, 0) / losses.length
  return { auc: rankAuc(test.target, scores), logLoss, seconds }
}

function report(name: string, repeats: readonly Measured[]): void {
  const { auc, logLoss } = repeats[0]!
  const seconds = Math.min(...repeats.map(({ seconds }) => seconds))
  console.log(
    `  ${name.padEnd(20)} AUC ${auc.toFixed(4)}   log loss ${logLoss.toFixed(4)}   ${seconds.toFixed(2)} s`,
  )
}

/** Repeats of both sides take turns, so that a busy machine slows both. */
function compare(train: Labelled, test: Labelled, features: readonly FeatureSpec[]): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-bench-'))
  try {
    writePeer(folder, train, test, features)
    const request = { task: 'binary', ...train, features } as const
    const params = { trees: TREES, leaves: LEAVES }
    const logistic = run({ ...request, learner: 'logistic' }, test)
    const pairs = Array.from({ length: REPEATS }, () => ({
      own: run({ ...request, learner: 'trees', params }, test),
      peer: runPeer(folder),
    }))
    console.log(features.map(({ name }) => name).join(', '))
    report('Tidemill logistic', [logistic])
    report(
      'Tidemill trees',
      pairs.map(({ own }) => own),
    )
    report(
      'LightGBM',
      pairs.map(({ peer }) => peer),
    )
    const { own, peer } = pairs[0]!
    const isWithin = Math.abs(own.auc - peer.auc) <= AUC_TOLERANCE
    const ratios = pairs.map(({ own, peer }) => own.seconds / peer.seconds).sort((a, b) => a - b)
    const verdict = `${isWithin ? 'within' : 'NOT within'} ${AUC_TOLERANCE}`
    const time = `× ${ratios[REPEATS >> 1]!.toFixed(2)} (${ratios[0]!.toFixed(2)} to ${ratios.at(-1)!.toFixed(2)})`
    console.log(
      `  trees less LightGBM: AUC ${(own.auc - peer.auc).toFixed(4)}, ${verdict}; time ${time}   [${peer.versions}]`,
    )
    return isWithin
  } finally {
    rmSync(folder, { recursive: true })
  }
}

installPeer()
const january = await readFlights("date >= '2001-01-01' AND date < '2001-02-01'")
const february = await readFlights("date >= '2001-02-01' AND date < '2001-02-08'")
console.log(
  `Train: ${january.frame.rows} flights of January. Test: ${february.frame.rows} flights of 1 to 7 February.`,
)
console.log(
  `${TREES} trees of ${LEAVES} leaves, one thread; best time and median ratio of ${REPEATS} interleaved repeats.`,
)
console.log(`Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model}.`)
const verdicts = [NUMBERS, [...NUMBERS, ...AIRPORTS]].map((features) => compare(january, february, features))
process.exitCode = verdicts.every(Boolean) ? 0 : 1
