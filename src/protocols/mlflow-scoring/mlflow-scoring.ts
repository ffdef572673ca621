import { AppError, toAppError, type ErrorCode } from '../../kernel/errors.ts'
import {
  jsonReply,
  toRequest,
  type GatewayCall,
  type GatewayReply,
  type LiveDeployment,
  type Prediction,
  type PredictionEngine,
} from '../../serving/serving.ts'
import { decodeInvocation } from './decode.ts'

/** The REST protocol of MLflow's scoring server: `/invocations`, `/ping`, `/version`. */
const ERRORS = {
  invalid: ['BAD_REQUEST', 400],
  unauthenticated: ['UNAUTHENTICATED', 401],
  denied: ['PERMISSION_DENIED', 403],
  not_found: ['RESOURCE_DOES_NOT_EXIST', 404],
  already_exists: ['RESOURCE_ALREADY_EXISTS', 400],
  conflict: ['RESOURCE_CONFLICT', 409],
  internal: ['INTERNAL_ERROR', 500],
  unavailable: ['TEMPORARILY_UNAVAILABLE', 503],
} as const satisfies Record<ErrorCode, readonly [string, number]>

export function mlflowScoringError(error: unknown): GatewayReply {
  const { code, message } = toAppError(error)
  const [errorCode, status] = ERRORS[code]
  const headers = code === 'unavailable' ? { 'retry-after': '1' } : undefined
  return jsonReply(status, { error_code: errorCode, message }, headers)
}

const PATHS = /^(?:\/(?:serving-)?endpoints\/([^/]+))?\/invocations$/

export function isMlflowScoring({ path }: Pick<GatewayCall, 'path'>): boolean {
  return path === '/ping' || path === '/version' || PATHS.test(path)
}

/** Answers a scoring call. `/invocations` needs a single deployment; `/endpoints/<name>/invocations` names one. */
export async function answerMlflowScoring(
  engine: PredictionEngine,
  server: { version: string },
  call: GatewayCall,
): Promise<GatewayReply> {
  if (call.path === '/version') return { status: 200, contentType: 'text/plain', body: server.version }
  if (call.path === '/ping') {
    const status = engine.deploymentsOf(call.project).length > 0 ? 200 : 404
    return { status, contentType: 'application/json', body: '\n' }
  }
  if (call.method !== 'POST') throw new AppError('not_found', `${call.path} answers POST, not ${call.method}`)
  const type = call.header('content-type') ?? ''
  if (!/^application\/json\s*(;\s*charset=utf-8\s*)?$/i.test(type)) {
    const message = `This endpoint takes application/json (charset utf-8), not "${type}"`
    return { status: 415, contentType: 'text/plain', body: message }
  }
  const name = PATHS.exec(call.path)?.[1]
  const deployment =
    name === undefined
      ? onlyDeployment(engine, call.project)
      : engine.deployment(call.project, decodeURIComponent(name))
  const request = decodeInvocation(deployment, call.body)
  const prediction = await engine.predict(deployment, toRequest(call, engine, request))
  return jsonReply(200, encodePredictions(prediction))
}

function onlyDeployment(engine: PredictionEngine, project: string): LiveDeployment {
  const [only, ...others] = engine.deploymentsOf(project)
  if (only === undefined)
    throw new AppError(
      'not_found',
      'Nothing is served here yet; what was deployed just now may still be loading (tidemill status)',
    )
  if (others.length === 0) return only
  const names = [only, ...others].map(({ desired }) => desired.name).join(', ')
  throw new AppError(
    'invalid',
    `Several deployments are served (${names}): name one with /endpoints/<name>/invocations`,
  )
}

/** One value for each row where the model has one output of one value, else one record for each row. */
function encodePredictions(prediction: Prediction): unknown {
  const { live, rows, start, outputs, predictionIds, decisions, fallbackRows, logged } = prediction
  const values = (name: string, width: number, row: number): unknown => {
    const { data } = outputs[name]!
    const all = Array.from({ length: width }, (_, i) => toJson(data[(start + row) * width + i]))
    return width === 1 ? all[0] : all
  }
  const [only, ...others] = live.outputs
  const predictions = Array.from({ length: rows }, (_, row) =>
    only !== undefined && others.length === 0
      ? values(only.name, only.width, row)
      : Object.fromEntries(live.outputs.map(({ name, width }) => [name, values(name, width, row)])),
  )
  return {
    predictions,
    prediction_ids: predictionIds,
    ...(decisions.some((decision) => decision !== null) && { decisions }),
    variant: prediction.variant,
    version: live.variant.version,
    ...(fallbackRows !== null && { fallback: fallbackRows }),
    ...(!logged && { logged }),
  }
}

function toJson(value: string | number | bigint | undefined): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  return typeof value === 'number' && !Number.isFinite(value) ? null : value
}
