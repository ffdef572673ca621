// One-row inference through the gateway (raw features, log on) against a bare node:http handler that parses the same request
// and answers the same JSON:
//   node bin/dev.mjs bench/gateway.ts [seconds for each run]
// The load comes from a process of its own. The two take turns; the ratio of each turn is one repeat.
import { execFile, fork, type ChildProcess } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const REPEATS = 5
const CONNECTIONS = 64
const SECONDS = Number(process.argv[2] ?? 4)
const PATH = '/v2/models/late/infer'
const BODY = JSON.stringify({
  inputs: [
    { name: 'hour', shape: [1, 1], datatype: 'FP32', data: [17] },
    { name: 'weekday', shape: [1, 1], datatype: 'FP32', data: [5] },
    { name: 'distance', shape: [1, 1], datatype: 'FP32', data: [731] },
  ],
})

interface Ready {
  port: number
  model?: { executor: string; maxBatch: number; rowUs: number }
}

interface Load {
  requests: { average: number; total: number }
  latency: { p50: number; p99: number; average: number }
  non2xx: number
  errors: number
}

const cannon = createRequire(import.meta.url).resolve('autocannon')

interface Target {
  child: ChildProcess
  ready: Ready
}

async function start(kind: string): Promise<Target> {
  const child = fork(fileURLToPath(new URL('gateway-process.ts', import.meta.url)), [kind], {
    execArgv: [
      '--disable-warning=ExperimentalWarning',
      ...(process.env['BENCH_PROFILE'] === kind ? ['--cpu-prof'] : []),
    ],
  })
  const ready = await new Promise<Ready>((resolve, reject) => {
    child.once('message', (message) => resolve(message as Ready))
    child.once('exit', (code) => reject(new Error(`${kind} ended with ${code}`)))
  })
  return { child, ready }
}

async function load(port: number, connections: number, seconds: number): Promise<Load> {
  const url = `http://127.0.0.1:${port}${PATH}`
  const options = [
    '-c',
    String(connections),
    '-d',
    String(seconds),
    '-m',
    'POST',
    '-H',
    'content-type=application/json',
    '-b',
    BODY,
    '-j',
    '-n',
  ]
  const { stdout } = await promisify(execFile)(process.execPath, [cannon, ...options, url], {
    maxBuffer: 1 << 26,
  })
  const result = JSON.parse(stdout) as Load
  if (result.non2xx + result.errors > 0)
    throw new Error(`${result.non2xx} answers were no 2xx, ${result.errors} failed`)
  return result
}

/** A load, and the processor time that the server took for each request: steady where the machine is not. */
async function measure(
  { child, ready }: Target,
  connections: number,
  seconds: number,
): Promise<Load & { cpuUs: number }> {
  const before = await cpuOf(child)
  const result = await load(ready.port, connections, seconds)
  return { ...result, cpuUs: ((await cpuOf(child)) - before) / result.requests.total }
}

function cpuOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('message', (message) => resolve((message as { cpuUs: number }).cpuUs))
    child.send('cpu')
  })
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

const gateway = await start('gateway')
const bare = await start('bare')
console.log(`model: 100 trees, three numbers; ${JSON.stringify(gateway.ready.model)}`)
await load(gateway.ready.port, CONNECTIONS, 2)
await load(bare.ready.port, CONNECTIONS, 2)
const ratios: number[] = []
const costs: number[] = []
for (let repeat = 1; repeat <= REPEATS; repeat++) {
  const through = await measure(gateway, CONNECTIONS, SECONDS)
  const plain = await measure(bare, CONNECTIONS, SECONDS)
  const ratio = through.requests.average / plain.requests.average
  ratios.push(ratio)
  costs.push(plain.cpuUs / through.cpuUs)
  console.log(
    `${repeat}: gateway ${Math.round(through.requests.average)}/s (p50 ${through.latency.p50} ms, p99 ${through.latency.p99} ms, ` +
      `${through.cpuUs.toFixed(0)} µs CPU a request), bare ${Math.round(plain.requests.average)}/s (${plain.cpuUs.toFixed(0)} µs), ratio ${(100 * ratio).toFixed(0)} %`,
  )
}
const [one, oneBare] = [await load(gateway.ready.port, 1, SECONDS), await load(bare.ready.port, 1, SECONDS)]
const micros = (result: Load): string => `${Math.round(1e6 / result.requests.average)} µs`
console.log(`one connection: gateway ${micros(one)} a request, bare ${micros(oneBare)}`)
console.log(
  `median ratio of ${REPEATS}: ${(100 * median(ratios)).toFixed(0)} % (aim: at least 70 %); by processor time ${(100 * median(costs)).toFixed(0)} %`,
)
gateway.child.disconnect()
bare.child.disconnect()
