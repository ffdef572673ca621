/**
 * The point-in-time join beside Feast's local offline store (file source, in this machine's memory): a spine joined with the rows of feature
 * views, each side in a process of its own, one after the other in one run; the values of both are compared.
 *
 *     node bin/dev.mjs bench/point-in-time.ts [--rows 1000000] [--spine 100000] [--keys 100000] [--features 5] [--views 1]
 *       [--peer off] [--json FILE] [--docs]
 *
 * `--rows 10000000 --spine 1000000` is the size of the target. Ours reads the spine from Parquet and writes the set to Parquet, by the one
 * thread that equal bytes need; Feast is given the spine as a data frame and returns one, with all cores. Neither is counted in Feast's time.
 * `--docs` writes the table into docs/reference/features.md.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { dataset } from '../src/data/definition.ts'
import { entity, featureService, featureView, resolveService } from '../src/features/definition.ts'
import { buildTrainingSet } from '../src/point-in-time/point-in-time.ts'
import { quoteLiteral } from '../src/ports/analytics/analytics.ts'
import { openDuckDb } from '../src/ports/analytics/duckdb.ts'
import { files } from '../src/sources/definition.ts'
import { ensureFeast } from './features/servers.ts'
import { machine } from './tracking/report.ts'

const PEER = fileURLToPath(new URL('features/point-in-time-peer.py', import.meta.url))
const PYTHON = fileURLToPath(new URL('../.venv/feast/bin/python', import.meta.url))
const DOCS = fileURLToPath(new URL('../docs/reference/features.md', import.meta.url))
const DOCS_BLOCK = /(<!-- bench\/point-in-time -->\n)[^]*?(<!-- end -->)/
const DAYS = 90
const TTL_DAYS = 7

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    spine: { type: 'string', default: '100000' },
    keys: { type: 'string', default: '100000' },
    features: { type: 'string', default: '5' },
    views: { type: 'string', default: '1' },
    peer: { type: 'string', default: 'on' },
    json: { type: 'string' },
    docs: { type: 'boolean', default: false },
    /** Of the process that measures our side. */
    folder: { type: 'string' },
  },
})
const views = Number(options.views)
const features = Number(options.features)

interface Measured {
  seconds: number
  peakMb: number
}

const featureName = (view: number, feature: number): string => `v${view}_f${feature}`

/** Feature rows and spine as Parquet: keys and moments at random over ninety days, a created time at most an hour later. */
async function writeData(folder: string): Promise<void> {
  await using analytics = openDuckDb()
  await using session = await analytics.session({ threads: 1 })
  await session.execute('SELECT setseed(0.42)')
  const moment = `TIMESTAMP '2001-01-01' + to_microseconds(CAST(random() * ${DAYS * 86_400_000} AS BIGINT) * 1000)`
  const key = `CAST(random() * ${options.keys} AS BIGINT)`
  for (let view = 0; view < views; view++) {
    const columns = Array.from({ length: features }, (_, index) => `random() AS ${featureName(view, index)}`)
    await session.execute(
      `COPY (SELECT ${key} AS driver_id, ${moment} AS event_timestamp, ${columns.join(', ')} FROM range(${options.rows})) TO ${quoteLiteral(join(folder, `view${view}.parquet`))} (FORMAT parquet, COMPRESSION zstd)`,
    )
  }
  await session.execute(
    `COPY (SELECT range AS id, ${key} AS driver_id, ${moment} AS event_timestamp FROM range(${options.spine})) TO ${quoteLiteral(join(folder, 'spine.parquet'))} (FORMAT parquet, COMPRESSION zstd)`,
  )
}

async function measureOwn(folder: string): Promise<Measured> {
  const driver = entity('driver', { key: 'driver_id' })
  const datasets = Array.from({ length: views }, (_, view) =>
    dataset(`view${view}`, { source: files('*.parquet'), time: 'event_timestamp' }),
  )
  const declared = datasets.map((each, view) =>
    featureView(`driver_stats_${view}`, {
      entity: driver,
      dataset: each,
      sql: 'SELECT * FROM dataset',
      eventTime: 'event_timestamp',
      ttl: `${TTL_DAYS}d`,
      features: Object.fromEntries(
        Array.from({ length: features }, (_, index) => [featureName(view, index), 'number'] as const),
      ),
    }),
  )
  const service = featureService('bench', declared)
  const definitions = { entities: [driver], views: declared, onDemand: [], services: [service] }
  const scanOf = (view: number): string =>
    `SELECT * FROM ${quoteLiteral(join(folder, `view${view}.parquet`))}`
  const plan = {
    spec: resolveService(service, definitions, datasets),
    spine: { parquet: [join(folder, 'spine.parquet')] },
    eventTime: 'event_timestamp',
    datasets: Object.fromEntries(
      datasets.map(({ name }, view) => [name, { scan: scanOf(view), time: 'event_timestamp' }]),
    ),
    withAges: false,
  }
  await using analytics = openDuckDb()
  const start = performance.now()
  await buildTrainingSet(analytics, plan, { snapshotDirectory: folder, target: join(folder, 'own.parquet') })
  return { seconds: (performance.now() - start) / 1000, peakMb: process.resourceUsage().maxRSS / 1024 }
}

