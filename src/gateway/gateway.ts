import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { codeVersion } from '../governance/code-version.ts'
import { DEFAULT_PROJECT, requireSomeAdmin } from '../governance/governance.ts'
import type { Context } from '../http/context.ts'
import { AppError, toAppError } from '../kernel/errors.ts'
import { FeatureServer, feastError, isFeast } from '../protocols/feast/feast.ts'
import {
  answerMlflowScoring,
  isMlflowScoring,
  mlflowScoringError,
} from '../protocols/mlflow-scoring/mlflow-scoring.ts'
import { OIP_PREFIX, oipError, OpenInference } from '../protocols/oip/oip.ts'
import { unpackSnapshot } from '../ports/artifacts/unpack-snapshot.ts'
import { type GatewayCall, type GatewayReply } from '../serving/serving.ts'
import { ServingEngine, type ServingOptions } from '../serving/serving-engine.ts'
import { createAccess, isPublic } from './access.ts'
import { GatewayAuthenticator } from './authenticate.ts'
import { DesiredFollower } from './desired-follower.ts'
import { createForward } from './forward.ts'
import { HttpServer, type Handler } from './http-server.ts'
import { lockGateway } from './lock.ts'
import { gatewayMetrics } from './metrics.ts'
import { answerExternal, answerFeedback, answerFlush, answerHealth, nativeError } from './native-routes.ts'

export interface GatewayOptions {
  host: string
  port: number
  serving?: ServingOptions
}

export interface Gateway extends AsyncDisposable {
  readonly port: number
  readonly engine: ServingEngine
}

/** The process that answers predictions. Takes over what an earlier process of the same gateway left on disk. */
export async function startGateway(context: Context, options: GatewayOptions): Promise<Gateway> {
  const edge = { ...context.config, host: options.host }
  await requireSomeAdmin({ db: context.db, config: edge })
  // V8 guesses from the requests under way at a collection that their objects live long, and puts all later ones among the old:
  // young garbage hangs on old garbage then, and collecting it takes 40 times as long (25 ms instead of 0.6 ms, measured).
  setFlagsFromString('--no-allocation-site-pretenuring')
  const { config, log } = context
  await using started = new AsyncDisposableStack()
  started.use(lockGateway(config))
  const engine = started.use(
    new ServingEngine(context, { snapshotFolder: snapshotFolder(context), ...options.serving }),
  )
  const recovered = engine.spool.recover()
  let port = options.port
  const follower = started.use(new DesiredFollower(context, engine, () => `http://${options.host}:${port}`))
  await follower.start()
  const server = started.use(
    await HttpServer.listen(createHandler({ ...context, config: edge }, engine), {
      host: options.host,
      port: options.port,
      portSetting: '--gateway-port or TIDEMILL_GATEWAY_PORT',
      maxBodyBytes: config.maxBodyBytes,
      defaultProject: DEFAULT_PROJECT.name,
    }),
  )
  port = server.port
  await follower
    .announce()
    .catch((error: unknown) => log.warn({ err: error }, 'The gateway could not be announced'))
  log.debug({ port, generation: engine.generation, recovered }, 'gateway listens')
  const running = started.move()
  return { port, engine, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** Code for on-demand features has a folder of the gateway's own: it links no packages, since they are pure functions. */
function snapshotFolder({ artifacts, config }: Context): (hash: string) => Promise<string> {
  const dataDir = join(config.dataDir, 'gateway', config.gatewayId)
  return (hash) =>
    unpackSnapshot({ artifacts, config: { ...config, dataDir } }, { hash, dependencies: undefined })
}

function createHandler(context: Context, engine: ServingEngine): Handler {
  const server = { version: codeVersion }
  const metrics = gatewayMetrics(engine)
  const oip = new OpenInference(engine, server)
  const { online, clock, config } = context
  const feast = new FeatureServer({ config, online, clock, forward: createForward(config) }, engine)
  const authenticator = new GatewayAuthenticator(context.config, engine)
  const answer = (call: GatewayCall): GatewayReply | Promise<GatewayReply> => {
    if (call.path.startsWith(OIP_PREFIX)) return oip.answer(call)
    if (isFeast(call)) return feast.answer(call)
    if (isMlflowScoring(call)) return answerMlflowScoring(engine, server, call)
    switch (`${call.method} ${call.path}`) {
      case 'POST /feedback':
        return answerFeedback(context, engine, call)
      case 'POST /api/v1/predictions':
        return answerExternal(context, engine, call)
      case 'POST /control/flush':
        return answerFlush(engine)
      case 'GET /health':
        return answerHealth(engine, call.actor)
      case 'GET /metrics':
        return metrics.metrics().then((body) => ({ status: 200, contentType: metrics.contentType, body }))
      default:
        throw new AppError('not_found', `There is no ${call.method} ${call.path} on the gateway`)
    }
  }
  const access = createAccess(context, engine)
  return {
    identify(call, headers) {
      const caller = { method: call.method, headers }
      authenticator.checkOrigin(caller)
      return isPublic(call) ? authenticator.anybody(caller) : authenticator.authenticate(caller)
    },
    answer: (call) => access(call, answer),
    error(call, thrown) {
      const error = toAppError(thrown)
      if (error.code === 'internal') context.log.error({ err: error.cause ?? error }, 'request failed')
      else if (error.code !== 'unavailable') engine.stats.badRequests += 1
      if (call.path.startsWith(OIP_PREFIX)) return oipError(error)
      if (isFeast(call)) return feastError(error)
      return isMlflowScoring(call) ? mlflowScoringError(error) : nativeError(error)
    },
  }
}
