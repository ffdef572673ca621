import { STATUS } from '../../http/errors.ts'
import { AppError, toAppError } from '../../kernel/errors.ts'
import type { TensorSpec } from '../../ports/inference/inference.ts'
import {
  jsonReply,
  toRequest,
  type GatewayCall,
  type GatewayReply,
  type LiveDeployment,
  type LiveVariant,
  type PredictionEngine,
} from '../../serving/serving.ts'
import { decodeInfer } from './decode.ts'
import { InferEncoder } from './encode.ts'

/** Open Inference Protocol v2, REST: https://github.com/kserve/open-inference-protocol, with the binary tensor extension. */
export const OIP_PREFIX = '/v2'

export function oipError(error: unknown): GatewayReply {
  const { code, message } = toAppError(error)
  const headers = code === 'unavailable' ? { 'retry-after': '1' } : undefined
  return jsonReply(STATUS[code], { error: message }, headers)
}

const MODEL_PATH = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(infer|ready))?$/
const KNOWN_PATHS = 1000

interface ModelPath {
  name: string
  version: string | undefined
  action: string | undefined
}

/** Answers the calls under `/v2`. Keeps what it has made of paths and outputs, since they come again and again. */
export class OpenInference {
  readonly #engine: PredictionEngine
  readonly #version: string
  readonly #paths = new Map<string, ModelPath | undefined>()
  readonly #encoder = new InferEncoder()

  constructor(engine: PredictionEngine, { version }: { version: string }) {
    this.#engine = engine
    this.#version = version
  }

  /** Throws what `oipError` encodes. */
  answer(call: GatewayCall): GatewayReply | Promise<GatewayReply> {
    const path = this.#pathOf(call.path)
    if (path === undefined) return answerServer(this.#engine, this.#version, call)
    const { name, version, action } = path
    const deployment = this.#engine.deployment(call.project, name)
    const number = version === undefined ? undefined : toVersion(version, deployment)
    if (action === 'infer') {
      requireMethod(call, 'POST')
      return this.#infer(deployment, number, call)
    }
    requireMethod(call, 'GET')
    const live = number === undefined ? deployment.stable : servedVersion(deployment, number)
    if (action === 'ready') return jsonReply(200, { name: deployment.desired.name, ready: true })
    return jsonReply(200, metadata(deployment, live))
  }

  #infer(deployment: LiveDeployment, version: number | undefined, call: GatewayCall): Promise<GatewayReply> {
    const decoded = decodeInfer(deployment, call.body, call.header('inference-header-content-length'))
    const request = toRequest(call, this.#engine, decoded, version)
    return this.#engine
      .predict(deployment, request)
      .then((prediction) => this.#encoder.encode(deployment.desired.name, decoded, prediction))
  }

  #pathOf(text: string): ModelPath | undefined {
    if (this.#paths.has(text)) return this.#paths.get(text)
    const match = MODEL_PATH.exec(text)
    const path =
      match === null ? undefined : { name: decodeName(match[1]!), version: match[2], action: match[3] }
    if (this.#paths.size < KNOWN_PATHS) this.#paths.set(text, path)
    return path
  }
}

function answerServer(engine: PredictionEngine, version: string, call: GatewayCall): GatewayReply {
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
    platform: live.variant.python ? 'mlflow_pyfunc' : 'onnx_onnxv1',
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
