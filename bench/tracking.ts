/**
 * Tracking beside a real `mlflow server`: the same work for both in turns, by raw HTTP and by MLflow's Python client, on SQLite and, when
 * DB_POSTGRES_URL names a server, on PostgreSQL. Each server is a process of its own.
 *
 *     node bin/dev.mjs bench/tracking.ts [--runs 100000] [--points 1000000] [--rounds 3] [--seconds 1]
 *       [--databases sqlite,postgres] [--only start,log-metric,search,…] [--peer off] [--json FILE] [--docs]
 *
 * `--docs` writes the table into docs/reference/tracking.md.
 */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { codeVersion } from '../src/governance/code-version.ts'
import { syncedWrites } from './tracking/disk.ts'
import { PAGE_RUN } from './tracking/fill.ts'
import { HttpClient, REQUEST_LIMIT_MS, TimedOut } from './tracking/http-client.ts'
import { drive, figuresOf, type Measured } from './tracking/measure.ts'
import { logMetrics, PARTS, type Part } from './tracking/parts.ts'
import { lineText, machine, markdown, type Line, type Report } from './tracking/report.ts'
import { ensureMlflow, type ServerName } from './tracking/servers.ts'
import { Stand } from './tracking/stand.ts'

const DOCS = fileURLToPath(new URL('../docs/reference/tracking.md', import.meta.url))
const DOCS_BLOCK = /(<!-- bench\/tracking -->\n)[^]*?(<!-- end -->)/
const STARTS = 3
/** The servers have been at work for a while when they are measured: what they run for the first time takes longer. */
const WARM_UP_MS = 500
/** Before each part, so that they meet the same hours of the machine. */
const SYNCED_WRITES = 50

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    points: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '1' },
    databases: { type: 'string', default: process.env['DB_POSTGRES_URL'] ? 'sqlite,postgres' : 'sqlite' },
    only: { type: 'string' },
    peer: { type: 'string', default: 'on' },
    json: { type: 'string' },
    docs: { type: 'boolean', default: false },
  },
})
const rounds = Number(options.rounds)
const roundMs = Number(options.seconds) * 1000
const only = options.only?.split(',')
const wanted = (name: string): boolean => only === undefined || only.includes(name)
const peer = options.peer === 'off' ? undefined : ensureMlflow()
const names: readonly ServerName[] = peer ? ['tidemill', 'mlflow'] : ['tidemill']

