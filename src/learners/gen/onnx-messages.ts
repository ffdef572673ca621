// The part of onnx.proto (ONNX IR version 8, Apache-2.0) that writing a model needs: names, field numbers and kinds as there.
// `[]` repeats, `|` puts a field into the oneof `value`. Enums are written as int32, which is the same on the wire.

export const ONNX_MESSAGES = {
  AttributeProto: {
    name: [1, 'string'],
    f: [2, 'float'],
    i: [3, 'int64'],
    s: [4, 'bytes'],
    t: [5, 'TensorProto'],
    floats: [7, 'float[]'],
    ints: [8, 'int64[]'],
    strings: [9, 'bytes[]'],
    type: [20, 'int32'],
  },
  ValueInfoProto: { name: [1, 'string'], type: [2, 'TypeProto'] },
  NodeProto: {
    input: [1, 'string[]'],
    output: [2, 'string[]'],
    name: [3, 'string'],
    op_type: [4, 'string'],
    attribute: [5, 'AttributeProto[]'],
    domain: [7, 'string'],
  },
  StringStringEntryProto: { key: [1, 'string'], value: [2, 'string'] },
  ModelProto: {
    ir_version: [1, 'int64'],
    producer_name: [2, 'string'],
    producer_version: [3, 'string'],
    graph: [7, 'GraphProto'],
    opset_import: [8, 'OperatorSetIdProto[]'],
    metadata_props: [14, 'StringStringEntryProto[]'],
  },
  GraphProto: {
    node: [1, 'NodeProto[]'],
    name: [2, 'string'],
    initializer: [5, 'TensorProto[]'],
    input: [11, 'ValueInfoProto[]'],
    output: [12, 'ValueInfoProto[]'],
  },
  TensorProto: {
    dims: [1, 'int64[]'],
    data_type: [2, 'int32'],
    name: [8, 'string'],
    raw_data: [9, 'bytes'],
  },
  TensorShapeProto: { dim: [1, 'TensorShapeDimension[]'] },
  TensorShapeDimension: { dim_value: [1, 'int64|'], dim_param: [2, 'string|'] },
  TypeProto: { tensor_type: [1, 'TensorType|'] },
  TensorType: { elem_type: [1, 'int32'], shape: [2, 'TensorShapeProto'] },
  OperatorSetIdProto: { domain: [1, 'string'], version: [2, 'int64'] },
} as const satisfies Readonly<Record<string, Readonly<Record<string, readonly [number, string]>>>>
