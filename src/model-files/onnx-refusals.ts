import { AppError } from '../kernel/errors.ts'
import type { OnnxGraph, OnnxModel } from '../ports/inference/onnx-file.ts'
import type { InferenceSession } from '../ports/inference/inference.ts'

/** Domains whose operators the runtime brings. */
const KNOWN_DOMAINS = new Set(['', 'ai.onnx', 'ai.onnx.ml', 'com.microsoft', 'com.microsoft.nchwc'])
const IN_ANOTHER_FILE = 1

/** What can be told before the runtime tries: each with what would be right. Throws `invalid`. */
export function refuseUnservable(model: OnnxModel): void {
  const { graph } = model
  if (!graph || graph.node.length === 0)
    throw new AppError('invalid', 'The ONNX model has no graph: the file is empty, or something else')
  const graphs = [graph, ...subgraphsOf(graph)]
  refuseExternalData(graphs)
  const own = new Set(model.functions.map(({ domain }) => domain))
  const foreign = [...graphs, ...model.functions]
    .flatMap(({ node }) => node)
    .filter(({ domain }) => !KNOWN_DOMAINS.has(domain) && !own.has(domain))
  if (foreign.length === 0) return
  const names = [...new Set(foreign.map(({ domain, opType }) => `${domain}:${opType}`))]
  throw new AppError(
    'invalid',
    `The ONNX model uses custom operators (${names.slice(0, 5).join(', ')}), which the runtime does not have. ` +
      'Export it with standard operators, or log it as an MLflow pyfunc model',
  )
}

function subgraphsOf({ node }: Pick<OnnxGraph, 'node'>): OnnxGraph[] {
  const inner = node
    .flatMap(({ attribute }) => attribute)
    .flatMap(({ g, graphs }) => [...(g ? [g] : []), ...graphs])
  return inner.flatMap((graph) => [graph, ...subgraphsOf(graph)])
}

function refuseExternalData(graphs: readonly OnnxGraph[]): void {
  const outside = graphs
    .flatMap(({ initializer, node }) => [
      ...initializer,
      ...node.flatMap(({ attribute }) => attribute.flatMap(({ t }) => t ?? [])),
    ])
    .find(({ dataLocation, externalData }) => dataLocation === IN_ANOTHER_FILE || externalData.length > 0)
  if (!outside) return
  const file = outside.externalData.find(({ key }) => key === 'location')?.value ?? 'another file'
  throw new AppError(
    'invalid',
    `The weights of the ONNX model lie in another file ("${outside.name}" in ${file}). Save it as one file, for example with ` +
      'onnx.save(onnx.load("model.onnx"), "one.onnx", save_as_external_data=False); a file may have 2 GB',
  )
}

/** What a gateway could not serve is refused before it has a version. */
export function requireServable({ inputs, outputs }: Pick<InferenceSession, 'inputs' | 'outputs'>): void {
  if (inputs.length === 0) throw new AppError('invalid', 'The ONNX model has no inputs')
  for (const { name, datatype, shape } of [...inputs, ...outputs]) {
    if (datatype === 'FP16') {
      throw new AppError(
        'invalid',
        `"${name}" is float16, which requests can't carry. Keep inputs and outputs in float32, for example with ` +
          'onnxconverter_common.float16.convert_float_to_float16(model, keep_io_types=True)',
      )
    }
    if (shape.slice(1).every((size) => size > 0)) continue
    throw new AppError(
      'invalid',
      `"${name}" has the shape [${shape.join(', ')}]; only the first dimension, the rows, may be free. Export it with fixed ones`,
    )
  }
  const fixed = inputs.find(({ shape }) => (shape[0] ?? 1) > 1)
  if (!fixed) return
  const { name, shape } = fixed
  throw new AppError(
    'invalid',
    `"${name}" takes ${shape[0]} rows at a time, and its rows can't be told apart. Export it with a free first dimension, ` +
      `for example torch.onnx.export(…, dynamic_axes={"${name}": {0: "rows"}})`,
  )
}
