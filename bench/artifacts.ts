/**
 * Large artifacts beside a real `mlflow server --serve-artifacts`: one file up and down through the artifact API, in turns, on SQLite, while another
 * client logs metrics. Each server is a process of its own.
 *
 *     node bin/dev.mjs bench/artifacts.ts [--megabytes 1024] [--rounds 3] [--peer off] [--docs]
 *
 * `--docs` writes the table into docs/reference/tracking.md.
 */
import { randomBytes } from 'node:crypto'
import { createReadStream, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { codeVersion } from '../src/governance/code-version.ts'
import { HttpClient } from './tracking/http-client.ts'
import { figuresOf, type Measured } from './tracking/measure.ts'
import { logMetrics } from './tracking/parts.ts'
import { machine, table, type Line } from './tracking/report.ts'
import { ensureMlflow, type ServerName } from './tracking/servers.ts'
import { Stand } from './tracking/stand.ts'

const DOCS = fileURLToPath(new URL('../docs/reference/tracking.md', import.meta.url))
const DOCS_BLOCK = /(<!-- bench\/artifacts -->\n)[^]*?(<!-- end -->)/
const SAMPLE_MS = 50

const { values: options } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '3' },
    peer: { type: 'string', default: 'on' },
    docs: { type: 'boolean', default: false },
  },
})
const sizeBytes = Number(options.megabytes) * 2 ** 20
const peer = options.peer === 'off' ? undefined : ensureMlflow()
await using stand = await Stand.open(peer ? ['tidemill', 'mlflow'] : ['tidemill'], undefined, {
  runs: 2,
  points: 1,
})
const file = join(stand.folder, 'large')
for (let at = 0; at < sizeBytes; at += 2 ** 20) writeFileSync(file, randomBytes(2 ** 20), { flag: 'a' })

const measured = new Map<string, Map<ServerName, Measured>>()
for (let round = 0; round < Number(options.rounds); round++)
  for (const name of stand.names) await measureRound(name, round)
const lines = [...measured].map(([title, servers]): Line => {
  const figures = [...servers].map(([name, of]) => [name, figuresOf(of)] as const)
  return { title, unit: title.includes('memory') ? 'MB' : 'ms', servers: Object.fromEntries(figures) }
})
const head = `${new Date().toISOString().slice(0, 10)}, Tidemill ${codeVersion}${peer ? `, mlflow server ${peer.version} with one worker` : ''}; a file of ${options.megabytes} MB; ${machine()}.`
const text = `${head}\n\n${table(lines)}`
process.stdout.write(`\n${text}\n`)
if (options.docs) {
  const page = readFileSync(DOCS, 'utf8')
  writeFileSync(
    DOCS,
    page.replace(DOCS_BLOCK, (_, begin, end) => `${begin}\n${text}\n\n${end}`),
  )
}

async function measureRound(name: ServerName, round: number): Promise<void> {
  const server = stand.server(name)
  const address = `${server.url}/api/2.0/mlflow-artifacts/artifacts/0/large/artifacts/${round}`
  using http = new HttpClient(server.url)
  const log = await logMetrics(http, 1)
  let peakMb = 0
  const sampler = setInterval(() => (peakMb = Math.max(peakMb, server.residentMb())), SAMPLE_MS)
  for (const [title, work] of [
    ['upload', () => send(address, `round ${round}`)],
    ['download', () => receive(address)],
  ] as const) {
    const alone = performance.now()
    await work()
    keep(name, title, [performance.now() - alone])
    const took: number[] = []
    const over = new AbortController()
    const start = performance.now()
    const done = work().finally(() => over.abort())
    while (!over.signal.aborted) {
      const before = performance.now()
      await log(0)
      took.push(performance.now() - before)
    }
    await done
    keep(name, `${title}, beside a client that logs`, [performance.now() - start])
    keep(name, `  log-metric, beside the ${title}`, took)
  }
  clearInterval(sampler)
  keep(name, 'resident memory, its peak', [peakMb])
}

function keep(name: ServerName, title: string, takenMs: readonly number[]): void {
  const servers = measured.get(title) ?? new Map<ServerName, Measured>()
  measured.set(title, servers)
  const of = servers.get(name) ?? { takenMs: [], elapsedMs: 0, size: 1, timedOut: false }
  servers.set(name, of)
  of.takenMs.push(...takenMs)
  of.elapsedMs += takenMs.reduce((sum, ms) => sum + ms, 0)
}

/** The text makes each round's file another one. */
function send(address: string, first: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-length': sizeBytes + Buffer.byteLength(first) }
    const sent = request(address, { method: 'PUT', headers }, (response) => {
      response.resume().on('end', () => settle(response.statusCode, resolve, reject))
    })
    sent.on('error', reject)
    sent.write(first)
    createReadStream(file, { highWaterMark: 2 ** 20 }).pipe(sent)
  })
}

function receive(address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request(address, (response) => {
      response.resume().on('end', () => settle(response.statusCode, resolve, reject))
    })
    asked.on('error', reject)
    asked.end()
  })
}

function settle(status: number | undefined, resolve: () => void, reject: (error: Error) => void): void {
  if (status === 200) resolve()
  else reject(new Error(`The server answered ${status}`))
}