const report: Report = {
  date: new Date().toISOString().slice(0, 10),
  machine: machine(),
  tidemill: codeVersion,
  mlflow: peer?.version,
  runs: Number(options.runs),
  points: Number(options.points),
  databases: [],
}
for (const database of options.databases.split(',')) report.databases.push(await measureOn(database))
const text = markdown(report)
process.stdout.write(`\n${text}\n`)
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, undefined, 2)}\n`)
if (options.docs) {
  writeFileSync(
    DOCS,
    readFileSync(DOCS, 'utf8').replace(DOCS_BLOCK, (_, begin, end) => `${begin}\n${text}\n\n${end}`),
  )
}

async function measureOn(database: string): Promise<Report['databases'][number]> {
  const postgresUrl = database === 'postgres' ? process.env['DB_POSTGRES_URL'] : undefined
  if (database === 'postgres' && postgresUrl === undefined) throw new Error('DB_POSTGRES_URL names no server')
  process.stdout.write(`\n${database}: filling ${report.runs} runs\n`)
  const lines: Line[] = []
  const add = (line: Line): void => {
    lines.push(line)
    process.stdout.write(`${lineText(line)}\n`)
  }
  await using stand = await Stand.open(names, postgresUrl, report)
  if (wanted('start')) add(await measureStarts(stand))
  add(residentLine(stand, 'resident memory, idle'))
  const disk = empty()
  for (const part of PARTS.filter(({ name }) => wanted(name))) {
    disk.takenMs.push(...syncedWrites(stand.folder, SYNCED_WRITES))
    for (const line of await measurePart(stand, part)) add(line)
  }
  if (peer && wanted('python')) for (const line of await measurePython(stand, peer.python)) add(line)
  add(residentLine(stand, 'resident memory, after the load'))
  return { name: postgresUrl === undefined ? 'SQLite' : 'PostgreSQL', lines, disk: figuresOf(disk) }
}

function empty(size = 1): Measured {
  return { takenMs: [], elapsedMs: 0, size, timedOut: false }
}

function toLine(title: string, measured: ReadonlyMap<ServerName, Measured>, unit: Line['unit'] = 'ms'): Line {
  const servers = [...measured].map(([name, of]) => [name, figuresOf(of)] as const)
  return { title, unit, servers: Object.fromEntries(servers) }
}

async function measureStarts(stand: Stand): Promise<Line> {
  const measured = new Map<ServerName, Measured>()
  for (const name of stand.names) {
    const of = empty()
    for (let start = 0; start < STARTS; start++) of.takenMs.push((await stand.restart(name)).startMs)
    of.elapsedMs = of.takenMs.reduce((sum, ms) => sum + ms, 0)
    measured.set(name, of)
  }
  return toLine('start, until /health answers', measured)
}

function residentLine(stand: Stand, title: string): Line {
  const measured = stand.names.map((name) => {
    const takenMs = [stand.server(name).residentMb()]
    return [name, { ...empty(), takenMs }] as const
  })
  return toLine(title, new Map(measured), 'MB')
}

/** The servers take turns, round by round, so that both meet the same hours of the machine. */
async function measurePart(stand: Stand, part: Part): Promise<Line[]> {
  const measured = new Map(stand.names.map((name) => [name, empty(part.size)]))
  const written = new Map(stand.names.map((name) => [name, empty()]))
  for (let round = 0; round < (part.once ? 1 : rounds); round++) {
    for (const name of stand.names) {
      const of = measured.get(name)!
      if (of.timedOut) continue
      using http = new HttpClient(stand.server(name).url)
      try {
        await measureRound(http, part, of, written.get(name)!)
      } catch (error) {
        if (!(error instanceof TimedOut)) throw error
        Object.assign(of, { takenMs: [REQUEST_LIMIT_MS], elapsedMs: REQUEST_LIMIT_MS, timedOut: true })
        await stand.restart(name)
      }
    }
  }
  const line = toLine(part.title, measured)
  return part.writers === undefined ? [line] : [line, toLine('  log-metric of those 8 writers', written)]
}

async function measureRound(http: HttpClient, part: Part, of: Measured, written: Measured): Promise<void> {
  const piece = await part.prepare(http, part.clients)
  await drive(part.clients, part.once ? 0 : WARM_UP_MS, piece)
  const write = part.writers && (await logMetrics(http, part.writers))
  const [done, wrote] = await Promise.all([
    drive(part.clients, part.once ? 0 : roundMs, piece),
    write && drive(part.writers!, roundMs, write),
  ])
  of.takenMs.push(...done.takenMs)
  of.elapsedMs += done.elapsedMs
  if (!wrote) return
  written.takenMs.push(...wrote.takenMs)
  written.elapsedMs += wrote.elapsedMs
}

async function measurePython(stand: Stand, python: string): Promise<Line[]> {
  const urls = stand.names.map((name) => `${name}=${stand.server(name).url}`)
  const script = fileURLToPath(new URL('tracking/client.py', import.meta.url))
  const args = [script, options.rounds, options.seconds, PAGE_RUN, ...urls]
  const { stdout } = await promisify(execFile)(python, args, { maxBuffer: 2 ** 28 })
  const taken = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, Record<ServerName, number[]>>
  return Object.entries(taken).map(([title, servers]) => {
    const size = title.includes('1,000 metrics') ? 1000 : 1
    const measured = stand.names.map((name) => {
      const takenMs = servers[name]
      return [name, { ...empty(size), takenMs, elapsedMs: takenMs.reduce((sum, ms) => sum + ms, 0) }] as const
    })
    return toLine(`Python client: ${title}`, new Map(measured))
  })
}