async function countDifferent(folder: string): Promise<number> {
  await using analytics = openDuckDb()
  const names = Array.from({ length: views }, (_, view) =>
    Array.from({ length: features }, (_, index) => featureName(view, index)),
  ).flat()
  const list = (table: string): string => names.map((name) => `${table}.${name}`).join(', ')
  const [row] = await analytics.query(`
    SELECT count(*) AS n FROM ${quoteLiteral(join(folder, 'own.parquet'))} a FULL JOIN ${quoteLiteral(join(folder, 'peer.parquet'))} b USING (id)
    WHERE (${list('a')}) IS DISTINCT FROM (${list('b')})`)
  return Number(row!['n'])
}

function runOwn(folder: string): Measured {
  const argv = ['--features', options.features, '--views', options.views, '--folder', folder]
  const told = execFileSync(process.execPath, [fileURLToPath(import.meta.url), ...argv], { encoding: 'utf8' })
  return JSON.parse(told) as Measured
}

function runPeer(folder: string): Measured {
  const argv = [PEER, folder, options.views, options.features, String(TTL_DAYS)]
  const told = execFileSync(PYTHON, argv, {
    encoding: 'utf8',
    env: { ...process.env, FEAST_USAGE: 'False' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(told.trim().split('\n').at(-1)!) as Measured
}

function line(name: string, { seconds, peakMb }: Measured): string {
  return `  ${name.padEnd(14)} ${seconds.toFixed(1).padStart(7)} s   ${Math.round(peakMb).toLocaleString('en').padStart(7)} MB at most`
}

function writeDocs(feast: string, own: Measured, peer: Measured): void {
  const count = (text: string): string => Number(text).toLocaleString('en')
  const row = (name: string, { seconds, peakMb }: Measured): string =>
    `| ${name} | ${seconds.toFixed(1)} s | ${Math.round(peakMb).toLocaleString('en')} MB |`
  const text = [
    `${new Date().toISOString().slice(0, 10)}; ${count(options.spine)} rows joined with ${views} × ${count(options.rows)} rows of ${count(options.keys)} keys, ${features} features each; ${machine()}.`,
    '',
    '| | time | memory at most |',
    '| --- | --- | --- |',
    row('Tidemill', own),
    row(`Feast ${feast}, local offline store`, peer),
    `| ratio | ${(peer.seconds / own.seconds).toFixed(1)} | ${(peer.peakMb / own.peakMb).toFixed(1)} |`,
  ].join('\n')
  const page = readFileSync(DOCS, 'utf8')
  writeFileSync(
    DOCS,
    page.replace(DOCS_BLOCK, (_, begin, end) => `${begin}\n${text}\n\n${end}`),
  )
}

async function compare(): Promise<void> {
  const feast = options.peer === 'off' ? undefined : ensureFeast()
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-bench-'))
  try {
    await writeData(folder)
    const count = (text: string): string => Number(text).toLocaleString('en')
    console.log(
      `${count(options.spine)} rows joined with ${views} × ${count(options.rows)} rows of ${count(options.keys)} keys, ${features} features each; ${machine()}`,
    )
    const own = runOwn(folder)
    console.log(line('Tidemill', own))
    if (feast === undefined || !existsSync(PYTHON)) return
    const peer = runPeer(folder)
    console.log(line(`Feast ${feast}`, peer))
    const different = await countDifferent(folder)
    console.log(
      `  × ${(peer.seconds / own.seconds).toFixed(1)} in time, × ${(peer.peakMb / own.peakMb).toFixed(1)} in memory; ${different} rows differ`,
    )
    if (options.docs) writeDocs(feast, own, peer)
    if (options.json) writeFileSync(options.json, JSON.stringify({ ...options, feast, own, peer, different }))
    if (different > 0) process.exitCode = 1
  } finally {
    rmSync(folder, { recursive: true })
  }
}

if (options.folder === undefined) await compare()
else console.log(JSON.stringify(await measureOwn(options.folder)))
