import type { Context } from '../../http/context.ts'
import { AppError } from '../../kernel/errors.ts'
import { jsonReply, type FeatureEngine, type GatewayCall, type GatewayReply } from '../../serving/serving.ts'
import { VectorEncoder } from './encode.ts'
import { answerOnlineFeatures } from './online-features.ts'
import { answerPush, answerWrite } from './push.ts'

export { feastError } from './errors.ts'
export { feastApp } from './server-app.ts'

interface FeastContext extends Pick<Context, 'config' | 'online' | 'clock'> {
  /** Hands a call on to the server, which writes metadata. */
  forward: (call: GatewayCall) => Promise<GatewayReply>
}

type Answer = (
  context: FeastContext & { encoder: VectorEncoder },
  engine: FeatureEngine,
  call: GatewayCall,
) => GatewayReply | Promise<GatewayReply>

const ANSWERS: ReadonlyMap<string, Answer> = new Map<string, Answer>([
  ['/get-online-features', answerOnlineFeatures],
  ['/push', answerPush],
  ['/write-to-online-store', answerWrite],
  ['/materialize', ({ forward }, _, call) => forward(call)],
  ['/materialize-incremental', ({ forward }, _, call) => forward(call)],
  ['/search', refuseSearch],
  ['/retrieve-online-documents', refuseSearch],
])

export function feastPaths(): string[] {
  return [...ANSWERS.keys()]
}

export function isFeast({ path }: Pick<GatewayCall, 'path'>): boolean {
  return ANSWERS.has(path)
}

/** The REST protocol of Feast's feature server. Its `GET /health` is the gateway's own. */
export class FeatureServer {
  readonly #context: FeastContext & { encoder: VectorEncoder }
  readonly #engine: FeatureEngine

  constructor(context: FeastContext, engine: FeatureEngine) {
    this.#context = { ...context, encoder: new VectorEncoder() }
    this.#engine = engine
  }

  /** Throws what `feastError` encodes. */
  answer(call: GatewayCall): GatewayReply | Promise<GatewayReply> {
    if (call.method !== 'POST') return jsonReply(405, { detail: 'Method Not Allowed' }, { allow: 'POST' })
    return ANSWERS.get(call.path)!(this.#context, this.#engine, call)
  }
}

function refuseSearch(): never {
  throw new AppError('invalid', 'No embeddings are kept here, so there is nothing to search by a vector')
}
