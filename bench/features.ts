/**
 * Online features beside Feast's own Python feature server (`feast serve`, one worker): the same request by HTTP, `POST /get-online-features`
 * for 1, 10 and 100 entities × 50 features (5 views × 10), on SQLite and on Redis. The two take turns; each server is a process of its own.
 *
 *     node bin/dev.mjs bench/features.ts [--entities 100000] [--rounds 3] [--seconds 2] [--clients 8]
 *       [--stores sqlite,redis] [--peer off] [--json FILE] [--docs]
 *
 * One client measures latency, `--clients` of them throughput. `--docs` writes the table into docs/reference/features.md.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { codeVersion } from '../src/governance/code-version.ts'
import { childrenOf } from '../test/crash/processes.ts'
import { OwnRedis } from '../test/online-stores.ts'
import type { ServerProcess } from '../test/server-process.ts'
import { bodyOf, postBytes, RawClient } from './features/raw-client.ts'
import { ensureFeast, startFeast, startGatewayProcess } from './features/servers.ts'
import { featureNames } from './features/values.ts'
import { drive, type Measured } from './tracking/measure.ts'
import { machine } from './tracking/report.ts'

const DOCS = fileURLToPath(new URL('../docs/reference/features.md', import.meta.url))
const DOCS_BLOCK = /(<!-- bench\/features -->\n)[^]*?(<!-- end -->)/
const BATCHES = [1, 10, 100]
const REQUESTS = 500
/** Until both run what they have compiled. */
const WARM_MS = 2_000
/** Of Linux. */
const TICK_US = 10_000

const { values: options } = parseArgs({
  options: {
    entities: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    clients: { type: 'string', default: '8' },
    stores: { type: 'string', default: 'sqlite,redis' },
    peer: { type: 'string', default: 'on' },
    json: { type: 'string' },
    docs: { type: 'boolean', default: false },
  },
})
const entities = Number(options.entities)
const clients = Number(options.clients)
const feastVersion = options.peer === 'off' ? undefined : ensureFeast()
const eventMs = Date.now() - 3_600_000
const folder = mkdtempSync(join(tmpdir(), 'tidemill-bench-'))

const HEADER = [
  'store',
  'entities',
  'Tidemill p50',
  'p99',
  'per second',
  'Feast p50',
  'p99',
  'per second',
  'p99 ratio',
  'throughput ratio',
  'processor time',
  'of Feast',
  'ratio',
]

interface Figures {
  p50Ms: number
  p99Ms: number
  perSecond: number
  /** Processor time of the server for each request: steady where the machine is not. */
  cpuUs: number
}

interface Line {
  store: string
  batch: number
  tidemill: Figures
  feast: Figures | undefined
}

