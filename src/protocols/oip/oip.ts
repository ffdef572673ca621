import { AppError, toAppError, type ErrorCode } from '../../kernel/errors.ts'
import type { TensorSpec } from '../../ports/inference/inference.ts'
import {
  callFacts,
  jsonReply,
  type GatewayCall,
  type GatewayReply,
  type LiveDeployment,
  type LiveVariant,
  type ServingEngine,
} from '../../serving/serving.ts'
import { decodeInfer } from './decode.ts'
import { encodeInfer } from './encode.ts'

/** Open Inference Protocol v2, REST: https://github.com/kserve/open-inference-protocol, with the binary tensor extension. */
export const OIP_PREFIX = '/v2'

const STATUS = {
  invalid: 400,
  denied: 403,
  not_found: 404,
  already_exists: 409,
  conflict: 409,
  internal: 500,
  unavailable: 503,
} as const satisfies Record<ErrorCode, number>

export function oipError(error: unknown): GatewayReply {
  const { code, message } = toAppError(error)
  const headers = code === 'unavailable' ? { 'retry-after': '1' } : undefined
  return jsonReply(STATUS[code], { error: message }, headers)
}

const MODEL_PATH = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(infer|ready))?$/

/** Answers a call under `/v2`. Throws what `oipError` encodes. */
export async function answerOip(
  engine: ServingEngine,
  server: { version: string },
  call: GatewayCall,
): Promise<GatewayReply> {
  const match = MODEL_PATH.exec(call.path)
  if (match === null) return answerServer(engine, server, call)
  const [, name, version, action] = match
  const deployment = engine.deployment(call.project, decodeName(name!))
  const number = version === undefined ? undefined : toVersion(version, deployment)
  if (action === 'infer') {
    requireMethod(call, 'POST')
    return await infer(engine, deployment, number, call)
  }
  requireMethod(call, 'GET')
  const live = number === undefined ? deployment.stable : servedVersion(deployment, number)
  if (action === 'ready') return jsonReply(200, { name: deployment.desired.name, ready: true })
  return jsonReply(200, metadata(deployment, live))
}

async function infer(
  engine: ServingEngine,
  deployment: LiveDeployment,
  version: number | undefined,
  call: GatewayCall,
): Promise<GatewayReply> {
  const request = decodeInfer(deployment, call.body, call.header('inference-header-content-length'))
  const facts = callFacts(call, engine)
  const prediction = await engine.predict(deployment, {
    ...facts,
    rows: request.rows,
    columns: request.columns,
    version,
  })
  return encodeInfer(deployment.desired.name, request, prediction)
}

function answerServer(
  engine: ServingEngine,
  { version }: { version: string },
  call: GatewayCall,
): GatewayReply {
  const path = call.path.replace(/\/$/, '')
  if (path === '/v2') {
    requireMethod(call, 'GET')
    return jsonReply(200, { name: 'tidemill', version, extensions: ['binary_tensor_data'] })
  }
  if (path === '/v2/health/live') return jsonReply(200, { live: true })
  if (path === '/v2/health/ready') {
    const ready = engine.generation > 0
    return jsonReply(ready ? 200 : 503, { ready })
  }
  throw new AppError('not_found', `There is no ${call.method} ${call.path}`)
}

function metadata({ desired, byVersion, inputs }: LiveDeployment, live: LiveVariant): unknown {
  const shared = live.places === null ? inputs.slice(0, live.plan.inputs.length) : live.plan.inputs
  return {
    name: desired.name,
    versions: [...byVersion.keys()].sort((a, b) => a - b).map(String),
    platform: 'onnx_onnxv1',
    inputs: shared.map(({ name, datatype, rowShape }) => ({ name, datatype, shape: [-1, ...rowShape] })),
    outputs: live.host.opened.outputs.map(toMetadata),
  }
}

function toMetadata({ name, datatype, shape }: TensorSpec): TensorSpec {
  return { name, datatype, shape: [-1, ...shape.slice(1)] }
}

function servedVersion(deployment: LiveDeployment, version: number): LiveVariant {
  const live = deployment.byVersion.get(version)
  if (live !== undefined) return live
  const known = [...deployment.byVersion.keys()].sort((a, b) => a - b).join(', ')
  throw new AppError(
    'not_found',
    `Version ${version} of ${deployment.desired.name} is not served; served are ${known}`,
  )
}

function toVersion(text: string, { desired }: LiveDeployment): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new AppError('not_found', `${desired.name} has no version "${text}"; versions are numbers`)
}

function decodeName(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw new AppError('invalid', `"${text}" is no name`, { cause })
  }
}

function requireMethod(call: GatewayCall, method: 'GET' | 'POST'): void {
  if (call.method === method) return
  throw new AppError('not_found', `${call.path} answers ${method}, not ${call.method}`)
}
