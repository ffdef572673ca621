import { STATUS } from '../../http/errors.ts'
import { toAppError, type AppError } from '../../kernel/errors.ts'
import { jsonReply, type GatewayReply } from '../../serving/serving.ts'

/** Feast's own errors, which its client raises again, by what the details of an error name; with the status they have. */
const CLASSES: Readonly<Record<string, readonly [name: string, status: number]>> = {
  featureView: ['FeatureViewNotFoundException', 404],
  featureService: ['FeatureServiceNotFoundException', 404],
  missingInputs: ['RequestDataNotFoundInEntityRowsException', 404],
  pushSource: ['PushSourceNotFoundException', 422],
  repeated: ['FeatureNameCollisionError', 400],
}

/** One thing that is wrong with a body, as FastAPI tells it. */
export interface Issue {
  type: string
  loc: readonly (string | number)[]
  msg: string
}

/**
 * Feast answers a text (a JSON string): the message, or for its own errors a JSON document of module, class and message. A body of
 * the wrong shape is FastAPI's 422.
 */
export function feastError(thrown: unknown): GatewayReply {
  const error = toAppError(thrown)
  const { code, message, details } = error
  const headers = code === 'unavailable' ? { 'retry-after': '1' } : undefined
  if ('issues' in details) return jsonReply(422, { detail: details['issues'] })
  if (code === 'unauthenticated') return jsonReply(401, { detail: message })
  const [name, status] = classOf(error)
  if (name === undefined) return jsonReply(status, message, headers)
  return jsonReply(status, JSON.stringify({ module: 'feast.errors', class: name, message }), headers)
}

function classOf({ code, details }: AppError): readonly [name: string | undefined, status: number] {
  if (code === 'denied') return ['FeastPermissionError', STATUS.denied]
  const named = Object.keys(details).find((key) => Object.hasOwn(CLASSES, key))
  return named === undefined ? [undefined, STATUS[code]] : CLASSES[named]!
}
