import { encodeModel, decodeModel, type OnnxModel } from '../ports/inference/onnx-file.ts'
import type { InferenceSession, Tensor } from '../ports/inference/inference.ts'
import { sliceRows } from '../ports/inference/tensors.ts'
import { fedInputs, fixedRowsOf, freeRows } from './onnx-edits.ts'
import { openGraph } from './open-graph.ts'
import { sampleFeeds } from './sample-feeds.ts'

type Tensors = Readonly<Record<string, Tensor>>

const RELATIVE = 1e-4
const ABSOLUTE = 1e-5

/**
 * Frees the number of rows that an export has fixed, where that is safe: the freed graph must give every row the same answer alone,
 * among others, and as the fixed graph gave it. Returns the edited model; undefined when nothing is fixed, or when it is not safe.
 */
export async function freeBatch(bytes: Uint8Array): Promise<OnnxModel | undefined> {
  const { graph } = decodeModel(bytes)
  const fixed = new Set(graph ? fedInputs(graph).map(fixedRowsOf) : [])
  const [rows] = fixed
  if (fixed.size !== 1 || rows === undefined) return undefined
  const edited = decodeModel(bytes)
  freeRows(edited, rows)
  try {
    await using before = await openGraph(bytes)
    await using after = await openGraph(encodeModel(edited))
    return (await agrees(before, after, rows)) ? edited : undefined
  } catch {
    return undefined
  }
}

/** Made-up rows; with zeros for integers where the graph has no use for made-up ones, such as ids that it does not know. */
async function madeUpRows(session: InferenceSession, rows: number, calls: number) {
  const any = sampleFeeds(session.inputs, calls * rows, { seed: 7 })
  const refused = await session.run(part(any, 0, rows)).then(
    () => false,
    () => true,
  )
  return refused ? sampleFeeds(session.inputs, calls * rows, { seed: 7, integers: 'zero' }) : any
}

async function agrees(before: InferenceSession, after: InferenceSession, rows: number): Promise<boolean> {
  const calls = Math.max(1, Math.ceil(3 / rows))
  const all = await madeUpRows(before, rows, calls)
  // Rows that are all the same tell nothing about whether each is answered by itself.
  if (calls * rows > 1 && sameRows(part(all, 0, 1), part(all, 1, 2))) return false
  const together = await after.run(all)
  for (let call = 0; call < calls; call++) {
    const expected = await before.run(part(all, call * rows, (call + 1) * rows))
    if (!sameRows(expected, part(together, call * rows, (call + 1) * rows))) return false
  }
  for (let row = 0; row < calls * rows; row++) {
    const alone = await after.run(part(all, row, row + 1))
    if (!sameRows(alone, part(together, row, row + 1))) return false
  }
  return true
}

function part(tensors: Tensors, start: number, end: number): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [name, sliceRows(tensor, start, end)]),
  )
}

function sameRows(expected: Tensors, actual: Tensors): boolean {
  return Object.entries(expected).every(([name, { shape, data }]) => {
    const other = actual[name]
    if (other === undefined || other.shape.join() !== shape.join() || other.data.length !== data.length)
      return false
    for (let i = 0; i < data.length; i++) if (!isClose(data[i]!, other.data[i]!)) return false
    return true
  })
}

function isClose(a: number | bigint | string, b: number | bigint | string): boolean {
  if (Object.is(a, b)) return true
  return (
    typeof a === 'number' && typeof b === 'number' && Math.abs(a - b) <= ABSOLUTE + RELATIVE * Math.abs(a)
  )
}
