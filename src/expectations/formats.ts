import { quoteLiteral } from '../ports/analytics/analytics.ts'
import type { Expectation } from './definition.ts'

export type TextFormat = Extract<Expectation, { check: 'format' }>['format']

/** In the order in which they are looked for: a narrower one comes before those that its texts have too. */
export const textFormats: readonly TextFormat[] = ['uuid', 'email', 'url', 'ip', 'date', 'timestamp', 'phone']

const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])'
const IP_V4 = `(?:${OCTET}\\.){3}${OCTET}`
const GROUP = '[0-9A-Fa-f]{1,4}'
const IP_V6 = [
  `(?:${GROUP}:){7}${GROUP}`,
  `(?:${GROUP}:){1,7}:`,
  ...[1, 2, 3, 4, 5, 6].map((after) => `(?:${GROUP}:){1,${7 - after}}(?::${GROUP}){1,${after}}`),
  `:(?:(?::${GROUP}){1,7}|:)`,
  `(?:${GROUP}:){6}${IP_V4}`,
  `::(?:ffff(?::0{1,4})?:)?${IP_V4}`,
].join('|')
const ZONE = '(?:Z|[+-][0-9]{2}:?[0-9]{2})'

/** Whole texts, in RE2 syntax. */
const PATTERNS: Readonly<Record<TextFormat, string>> = {
  email: `[A-Za-z0-9.!#$%&'*+/=?^_{|}~\`-]{1,64}@(?:${LABEL}\\.)+${LABEL}`,
  uuid: '[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}',
  date: '[0-9]{4}-[0-9]{2}-[0-9]{2}',
  timestamp: `[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\\.[0-9]+)?)?${ZONE}?`,
  url: '(?i:https?|ftp)://[^\\s/?#:]+(?::[0-9]{1,5})?(?:[/?#][^\\s]*)?',
  ip: `${IP_V4}|${IP_V6}`,
  phone: '\\+?[0-9(][0-9 ()./-]*[0-9]',
}

/** SQL that is true for a text of that format, and false or null for null. */
export function formatCondition(format: TextFormat, column: string): string {
  const whole = `regexp_full_match(${column}, ${quoteLiteral(PATTERNS[format])})`
  switch (format) {
    case 'date':
      return `(${whole} AND TRY_CAST(${column} AS DATE) IS NOT NULL)`
    case 'timestamp':
      return `(${whole} AND TRY_CAST(regexp_replace(${column}, '${ZONE}$', '') AS TIMESTAMP) IS NOT NULL)`
    case 'phone':
      return `(${whole} AND length(regexp_replace(${column}, '[^0-9]', '', 'g')) BETWEEN 7 AND 15)`
    case 'email':
    case 'uuid':
    case 'url':
    case 'ip':
      return whole
  }
}
