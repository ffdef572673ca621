import { create, createFileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { DescMessage } from '@bufbuild/protobuf'
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as FieldType,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt'
import { AppError, messageOf } from '../../kernel/errors.ts'
import { ONNX_MESSAGES } from './gen/onnx-messages.ts'

/** A ModelProto that was read: the members that editing a graph needs. The others are kept and written again. */
export interface OnnxModel {
  irVersion: bigint
  producerName: string
  producerVersion: string
  graph: OnnxGraph | undefined
  opsetImport: { domain: string; version: bigint }[]
  metadataProps: { key: string; value: string }[]
  functions: { domain: string; node: OnnxNode[] }[]
}

export interface OnnxGraph {
  node: OnnxNode[]
  initializer: OnnxTensor[]
  input: OnnxValue[]
  output: OnnxValue[]
  valueInfo: OnnxValue[]
}

interface OnnxNode {
  name: string
  opType: string
  domain: string
  input: string[]
  output: string[]
  attribute: OnnxAttribute[]
}

interface OnnxAttribute {
  name: string
  ints: bigint[]
  strings: Uint8Array[]
  t: OnnxTensor | undefined
  g: OnnxGraph | undefined
  graphs: OnnxGraph[]
}

interface OnnxTensor {
  name: string
  externalData: { key: string; value: string }[]
  /** 1 when the values lie in another file. */
  dataLocation: number
}

export interface OnnxValue {
  name: string
  type: { value: { case: 'tensorType'; value: OnnxTensorType } | { case: undefined } } | undefined
}

interface OnnxTensorType {
  elemType: number
  shape: { dim: OnnxDimension[] } | undefined
}

interface OnnxDimension {
  value: { case: 'dimValue'; value: bigint } | { case: 'dimParam'; value: string } | { case: undefined }
}

/** Serializes a ModelProto. Members are named as in onnx.proto but in camelCase; int64 members are bigints. */
export function encodeModel(model: Readonly<Record<string, unknown>> | OnnxModel): Uint8Array {
  return toBinary(modelSchema, create(modelSchema, model as Readonly<Record<string, unknown>>))
}

/** Reads a ModelProto. Throws `invalid` for bytes that are none. */
export function decodeModel(bytes: Uint8Array): OnnxModel {
  try {
    return fromBinary(modelSchema, bytes) as unknown as OnnxModel
  } catch (cause) {
    throw new AppError('invalid', `The file is no ONNX model: ${messageOf(cause)}`, { cause })
  }
}

/** A value's description as messages of this file's schema want it; `'rows'` stands for any number of rows. */
export function tensorValue(name: string, elemType: number, shape: readonly (number | 'rows')[]): OnnxValue {
  const dim = shape.map((size): OnnxDimension => ({
    value: size === 'rows' ? { case: 'dimParam', value: size } : { case: 'dimValue', value: BigInt(size) },
  }))
  const plain = { name, type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } } }
  return create(valueSchema, plain) as unknown as OnnxValue
}

const SCALARS: Readonly<Record<string, FieldType>> = {
  string: FieldType.STRING,
  bytes: FieldType.BYTES,
  float: FieldType.FLOAT,
  int32: FieldType.INT32,
  int64: FieldType.INT64,
}

const registry = onnxRegistry()
const modelSchema = schemaOf('ModelProto')
const valueSchema = schemaOf('ValueInfoProto')

function schemaOf(message: keyof typeof ONNX_MESSAGES): DescMessage {
  const schema = registry.getMessage(`onnx.${message}`)
  if (!schema) throw new TypeError(`onnx.proto has no ${message}`)
  return schema
}

function onnxRegistry() {
  const file = create(FileDescriptorProtoSchema, {
    name: 'onnx.proto',
    package: 'onnx',
    syntax: 'proto2',
    messageType: Object.entries(ONNX_MESSAGES).map(([name, fields]) => {
      const field = Object.entries(fields).map(([name, [number, kind]]) => toField(name, number, kind))
      const hasOneof = field.some(({ oneofIndex }) => oneofIndex !== undefined)
      return { name, field, oneofDecl: hasOneof ? [{ name: 'value' }] : [] }
    }),
  })
  return createFileRegistry(file, () => undefined)
}

function toField(name: string, number: number, kind: string) {
  const base = kind.replace(/\[\]$|\|$/, '')
  const type = SCALARS[base]
  return {
    name,
    number,
    label: kind.endsWith('[]') ? Label.REPEATED : Label.OPTIONAL,
    type: type ?? FieldType.MESSAGE,
    ...(type === undefined ? { typeName: `.onnx.${base}` } : {}),
    ...(kind.endsWith('|') ? { oneofIndex: 0 } : {}),
  }
}
