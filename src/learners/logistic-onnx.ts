import type { LinearModel } from './logistic.ts'
import type { GraphBuilder, Scores } from './onnx-graph.ts'

type NumberEncoding = Extract<LinearModel['encodings'][number], { kind: 'number' }>

/**
 * The linear model in double precision: standardised numbers and missing indicators times a matrix, plus for each category a row looked up
 * by its text (the last row, zeros, for unseen ones).
 */
export function addLinear(graph: GraphBuilder, inputs: readonly string[], model: LinearModel): Scores {
  const { encodings, weights } = model
  const outputs = weights.length
  const numbers: { input: string; encoding: NumberEncoding; dense: Float64Array; missing: Float64Array }[] =
    []
  const terms: string[] = []
  let column = 1
  const next = () => Float64Array.from(weights, (own) => own[column]!)
  encodings.forEach((encoding, feature) => {
    const input = inputs[feature]!
    if (encoding.kind === 'category') {
      const width = encoding.categories.length
      const table = new Float64Array((width + 1) * outputs)
      for (let code = 0; code < width; code++, column++) table.set(next(), code * outputs)
      terms.push(addLookup(graph, input, encoding.categories, table, outputs))
      return
    }
    const dense = next()
    column += 1
    const missing = encoding.hasMissing ? next() : new Float64Array(outputs)
    if (encoding.hasMissing) column += 1
    numbers.push({ input, encoding, dense, missing })
  })
  const bias = graph.constant(
    'FP64',
    [1, outputs],
    Float64Array.from(weights, (own) => own[0]!),
  )
  if (numbers.length > 0) {
    const table = flatten([...numbers.map(({ dense }) => dense), ...numbers.map(({ missing }) => missing)])
    const matrix = graph.constant('FP64', [2 * numbers.length, outputs], table)
    const columns = numbers.map(({ input }) => input)
    const encodings = numbers.map(({ encoding }) => encoding)
    terms.push(graph.add('MatMul', [addNumbers(graph, columns, encodings), matrix]))
  }
  const name = terms.reduce((sum, term) => graph.add('Add', [sum, term]), bias)
  return { name, datatype: 'FP64' }
}

/** FP64 [rows, 2 × numbers]: the standardised numbers with 0 for missing ones, then their missing indicators. */
function addNumbers(
  graph: GraphBuilder,
  inputs: readonly string[],
  encodings: readonly NumberEncoding[],
): string {
  const raw = inputs.length === 1 ? inputs[0]! : graph.add('Concat', inputs, { axis: 1 })
  const values = graph.cast(raw, 'FP64')
  const row = (numbers: number[]) => graph.constant('FP64', [1, numbers.length], Float64Array.from(numbers))
  const centred = graph.add('Sub', [values, row(encodings.map(({ mean }) => mean))])
  const scaled = graph.add('Mul', [centred, row(encodings.map(({ scale }) => scale))])
  const missing = graph.add('IsNaN', [raw])
  const known = graph.add('Where', [missing, row([0]), scaled])
  return graph.add('Concat', [known, graph.cast(missing, 'FP64')], { axis: 1 })
}

function addLookup(
  graph: GraphBuilder,
  input: string,
  categories: readonly string[],
  table: Float64Array,
  outputs: number,
): string {
  const codes = graph.encodeLabels(
    input,
    categories,
    categories.map((_, code) => code),
    categories.length,
  )
  const rows = graph.constant('FP64', [categories.length + 1, outputs], table)
  return graph.add('Gather', [rows, codes], { axis: 0 })
}

function flatten(rows: readonly Float64Array[]): Float64Array {
  return Float64Array.from(rows.flatMap((row) => [...row]))
}
