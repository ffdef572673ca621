import { create, createFileRegistry, toBinary } from '@bufbuild/protobuf'
import type { DescMessage } from '@bufbuild/protobuf'
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as FieldType,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt'
import { ONNX_MESSAGES } from './gen/onnx-messages.ts'

/** Serializes a ModelProto. Members are named as in onnx.proto but in camelCase; int64 members are bigints. */
export function encodeModel(model: Readonly<Record<string, unknown>>): Uint8Array {
  return toBinary(modelSchema, create(modelSchema, model))
}

const SCALARS: Readonly<Record<string, FieldType>> = {
  string: FieldType.STRING,
  bytes: FieldType.BYTES,
  float: FieldType.FLOAT,
  int32: FieldType.INT32,
  int64: FieldType.INT64,
}

const modelSchema = onnxSchema('ModelProto')

function onnxSchema(message: keyof typeof ONNX_MESSAGES): DescMessage {
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
  const schema = createFileRegistry(file, () => undefined).getMessage(`onnx.${message}`)
  if (!schema) throw new TypeError(`onnx.proto has no ${message}`)
  return schema
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
