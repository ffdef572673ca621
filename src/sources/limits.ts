/** Of a file: what is wider is refused, since every column costs in each version. */
export const MAX_COLUMNS = 2_000
/** Of one row of a text file, or one element of a JSON file. */
export const MAX_ROW_BYTES = 16_000_000
/** Of brackets and braces in JSON. */
export const MAX_DEPTH = 500
/** The line of names of a CSV file. */
export const MAX_HEADER_BYTES = 1_000_000

/** Content may grow to this size whatever the file's own, and beyond it by the factor at most: tables grow 3 to 20 times. */
const ALWAYS_ALLOWED_BYTES = 256 * 2 ** 20
const MAX_GROWTH = 100

/** How many bytes a compressed file of a size may hold. */
export function mostBytes(compressedBytes: number): number {
  return Math.max(ALWAYS_ALLOWED_BYTES, compressedBytes * MAX_GROWTH)
}
