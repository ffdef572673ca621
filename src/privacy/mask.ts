/** Every mask is as wide, so that the length of a value does not show. */
const HIDDEN = '***'
/** Fewer digits than this are too few to show four of them. */
const LONG_NUMBER = 8

/**
 * A value as it may be shown: of an e-mail address the domain, of a number of at least eight digits (phone, card, account) the
 * last four characters, of other text the first letter; of anything shorter than three characters nothing.
 */
export function maskValue(value: string): string {
  const domain = /^[^@ \t\r\n]+@([^@ \t\r\n]+)$/.exec(value)?.[1]
  if (domain !== undefined) return `${HIDDEN}@${domain}`
  const digits = value.replaceAll(/[^0-9]/g, '')
  if (digits.length >= LONG_NUMBER) return HIDDEN + value.replaceAll(/[^0-9A-Za-z]/g, '').slice(-4)
  const first = /^[A-Za-z\u{80}-\u{10ffff}]/u.exec(value)?.[0]
  return first !== undefined && Array.from(value).length > 2 ? first + HIDDEN : HIDDEN
}

/** `maskValue` in DuckDB: SQL of a text column gives SQL of its mask; null stays null. */
export function maskSql(text: string): string {
  const digits = `length(regexp_replace(${text}, '[^0-9]', '', 'g'))`
  const plain = `regexp_replace(${text}, '[^0-9A-Za-z]', '', 'g')`
  return `CASE WHEN ${text} IS NULL THEN NULL
    WHEN regexp_full_match(${text}, '[^@ \\t\\r\\n]+@[^@ \\t\\r\\n]+') THEN '${HIDDEN}@' || regexp_extract(${text}, '@([^@ ]+)$', 1)
    WHEN ${digits} >= ${LONG_NUMBER} THEN '${HIDDEN}' || right(${plain}, 4)
    WHEN length(${text}) > 2 AND regexp_matches(${text}, '^[A-Za-z\\x{80}-\\x{10ffff}]') THEN left(${text}, 1) || '${HIDDEN}'
    ELSE '${HIDDEN}' END`
}
