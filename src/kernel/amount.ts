/** A count as a sentence shows it: `8,412`. */
export function amount(count: number): string {
  return count.toLocaleString('en-US')
}
