/** Milliseconds of an ISO 8601 time, which is UTC where it names no zone; NaN for any other text. */
export function parseTime(text: string): number {
  if (!/^\d{4}-\d\d-\d\d/.test(text)) return NaN
  if (text.length === 10) return Date.parse(text)
  return Date.parse(/([zZ]|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text.replace(' ', 'T')}Z`)
}
