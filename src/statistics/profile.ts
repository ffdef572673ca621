import { AppError } from '../kernel/errors.ts'
import { hashJson } from '../kernel/json.ts'
import { binIndex, prepareBins } from './bins.ts'
import type { FrozenBins, PreparedBins } from './bins.ts'
import { decodeCounts, encodeCounts } from './sparse-counts.ts'

/** What a profile counts. Stored as JSON with the model version; the score and label bins belong to the deployment. */
export type LayoutDefinition = {
  features: readonly { name: string; bins: FrozenBins }[]
  score: FrozenBins
  /** Classes as category bins (`'0'`, `'1'`), or number bins for a regression. */
  label: FrozenBins
}

/** A layout made ready for counting. Sections of the vector, in order: totals, features, scores, (score × label). */
export type ProfileLayout = LayoutDefinition & {
  readonly layoutHash: string
  readonly featureBins: readonly PreparedBins[]
  readonly featureOffsets: readonly number[]
  readonly scoreBins: PreparedBins
  readonly scoreOffset: number
  readonly labelBins: PreparedBins
  readonly labelOffset: number
  readonly length: number
}

/**
 * Additive counts over a layout: whole numbers, exact to 2^51. A profile of one segment may hold negative cells, where
 * it corrects labels that an earlier one counted; the sum over all segments does not.
 */
export type Profile = { readonly layoutHash: string; readonly counts: Float64Array }

const ROWS = 0
const LABELLED = 1
const VIOLATIONS = 2
const TOTALS = 3
const VERSION = 1
const HASH_BYTES = 8

export function prepareLayout(definition: LayoutDefinition): ProfileLayout {
  const { features, score, label } = definition
  const featureBins = features.map((feature) => prepareBins(feature.bins))
  const featureOffsets: number[] = []
  let offset = TOTALS
  for (const bins of featureBins) {
    featureOffsets.push(offset)
    offset += bins.cells
  }
  const scoreBins = prepareBins(score)
  const labelBins = prepareBins(label)
  const labelOffset = offset + scoreBins.cells
  return {
    features,
    score,
    label,
    layoutHash: hashJson({ features, score, label }),
    featureBins,
    featureOffsets,
    scoreBins,
    scoreOffset: offset,
    labelBins,
    labelOffset,
    length: labelOffset + scoreBins.cells * labelBins.cells,
  }
}

export function emptyProfile(layout: ProfileLayout): Profile {
  return { layoutHash: layout.layoutHash, counts: new Float64Array(layout.length) }
}

/** Counts one row: its feature values in layout order and its score. Returns the score's cell, which the label will need. */
export function observe(
  layout: ProfileLayout,
  profile: Profile,
  values: ArrayLike<unknown>,
  score: unknown,
  violations = 0,
): number {
  const { counts } = profile
  counts[ROWS]!++
  counts[VIOLATIONS]! += violations
  for (let i = 0; i < layout.featureBins.length; i++)
    counts[layout.featureOffsets[i]! + binIndex(layout.featureBins[i]!, values[i])]!++
  const cell = binIndex(layout.scoreBins, score)
  counts[layout.scoreOffset + cell]!++
  return cell
}

/** Counts a whole column of one feature without counting rows; a reference profile is built from columns so. */
export function observeColumn(
  layout: ProfileLayout,
  profile: Profile,
  feature: number,
  column: ArrayLike<unknown>,
): void {
  const bins = layout.featureBins[feature]!
  const offset = layout.featureOffsets[feature]!
  for (let i = 0; i < column.length; i++) profile.counts[offset + binIndex(bins, column[i])]!++
}

/** Counts a column of scores, and as many rows. */
export function observeScores(layout: ProfileLayout, profile: Profile, scores: ArrayLike<unknown>): void {
  profile.counts[ROWS]! += scores.length
  for (let i = 0; i < scores.length; i++)
    profile.counts[layout.scoreOffset + binIndex(layout.scoreBins, scores[i])]!++
}

