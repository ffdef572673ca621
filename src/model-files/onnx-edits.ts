import { tensorValue, type OnnxGraph, type OnnxModel, type OnnxValue } from '../ports/inference/onnx-file.ts'

export type ClassLabel = string | number

const FLOAT = 1

/**
 * Takes the ZipMap nodes out of a graph, as scikit-learn's and LightGBM's exports have them: the probabilities before each become
 * the output, under its name, as a tensor of floats `[rows, classes]`. Returns the class labels by output.
 */
export function removeZipMaps({ graph }: OnnxModel): Map<string, ClassLabel[]> {
  const labels = new Map<string, ClassLabel[]>()
  if (!graph) return labels
  for (const node of graph.node.filter(({ opType }) => opType === 'ZipMap')) {
    const [from] = node.input
    const [to] = node.output
    const classes = labelsOf(node)
    if (from === undefined || to === undefined || classes === undefined) continue
    graph.node = graph.node.filter((other) => other !== node)
    const output = graph.output.findIndex(({ name }) => name === to)
    if (graph.output.some(({ name }) => name === from)) {
      // The tensor is an output already: the map said the same a second time.
      graph.output.splice(output, output < 0 ? 0 : 1)
      labels.set(from, classes)
      continue
    }
    renameTensor(graph, from, to)
    graph.valueInfo = graph.valueInfo.filter(({ name }) => name !== from && name !== to)
    if (output >= 0) graph.output[output] = tensorValue(to, FLOAT, ['rows', classes.length])
    labels.set(to, classes)
  }
  return labels
}

function labelsOf({ attribute }: OnnxGraph['node'][number]): ClassLabel[] | undefined {
  const strings = attribute.find(({ name }) => name === 'classlabels_strings')?.strings ?? []
  if (strings.length > 0) return strings.map((bytes) => new TextDecoder().decode(bytes))
  const ints = attribute.find(({ name }) => /^classlabels_(int64s|ints)$/.test(name))?.ints ?? []
  return ints.length > 0 ? ints.map(Number) : undefined
}

function renameTensor(graph: OnnxGraph, from: string, to: string): void {
  for (const node of graph.node) {
    node.input = node.input.map((name) => (name === from ? to : name))
    node.output = node.output.map((name) => (name === from ? to : name))
  }
}

/** The labels of a classifier without ZipMap: of the one node whose label is an output of the graph. */
export function classifierLabels({ graph }: OnnxModel): ClassLabel[] | undefined {
  if (!graph) return undefined
  const outputs = new Set(graph.output.map(({ name }) => name))
  // Backwards through what passes a tensor on, so that a label behind an Identity is found as well.
  for (const { opType, input, output } of graph.node.toReversed())
    if ((opType === 'Identity' || opType === 'Cast') && outputs.has(output[0]!)) outputs.add(input[0]!)
  const classifiers = graph.node.filter(
    ({ opType, output }) => opType.endsWith('Classifier') && outputs.has(output[0]!),
  )
  return classifiers.length === 1 ? labelsOf(classifiers[0]!) : undefined
}

/** The values that a caller feeds: older exports list their weights among the inputs. */
export function fedInputs({ input, initializer }: OnnxGraph): OnnxValue[] {
  const weights = new Set(initializer.map(({ name }) => name))
  return input.filter(({ name }) => !weights.has(name))
}

/** The first dimension where it is a number: the rows that each call must have. */
export function fixedRowsOf(value: OnnxValue): number | undefined {
  const type = value.type?.value
  const first = type?.case === 'tensorType' ? type.value.shape?.dim[0]?.value : undefined
  return first?.case === 'dimValue' && first.value > 0n ? Number(first.value) : undefined
}

/** Frees the first dimension of the inputs, and of the outputs that have as many rows. Shapes between them are forgotten. */
export function freeRows({ graph }: OnnxModel, rows: number): void {
  if (!graph) return
  const outputs = graph.output.filter((value) => fixedRowsOf(value) === rows)
  for (const value of [...fedInputs(graph), ...outputs]) setDimension(value, 0, 'rows')
  graph.valueInfo = []
}

/** Gives each output the shape that it was seen to have: `[rows, …shape]`. */
export function setRowShape(value: OnnxValue, shape: readonly number[]): void {
  const type = value.type?.value
  if (type?.case !== 'tensorType') return
  Object.assign(value, tensorValue(value.name, type.value.elemType, ['rows', ...shape]))
}

export function setDimension(value: OnnxValue, axis: number, size: number | 'rows'): void {
  const type = value.type?.value
  const dimension = type?.case === 'tensorType' ? type.value.shape?.dim[axis] : undefined
  if (dimension)
    dimension.value =
      size === 'rows' ? { case: 'dimParam', value: size } : { case: 'dimValue', value: BigInt(size) }
}