const lines: Line[] = []
try {
  for (const store of options.stores.split(',')) lines.push(...(await measureOn(store)))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
const text = markdown()
process.stdout.write(`\n${text}\n`)
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(lines, undefined, 2)}\n`)
if (options.docs) {
  writeFileSync(
    DOCS,
    readFileSync(DOCS, 'utf8').replace(DOCS_BLOCK, (_, begin, end) => `${begin}\n${text}\n\n${end}`),
  )
}

async function measureOn(store: string): Promise<Line[]> {
  await using redis = store === 'redis' ? await OwnRedis.start() : undefined
  const place = (name: string) => {
    const own = join(folder, `${store}-${name}`)
    mkdirSync(own)
    return { folder: own, redisUrl: redis?.url.replace(/\/0$/, ''), entities, eventMs }
  }
  process.stdout.write(`${store}: filling ${entities} entities\n`)
  await using tidemill = await startGatewayProcess(place('tidemill'))
  await using feast = feastVersion === undefined ? undefined : await startFeast(place('feast'))
  const measured: Line[] = []
  for (const batch of BATCHES) {
    if (feast) await compareAnswers(batch, tidemill, feast)
    const line = await measureBatch(store, batch, tidemill, feast)
    measured.push(line)
    process.stdout.write(`${cells(line).join('  ')}\n`)
  }
  return measured
}

async function measureBatch(
  store: string,
  batch: number,
  tidemill: ServerProcess,
  feast: ServerProcess | undefined,
): Promise<Line> {
  const collected = [tidemill, feast].map(
    (server) => server && { server, alone: empty(), many: empty(), cpuUs: 0 },
  )
  for (const each of collected) if (each) await load(each.server.url, batch, clients, WARM_MS)
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const each of collected) {
      if (!each) continue
      const before = cpuUs(each.server.pid)
      add(each.alone, await load(each.server.url, batch, 1, Number(options.seconds) * 1000))
      add(each.many, await load(each.server.url, batch, clients, Number(options.seconds) * 1000))
      each.cpuUs += cpuUs(each.server.pid) - before
    }
  }
  const [ours, theirs] = collected.map((each) => each && figuresOf(each))
  return { store, batch, tidemill: ours!, feast: theirs }
}

/** Of a process and all that it has started. */
function cpuUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  return childrenOf(pid).reduce((sum, child) => sum + cpuUs(child), ticks * TICK_US)
}

type Load = Pick<Measured, 'takenMs' | 'elapsedMs'>

function empty(): Load {
  return { takenMs: [], elapsedMs: 0 }
}

function add(to: Load, more: Load): void {
  to.takenMs.push(...more.takenMs)
  to.elapsedMs += more.elapsedMs
}

function figuresOf({ alone, many, cpuUs }: { alone: Load; many: Load; cpuUs: number }): Figures {
  const sorted = alone.takenMs.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1]!
  const requests = sorted.length + many.takenMs.length
  return {
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    perSecond: many.takenMs.length / (many.elapsedMs / 1000),
    cpuUs: cpuUs / requests,
  }
}

async function load(url: string, batch: number, count: number, forMs: number): Promise<Load> {
  const requests = Array.from({ length: REQUESTS }, () =>
    postBytes(url, '/get-online-features', request(batch)),
  )
  const open = Array.from({ length: count }, () => new RawClient(url))
  let next = 0
  try {
    return await drive(count, forMs, (client) => open[client]!.send(requests[next++ % REQUESTS]!))
  } finally {
    for (const client of open) client[Symbol.dispose]()
  }
}

function request(batch: number): unknown {
  const customer = Array.from({ length: batch }, () => Math.floor(Math.random() * entities))
  return { features: featureNames, entities: { customer } }
}

interface Answer {
  metadata: { feature_names: string[] }
  results: { values: unknown[]; statuses: string[] }[]
}

/** Both must say the same of the same entities, one of which is unknown: of that the value alone, since Feast on Redis calls it PRESENT. */
async function compareAnswers(batch: number, ...servers: ServerProcess[]): Promise<void> {
  const customer = [...Array.from({ length: batch }, (_, i) => (i * 7919) % entities), entities + 1]
  const answers = await Promise.all(
    servers.map(async ({ url }) => {
      using client = new RawClient(url)
      const body = { features: featureNames, entities: { customer } }
      const answer = JSON.parse(
        bodyOf(await client.send(postBytes(url, '/get-online-features', body))),
      ) as Answer
      const columns = answer.metadata.feature_names.map((name, index) => {
        const { values, statuses } = answer.results[index]!
        return [name, values.map((value, row) => (row < batch ? [value, statuses[row]] : [value]))] as const
      })
      return JSON.stringify(columns.toSorted(([a], [b]) => (a < b ? -1 : 1)))
    }),
  )
  if (answers[0] !== answers[1])
    throw new Error(`The answers differ:\n${answers.map((answer) => answer.slice(0, 600)).join('\n')}`)
}

function markdown(): string {
  const peer = feastVersion === undefined ? '' : `, Feast ${feastVersion} (\`feast serve\`, one worker)`
  const head = `${new Date().toISOString().slice(0, 10)}, Tidemill ${codeVersion}${peer}; ${entities.toLocaleString('en')} entities × 50 features in 5 views; p50 and p99 of one client, requests a second of ${clients}; ${machine()}.`
  const rows = [HEADER, HEADER.map(() => '---'), ...lines.map(cells)]
  return `${head}\n\n${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}`
}

function cells({ store, batch, tidemill, feast }: Line): string[] {
  const figures = (of: Figures | undefined): string[] =>
    of === undefined
      ? ['', '', '']
      : [
          `${of.p50Ms.toFixed(2)} ms`,
          `${of.p99Ms.toFixed(2)} ms`,
          Math.round(of.perSecond).toLocaleString('en'),
        ]
  const ratio = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(1))
  return [
    store === 'sqlite' ? 'SQLite' : 'Redis',
    String(batch),
    ...figures(tidemill),
    ...figures(feast),
    ratio(feast && feast.p99Ms / tidemill.p99Ms),
    ratio(feast && tidemill.perSecond / feast.perSecond),
    `${Math.round(tidemill.cpuUs)} µs`,
    feast === undefined ? '' : `${Math.round(feast.cpuUs)} µs`,
    ratio(feast && feast.cpuUs / tidemill.cpuUs),
  ]
}
