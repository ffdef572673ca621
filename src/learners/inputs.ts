import { AppError } from '../kernel/errors.ts'
import type { CategoryColumn, Column, FeatureSpec, Frame, NumberColumn } from './schema.ts'

/** A number column as the float32 values that the exported graph sees; NaN is missing. */
export function numbersOf(frame: Frame, name: string, from = 0, to = frame.rows): Float32Array {
  return new Float32Array((frame.columns[name] as NumberColumn).values.subarray(from, to))
}

/** For each row the place of its category in `vocabulary`, or -1 for missing (the empty text too) and unseen. */
export function codesIn(frame: Frame, name: string, vocabulary: readonly string[]): Int32Array {
  const column = frame.columns[name] as CategoryColumn
  const places = new Map(vocabulary.map((category, place) => [category, place]))
  const lookup = Int32Array.from(column.categories, (category) => places.get(category) ?? -1)
  return column.codes.map((code) => (code < 0 ? -1 : lookup[code]!))
}

/** Categories with the rows that have them, most rows first; the empty text means missing and is left out. */
export function categoriesByRows(frame: Frame, name: string): { category: string; rows: number }[] {
  const column = frame.columns[name] as CategoryColumn
  const counts = new Float64Array(column.categories.length)
  for (const code of column.codes) if (code >= 0) counts[code]! += 1
  const rows = new Map<string, number>()
  column.categories.forEach((category, code) => {
    if (counts[code]! > 0 && category !== '') rows.set(category, (rows.get(category) ?? 0) + counts[code]!)
  })
  return [...rows]
    .map(([category, rows]) => ({ category, rows }))
    .sort((a, b) => b.rows - a.rows || (a.category < b.category ? -1 : 1))
}

/** Throws `invalid` unless the frame has every feature as declared, `rows` long and with codes inside their categories. */
export function checkFrame(frame: Frame, features: readonly FeatureSpec[]): void {
  for (const { name, kind } of features) {
    const column = Object.hasOwn(frame.columns, name) ? frame.columns[name] : undefined
    if (column === undefined) {
      const known = Object.keys(frame.columns).join(', ') || 'no columns'
      throw new AppError('invalid', `Feature "${name}" is no column of the frame; the frame has ${known}.`)
    }
    if (column.kind !== kind) {
      throw new AppError(
        'invalid',
        `Feature "${name}" is declared a ${kind}, but its column is a ${column.kind}.`,
      )
    }
    checkColumn(name, column, frame.rows)
  }
}

/** Throws `invalid` for values that cannot be learned from: infinities (also beyond float32) and text that is no Unicode. */
export function checkTrainable(frame: Frame, features: readonly FeatureSpec[]): void {
  for (const { name, kind } of features) {
    if (kind === 'number') {
      const row = numbersOf(frame, name).findIndex((value) => Math.abs(value) === Infinity)
      if (row >= 0) {
        const range = 'numbers must be finite and below 3.4e38 (float32); use NaN for a missing value'
        throw new AppError('invalid', `Feature "${name}" is infinite in row ${row}; ${range}.`)
      }
      continue
    }
    const broken = (frame.columns[name] as CategoryColumn).categories.find((text) => !text.isWellFormed())
    if (broken !== undefined) {
      throw new AppError(
        'invalid',
        `Feature "${name}" has a category with a lone surrogate; categories must be valid Unicode.`,
      )
    }
  }
}

function checkColumn(name: string, column: Column, rows: number): void {
  const length = column.kind === 'number' ? column.values.length : column.codes.length
  if (length !== rows) {
    throw new AppError(
      'invalid',
      `Column "${name}" has ${length} values, but the frame has ${rows} rows; they must be equal.`,
    )
  }
  if (column.kind === 'number') return
  const limit = column.categories.length
  const row = column.codes.findIndex((code) => code < -1 || code >= limit)
  if (row >= 0) {
    const code = column.codes[row]
    throw new AppError(
      'invalid',
      `Column "${name}" has code ${code} in row ${row}; codes are -1 (missing) to ${limit - 1}.`,
    )
  }
}