/** Counts a label under its prediction's score cell; a revision subtracts the old label (−1) and adds the new one. */
export function observeLabel(
  layout: ProfileLayout,
  profile: Profile,
  scoreCell: number,
  label: unknown,
  sign: 1 | -1 = 1,
): void {
  profile.counts[LABELLED]! += sign
  profile.counts[
    layout.labelOffset + scoreCell * layout.labelBins.cells + binIndex(layout.labelBins, label)
  ]! += sign
}

/** The sum of profiles over one layout, as a new profile. Throws `invalid` when the layouts differ. */
export function addProfiles(first: Profile, ...others: readonly Profile[]): Profile {
  const counts = Float64Array.from(first.counts)
  const sum = { layoutHash: first.layoutHash, counts }
  for (const other of others) addInto(sum, other)
  return sum
}

/** Adds `other` to `sum` in place. */
export function addInto(sum: Profile, other: Profile): void {
  if (sum.layoutHash !== other.layoutHash) throw layoutMismatch(sum.layoutHash, other.layoutHash)
  for (let i = 0; i < sum.counts.length; i++) sum.counts[i]! += other.counts[i]!
}

/** Predictions counted, labels counted, and rows or values that broke the schema. */
export function profileTotals({ counts }: Profile): { rows: number; labelled: number; violations: number } {
  return { rows: counts[ROWS]!, labelled: counts[LABELLED]!, violations: counts[VIOLATIONS]! }
}

/** The cells of one feature, as a view. */
export function featureCells(layout: ProfileLayout, profile: Profile, feature: number): Float64Array {
  const offset = layout.featureOffsets[feature]!
  return profile.counts.subarray(offset, offset + layout.featureBins[feature]!.cells)
}

/** The cells of the score, as a view. */
export function scoreCells(layout: ProfileLayout, profile: Profile): Float64Array {
  return profile.counts.subarray(layout.scoreOffset, layout.labelOffset)
}

/** The score cells of the rows whose label fell into one label cell: one column of the (score × label) table. */
export function scoresOfLabel(layout: ProfileLayout, profile: Profile, label: unknown): Float64Array {
  const width = layout.labelBins.cells
  const column = layout.labelOffset + binIndex(layout.labelBins, label)
  return Float64Array.from(
    { length: layout.scoreBins.cells },
    (_, row) => profile.counts[column + row * width]!,
  )
}

/** How often each label cell was counted, in cell order. */
export function labelCells(layout: ProfileLayout, profile: Profile): Float64Array {
  const width = layout.labelBins.cells
  const sums = new Float64Array(width)
  for (let i = layout.labelOffset; i < layout.length; i++)
    sums[(i - layout.labelOffset) % width]! += profile.counts[i]!
  return sums
}

/** A version byte, eight bytes of the layout's hash, then the sparse counts. */
export function encodeProfile(profile: Profile): Uint8Array {
  const header = new Uint8Array(1 + HASH_BYTES)
  header[0] = VERSION
  for (let i = 0; i < HASH_BYTES; i++)
    header[1 + i] = Number.parseInt(profile.layoutHash.slice(2 * i, 2 * i + 2), 16)
  return encodeCounts(profile.counts, header)
}

/** Throws `invalid` for bytes of another version or layout, and for damaged ones. */
export function decodeProfile(layout: ProfileLayout, bytes: Uint8Array): Profile {
  if (bytes[0] !== VERSION)
    throw new AppError('invalid', `Profile version ${bytes[0]} is not known; expected ${VERSION}.`)
  const hash = Array.from(bytes.subarray(1, 1 + HASH_BYTES), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
  if (!layout.layoutHash.startsWith(hash)) throw layoutMismatch(layout.layoutHash, hash)
  return { layoutHash: layout.layoutHash, counts: decodeCounts(bytes, 1 + HASH_BYTES, layout.length) }
}

function layoutMismatch(expected: string, found: string): AppError {
  return new AppError(
    'invalid',
    `A profile over layout ${found.slice(0, 16)} was given where one over ${expected.slice(0, 16)} is expected.`,
  )
}
