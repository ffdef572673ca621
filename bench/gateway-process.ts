// One server for bench/gateway.ts: `gateway` is a real one over trees on three features of the flights; `bare` parses the same
// request with node:http and answers the same JSON. Tells its port to its parent.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGateway } from '../src/gateway/gateway.ts'
import { ensureProject } from '../src/governance/governance.ts'
import { openContext } from '../src/http/open-context.ts'
import { configSchema } from '../src/kernel/config.ts'
import { train } from '../src/learners/learners.ts'
import { deploymentOf, publish, variantOf } from '../test/gateways.ts'
import { NUMBERS, readFlights } from './flights.ts'

const [kind = 'bare'] = process.argv.slice(2)
const stop = kind === 'gateway' ? await serveGateway() : await serveBare()
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send!({ cpuUs: user + system })
})
process.once('disconnect', () => void stop().then(() => process.exit(0)))

async function serveGateway(): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidemill-bench-'))
  const context = await openContext(configSchema.parse({ dataDir, logLevel: 'warn' }), 'server')
  await context.db.write((trx) => ensureProject(trx, { name: 'default', nowMs: Date.now() }))
  const { frame, target } = await readFlights("date < '2001-02-01'", 20)
  const model = train({
    learner: 'trees',
    task: 'binary',
    frame,
    target,
    features: NUMBERS,
    params: { trees: 100 },
  })
  const variant = await variantOf(context, { version: 1, bytes: model.toOnnx() })
  await publish(context, [deploymentOf(variant)])
  const gateway = await startGateway(context, { host: '127.0.0.1', port: 0 })
  const [live] = gateway.engine.deployments
  const { executor, sweep } = live!.stable.host.opened
  process.send!({
    port: gateway.port,
    model: { executor: executor.kind, maxBatch: sweep.maxBatch, rowUs: sweep.rowUs },
  })
  return async () => {
    const { batches, batchedRows } = gateway.engine.stats
    process.stderr.write(
      `  gateway: ${(batchedRows / batches).toFixed(1)} rows a batch, ${gateway.engine.log.lostRows} rows lost\n`,
    )
    await gateway[Symbol.asyncDispose]()
    await context[Symbol.asyncDispose]()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function serveBare(): Promise<() => Promise<void>> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { inputs: { data: number[] }[] }
      const score = 1 / (1 + Math.exp(-body.inputs[0]!.data[0]! / 24))
      const answer = JSON.stringify({
        model_name: 'late',
        model_version: '1',
        parameters: {
          prediction_id: '018bcfe5-6800-7340-ae09-bd7e2192a576',
          request_id: '018bcfe5-6800-7340-ae09-bd7e2192a576',
          variant: 'stable',
          version: 1,
          decision: 'false',
        },
        outputs: [
          { name: 'label', datatype: 'INT64', shape: [1], data: [0] },
          { name: 'probabilities', datatype: 'FP32', shape: [1, 2], data: [1 - score, score] },
        ],
      })
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(answer),
      })
      response.end(answer)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  process.send!({ port: (server.address() as AddressInfo).port })
  return async () => {
    server.closeAllConnections()
    server.close()
  }
}
