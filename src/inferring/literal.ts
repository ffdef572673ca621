/** A value as TypeScript, in the style of the house: single quotes, names without quotes where they may be. */
export function literal(value: unknown): string {
  if (typeof value === 'string') return quoted(value)
  if (value instanceof RegExp) return String(value)
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).flatMap(([key, member]) =>
      member === undefined ? [] : [`${memberName(key)}: ${literal(member)}`],
    )
    return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`
  }
  return String(value)
}

export function quoted(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")
  return `'${escaped.replaceAll(/[\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16)}`)}'`
}

function memberName(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key)
}

/** Text that may stand after `//`. */
export function comment(text: string): string {
  return text.replaceAll(/\s+/g, ' ')
}

/** A share with as many digits as tell it from nothing and from everything. */
export function percent(share: number): string {
  if (share === 0 || share === 1) return `${share * 100} %`
  const digits = Math.min(share, 1 - share) < 0.001 ? 3 : 1
  return `${(share * 100).toFixed(digits)} %`
}

export function decimal(value: number): string {
  return String(Number(value.toPrecision(4)))
}
