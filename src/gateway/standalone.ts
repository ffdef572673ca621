import { readFile, stat } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { codeVersion } from '../governance/code-version.ts'
import { isLoopback } from '../kernel/loopback.ts'
import { localOwner } from '../kernel/actor.ts'
import { systemClock } from '../kernel/clock.ts'
import { configSchema } from '../kernel/config.ts'
import { AppError, messageOf, toAppError } from '../kernel/errors.ts'
import { randomIds } from '../kernel/ids.ts'
import { sha256 } from '../kernel/json.ts'
import type { Artifacts } from '../ports/artifacts/artifacts.ts'
import type { OnlineStore } from '../ports/online/online.ts'
import {
  answerMlflowScoring,
  isMlflowScoring,
  mlflowScoringError,
} from '../protocols/mlflow-scoring/mlflow-scoring.ts'
import { OIP_PREFIX, oipError, OpenInference } from '../protocols/oip/oip.ts'
import type { DesiredDeployment } from '../serving/schema.ts'
import { jsonReply } from '../serving/serving.ts'
import { StandaloneEngine } from '../serving/standalone-engine.ts'
import { HttpServer, type Handler } from './http-server.ts'

export interface StandaloneServer extends AsyncDisposable {
  readonly name: string
  readonly port: number
}

interface Options {
  host: string
  port: number
  /** Asked of every call when it is given. */
  token: string | undefined
  /** Answer beyond loopback without a token. */
  open: boolean
  log: string | undefined
  python: string
}

/** Serves the packaged model in a folder over the Open Inference and the MLflow scoring protocol. */
export async function startStandalone(folder: string, options: Options): Promise<StandaloneServer> {
  const { host, port, token } = options
  if (!isLoopback(host) && token === undefined && !options.open) {
    throw new AppError(
      'invalid',
      `host is ${host}: beyond loopback set TOKEN, which callers send as \`Authorization: Bearer\`, or say --open`,
    )
  }
  const blobs = await readJson<Record<string, string>>(join(folder, 'blobs.json'))
  const deployment = await readJson<DesiredDeployment>(join(folder, 'deployment.json'))
  const config = configSchema.parse({
    dataDir: join(folder, 'data'),
    gatewayId: 'bundle',
    pythonModels: true,
    python: options.python,
  })
  const log = pino({ level: 'info' }, pino.destination(2))
  const context = {
    config,
    log,
    clock: systemClock,
    ids: randomIds,
    artifacts: bundledBlobs(folder, blobs),
    online: noStore,
  }
  await using started = new AsyncDisposableStack()
  const features = join(folder, 'features')
  const engine = started.use(
    await StandaloneEngine.open(context, { deployment, features, logFolder: options.log }),
  )
  const server = started.use(
    await HttpServer.listen(createHandler(engine, { token }), {
      host,
      port,
      portSetting: '--port',
      maxBodyBytes: config.maxBodyBytes,
      defaultProject: deployment.project,
    }),
  )
  const running = started.move()
  return { name: deployment.name, port: server.port, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

function createHandler(engine: StandaloneEngine, { token }: { token: string | undefined }): Handler {
  const server = { version: codeVersion }
  const oip = new OpenInference(engine, server)
  return {
    identify(_, headers) {
      if (token !== undefined && !isBearer(headers, token))
        throw new AppError('unauthenticated', 'Send the token of this server as `Authorization: Bearer …`')
      return localOwner
    },
    answer(call) {
      if (call.path.startsWith(OIP_PREFIX)) return oip.answer(call)
      if (isMlflowScoring(call)) return answerMlflowScoring(engine, server, call)
      if (call.method === 'GET' && call.path === '/health') return jsonReply(200, { status: 'ok' })
      throw new AppError('not_found', `There is no ${call.method} ${call.path} on this server`)
    },
    error(call, thrown) {
      const error = toAppError(thrown)
      return call.path.startsWith(OIP_PREFIX) ? oipError(error) : mlflowScoringError(error)
    },
  }
}

/** Compared as hashes, so that the time tells nothing. */
function isBearer({ authorization }: IncomingHttpHeaders, token: string): boolean {
  const given = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1]
  return given !== undefined && sha256(Buffer.from(given)) === sha256(Buffer.from(token))
}

function bundledBlobs(folder: string, places: Readonly<Record<string, string>>): Artifacts {
  const pathOf = (hash: string): string => join(folder, places[hash] ?? 'missing')
  const refuse = (): never => {
    throw new AppError('invalid', 'A packaged model keeps what it has')
  }
  return {
    bytes: (hash) => readFile(pathOf(hash)),
    localPath: (hash) => Promise.resolve(pathOf(hash)),
    has: (hash) =>
      stat(pathOf(hash)).then(
        () => true,
        () => false,
      ),
    put: refuse,
    putFile: refuse,
    putStream: refuse,
    deleteUnused: refuse,
  }
}

async function readJson<Value>(path: string): Promise<Value> {
  return JSON.parse(await readFile(path, 'utf8')) as Value
}

/** A package reads no feature views; `tidemill package` refuses models that do. */
const noStore = {} as OnlineStore

/** What `serve.mjs` starts: reads the arguments, serves until it is told to end. */
export async function runStandalone(folder: string, argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '8434' },
      log: { type: 'string' },
      open: { type: 'boolean', default: false },
      python: { type: 'string', default: 'python3' },
    },
  })
  const port = Number(values.port)
  if (!/^\d{1,5}$/.test(values.port) || port > 65_535)
    throw new AppError('invalid', `--port is "${values.port}": give a number from 0 to 65535`)
  const { host, log, open, python } = values
  const server = await startStandalone(folder, { host, port, log, open, python, token: process.env['TOKEN'] })
  process.stdout.write(`${server.name} is served on http://${host}:${server.port}\n`)
  const end = (): void => {
    server[Symbol.asyncDispose]().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${messageOf(error)}\n`)
        process.exit(1)
      },
    )
  }
  process.once('SIGTERM', end)
  process.once('SIGINT', end)
}
