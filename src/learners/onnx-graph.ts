import { encodeModel } from '../ports/inference/onnx-file.ts'
import type { FeatureSpec } from './schema.ts'

/** A tensor [rows, outputs] of raw scores inside a graph. */
export interface Scores {
  readonly name: string
  readonly datatype: 'FP32' | 'FP64'
}

/** Values of TensorProto.DataType. */
const DATA_TYPES = { FP32: 1, UINT8: 2, INT64: 7, BYTES: 8, FP64: 11 } as const
export type GraphDatatype = keyof typeof DATA_TYPES

export type Attribute = number | string | Int32Array | Float32Array | Float64Array | readonly string[]

const ML_DOMAIN = 'ai.onnx.ml'
const OPSETS = [
  { domain: '', version: 17n },
  { domain: ML_DOMAIN, version: 3n },
]

/** Collects the nodes and constants of one ONNX graph. Inputs are the raw features, one tensor [rows, 1] each. */
export class GraphBuilder {
  readonly inputs: readonly string[]
  readonly #features: readonly FeatureSpec[]
  readonly #nodes: object[] = []
  readonly #constants: object[] = []
  readonly #outputs: object[] = []
  readonly #names: Set<string>

  constructor(features: readonly FeatureSpec[], outputs: readonly string[]) {
    this.inputs = features.map(({ name }) => name)
    this.#features = features
    this.#names = new Set([...this.inputs, ...outputs])
  }

  /** Adds an operator with one output and returns the output's name. Integer arrays become INTS, float32 arrays FLOATS, float64 arrays a TENSOR. */
  add(
    operator: string,
    inputs: readonly string[],
    attributes: Record<string, Attribute> = {},
    name?: string,
  ): string {
    return this.#addNode('', operator, inputs, attributes, name)
  }

  /** The same for the operators of ai.onnx.ml. */
  addMl(operator: string, inputs: readonly string[], attributes: Record<string, Attribute> = {}): string {
    return this.#addNode(ML_DOMAIN, operator, inputs, attributes)
  }

  constant(
    datatype: GraphDatatype,
    dims: readonly number[],
    data: Float32Array | Float64Array | BigInt64Array | Uint8Array,
  ): string {
    const name = this.#fresh('constant')
    this.#constants.push({
      name,
      dims: dims.map(BigInt),
      dataType: DATA_TYPES[datatype],
      rawData: bytesOf(data),
    })
    return name
  }

  /** INT64 [rows] from BYTES [rows, 1]: the place of each text, or `otherwise`. */
  encodeLabels(
    input: string,
    texts: readonly string[],
    places: readonly number[],
    otherwise: number,
  ): string {
    const flat = this.add('Reshape', [input, this.constant('INT64', [1], BigInt64Array.of(-1n))])
    return this.#addNode(ML_DOMAIN, 'LabelEncoder', [flat], {
      // The operator wants at least one key; the empty text is never a category.
      keys_strings: texts.length > 0 ? texts : [''],
      values_int64s: Int32Array.from(texts.length > 0 ? places : [otherwise]),
      default_int64: otherwise,
    })
  }

  cast(value: string, to: GraphDatatype, name?: string): string {
    return this.add('Cast', [value], { to: DATA_TYPES[to] }, name)
  }

  /** Makes a named value an output of the graph. The first dimension is the rows. */
  output(name: string, datatype: GraphDatatype, width?: number): void {
    this.#outputs.push(valueInfo(name, datatype, width === undefined ? ['rows'] : ['rows', width]))
  }

  toBytes(metadata: Readonly<Record<string, string>>): Uint8Array {
    const input = this.#features.map(({ name, kind }) =>
      valueInfo(name, kind === 'number' ? 'FP32' : 'BYTES', ['rows', 1]),
    )
    return encodeModel({
      irVersion: 8n,
      producerName: 'tidemill',
      opsetImport: OPSETS,
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
      graph: {
        name: 'tidemill',
        node: this.#nodes,
        initializer: this.#constants,
        input,
        output: this.#outputs,
      },
    })
  }

  #addNode(
    domain: string,
    opType: string,
    input: readonly string[],
    attributes: Record<string, Attribute>,
    name = this.#fresh(opType),
  ): string {
    const attribute = Object.entries(attributes).map(([key, value]) => toAttribute(key, value))
    this.#nodes.push({ name, opType, domain, input, output: [name], attribute })
    return name
  }

  #fresh(hint: string): string {
    let name = `${hint}_${this.#names.size}`
    while (this.#names.has(name)) name += '_'
    this.#names.add(name)
    return name
  }
}

function valueInfo(name: string, datatype: GraphDatatype, shape: readonly (string | number)[]): object {
  const dim = shape.map((size) => ({
    value:
      typeof size === 'string'
        ? { case: 'dimParam', value: size }
        : { case: 'dimValue', value: BigInt(size) },
  }))
  const value = { elemType: DATA_TYPES[datatype], shape: { dim } }
  return { name, type: { value: { case: 'tensorType', value } } }
}

/** `type` is AttributeProto.AttributeType. A number is an INT: no operator used here takes a FLOAT. */
function toAttribute(name: string, value: Attribute): object {
  if (typeof value === 'number') return { name, type: 2, i: BigInt(value) }
  if (typeof value === 'string') return { name, type: 3, s: utf8(value) }
  if (value instanceof Float32Array) return { name, type: 6, floats: [...value] }
  if (value instanceof Float64Array) {
    return {
      name,
      type: 4,
      t: { dims: [BigInt(value.length)], dataType: DATA_TYPES.FP64, rawData: bytesOf(value) },
    }
  }
  if (value instanceof Int32Array) return { name, type: 7, ints: Array.from(value, BigInt) }
  return { name, type: 8, strings: value.map(utf8) }
}

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
