import type { Tensor, TensorData } from '../../ports/inference/inference.ts'
import type { GatewayReply, LiveVariant, Prediction } from '../../serving/serving.ts'
import { encodeElements } from './datatypes.ts'
import type { InferRequest } from './decode.ts'

/** Parts of an answer that are the same for every answer of a version. */
interface Template {
  head: string
  outputs: readonly { name: string; width: number; head: string }[]
}

/** Encodes answers: JSON, or JSON followed by raw tensors where the request wants that. */
export class InferEncoder {
  readonly #templates = new WeakMap<LiveVariant, Template>()

  encode(deployment: string, request: InferRequest, prediction: Prediction): GatewayReply {
    const template = this.#templateOf(deployment, prediction.live)
    const binaries: Buffer[] = []
    const id = request.id === undefined ? '' : `"id":${JSON.stringify(request.id)},`
    let json = `${template.head}${id}"parameters":${encodeParameters(prediction)},"outputs":[`
    let encoded = 0
    for (const { name, width, head } of template.outputs) {
      let { binary } = request
      if (request.outputs !== undefined) {
        const wanted = request.outputs.find((output) => output.name === name)
        if (wanted === undefined) continue
        binary = wanted.binary
      }
      const tensor = prediction.outputs[name]!
      const start = prediction.start * width
      if (encoded++ > 0) json += ','
      json +=
        head + encodeOutput(tensor, start, start + prediction.rows * width, prediction.rows, binary, binaries)
    }
    json += ']}'
    if (binaries.length === 0) return { status: 200, contentType: 'application/json', body: json }
    const bytes = Buffer.from(json)
    return {
      status: 200,
      contentType: 'application/octet-stream',
      body: Buffer.concat([bytes, ...binaries]),
      headers: { 'inference-header-content-length': String(bytes.length) },
    }
  }

  #templateOf(deployment: string, live: LiveVariant): Template {
    const known = this.#templates.get(live)
    if (known !== undefined) return known
    const template = {
      head: `{"model_name":${JSON.stringify(deployment)},"model_version":"${live.variant.version}",`,
      outputs: live.outputs.map(({ name, width, datatype }) => ({
        name,
        width,
        head: `{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[`,
      })),
    }
    this.#templates.set(live, template)
    return template
  }
}

/** One row: `prediction_id`, `decision`. Several rows: `prediction_ids`, `decisions` as JSON lists in a text. */
function encodeParameters(prediction: Prediction): string {
  const { rows, predictionIds, decisions, fallbackRows, violations, live } = prediction
  const fallback = fallbackRows !== null && fallbackRows.every(Boolean)
  let text =
    rows === 1
      ? `{"prediction_id":"${predictionIds[0]!}"`
      : `{"prediction_ids":${JSON.stringify(JSON.stringify(predictionIds))}`
  text += `,"request_id":${JSON.stringify(prediction.requestId)},"variant":"${fallback ? 'fallback' : prediction.variant}","version":${live.variant.version}`
  if (rows === 1) {
    if (decisions[0] !== null) text += `,"decision":${JSON.stringify(decisions[0])}`
  } else if (decisions.some((decision) => decision !== null)) {
    text += `,"decisions":${JSON.stringify(JSON.stringify(decisions))}`
  }
  if (fallbackRows !== null && !fallback)
    text += `,"fallback_rows":"${JSON.stringify(rowsWhere(fallbackRows))}"`
  if (violations !== null) {
    text += `,"violations":${JSON.stringify(rows === 1 ? (violations[0] ?? '') : JSON.stringify(violations))}`
  }
  if (!prediction.logged) text += ',"logged":false'
  return `${text}}`
}

function rowsWhere(flags: readonly boolean[]): number[] {
  return flags.flatMap((flag, row) => (flag ? [row] : []))
}

function encodeOutput(
  { datatype, shape, data }: Tensor,
  start: number,
  end: number,
  rows: number,
  binary: boolean,
  binaries: Buffer[],
): string {
  let dimensions = String(rows)
  for (let axis = 1; axis < shape.length; axis++) dimensions += `,${shape[axis]}`
  if (!binary) return `${dimensions}],"data":[${elementsToJson(data, start, end)}]}`
  const bytes = encodeElements(datatype, data, start, end)
  binaries.push(bytes)
  return `${dimensions}],"parameters":{"binary_data_size":${bytes.length}}}`
}

/** JSON carries no NaN and no infinity: they are null. 64-bit integers keep all their digits. */
function elementsToJson(data: TensorData, start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i++) {
    const value = data[i]!
    if (i > start) text += ','
    if (typeof value === 'string') text += JSON.stringify(value)
    else if (typeof value === 'number' && !Number.isFinite(value)) text += 'null'
    else text += value
  }
  return text
}
