import { sum } from '../kernel/sum.ts'
import { categoriesByRows, codesIn, numbersOf } from './inputs.ts'
import type { FeatureSpec, Frame } from './schema.ts'

/** How one feature becomes columns of the design matrix. */
export type Encoding =
  | {
      readonly kind: 'number'
      readonly name: string
      readonly mean: number
      /** 1 / standard deviation; 0 for a constant. */
      readonly scale: number
      /** Missing values were seen, so they have a weight of their own; they count as the mean besides. */
      readonly hasMissing: boolean
    }
  | { readonly kind: 'category'; readonly name: string; readonly categories: readonly string[] }

/** Column values of one feature for the rows of a frame: dense numbers, or for each row the one column that is 1 (-1 is none). */
export type Block =
  | { readonly kind: 'dense'; readonly feature: number; readonly values: Float64Array }
  | { readonly kind: 'oneHot'; readonly feature: number; readonly codes: Int32Array; readonly width: number }

/** The design matrix by blocks. Column 0 is the intercept, the blocks' columns follow in order. */
export interface Design {
  readonly rows: number
  readonly width: number
  readonly blocks: readonly Block[]
}

export function makeEncodings(
  frame: Frame,
  features: readonly FeatureSpec[],
  minCategoryRows: number,
): Encoding[] {
  return features.map(({ name, kind }) => {
    if (kind === 'number') return { kind, name, ...momentsOf(numbersOf(frame, name)) }
    const frequent = categoriesByRows(frame, name).filter(({ rows }) => rows >= minCategoryRows)
    return { kind, name, categories: frequent.map(({ category }) => category) }
  })
}

export function makeDesign(frame: Frame, encodings: readonly Encoding[]): Design {
  const blocks = encodings.flatMap((encoding, feature): Block[] => {
    if (encoding.kind === 'category') {
      const codes = codesIn(frame, encoding.name, encoding.categories)
      return [{ kind: 'oneHot', feature, codes, width: encoding.categories.length }]
    }
    const { mean, scale } = encoding
    const numbers = numbersOf(frame, encoding.name)
    const values = Float64Array.from(numbers, (value) => (Number.isNaN(value) ? 0 : (value - mean) * scale))
    const dense: Block = { kind: 'dense', feature, values }
    if (!encoding.hasMissing) return [dense]
    const codes = Int32Array.from(numbers, (value) => (Number.isNaN(value) ? 0 : -1))
    return [dense, { kind: 'oneHot', feature, codes, width: 1 }]
  })
  const width = blocks.reduce((sum, block) => sum + widthOf(block), 1)
  return { rows: frame.rows, width, blocks }
}

/** result = X · weights */
export function multiply(design: Design, weights: Float64Array, result: Float64Array): void {
  result.fill(weights[0]!)
  let column = 1
  for (const block of design.blocks) {
    if (block.kind === 'dense') {
      const weight = weights[column]!
      for (let row = 0; row < result.length; row++) result[row]! += block.values[row]! * weight
    } else {
      for (let row = 0; row < result.length; row++) {
        const code = block.codes[row]!
        if (code >= 0) result[row]! += weights[column + code]!
      }
    }
    column += widthOf(block)
  }
}

/** result = Xᵀ · values, or with each entry of X squared. */
export function multiplyTransposed(
  design: Design,
  values: Float64Array,
  result: Float64Array,
  squared = false,
): void {
  result.fill(0)
  for (const value of values) result[0]! += value
  let column = 1
  for (const block of design.blocks) {
    if (block.kind === 'dense') result[column] = dot(block.values, values, squared)
    else {
      for (let row = 0; row < values.length; row++) {
        const code = block.codes[row]!
        if (code >= 0) result[column + code]! += values[row]!
      }
    }
    column += widthOf(block)
  }
}

export function widthOf(block: Block): number {
  return block.kind === 'dense' ? 1 : block.width
}

function dot(values: Float64Array, factors: Float64Array, squared: boolean): number {
  let sum = 0
  if (squared) for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]! * factors[i]!
  else for (let i = 0; i < values.length; i++) sum += values[i]! * factors[i]!
  return sum
}

function momentsOf(numbers: Float32Array): { mean: number; scale: number; hasMissing: boolean } {
  const known = numbers.filter((value) => !Number.isNaN(value))
  if (known.length === 0) return { mean: 0, scale: 0, hasMissing: true }
  const mean = sum(known) / known.length
  const variance = known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / known.length
  return {
    mean,
    scale: variance > 0 ? 1 / Math.sqrt(variance) : 0,
    hasMissing: known.length < numbers.length,
  }
}
