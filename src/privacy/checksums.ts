/** The Luhn check (ISO/IEC 7812-1, annex B). Takes digits only. One random number in ten passes. */
export function passesLuhn(digits: string): boolean {
  let sum = 0
  for (let at = digits.length - 1, doubled = false; at >= 0; at--, doubled = !doubled) {
    const digit = Number(digits[at])
    sum += doubled ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit
  }
  return sum % 10 === 0
}

/** Lengths in the IBAN registry (ISO 13616, SWIFT release 97). */
const IBAN_LENGTH: Readonly<Record<string, number>> = {
  AD: 24,
  AE: 23,
  AL: 28,
  AT: 20,
  AZ: 28,
  BA: 20,
  BE: 16,
  BG: 22,
  BH: 22,
  BR: 29,
  BY: 28,
  CH: 21,
  CR: 22,
  CY: 28,
  CZ: 24,
  DE: 22,
  DK: 18,
  DO: 28,
  EE: 20,
  EG: 29,
  ES: 24,
  FI: 18,
  FO: 18,
  FR: 27,
  GB: 22,
  GE: 22,
  GI: 23,
  GL: 18,
  GR: 27,
  GT: 28,
  HR: 21,
  HU: 28,
  IE: 22,
  IL: 23,
  IQ: 23,
  IS: 26,
  IT: 27,
  JO: 30,
  KW: 30,
  KZ: 20,
  LB: 28,
  LC: 32,
  LI: 21,
  LT: 20,
  LU: 20,
  LV: 21,
  LY: 25,
  MC: 27,
  MD: 24,
  ME: 22,
  MK: 19,
  MR: 27,
  MT: 31,
  MU: 30,
  NL: 18,
  NO: 15,
  PK: 24,
  PL: 28,
  PS: 29,
  PT: 25,
  QA: 29,
  RO: 24,
  RS: 22,
  SA: 24,
  SC: 31,
  SE: 24,
  SI: 19,
  SK: 24,
  SM: 27,
  ST: 25,
  SV: 28,
  TL: 23,
  TN: 24,
  TR: 26,
  UA: 29,
  VA: 22,
  VG: 24,
  XK: 20,
}

/** An IBAN of a country's length whose digits give 1 modulo 97 (ISO 13616, ISO 7064 mod 97-10). Spaces are allowed. */
export function isIban(text: string): boolean {
  const compact = text.replaceAll(' ', '').toUpperCase()
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{11,28}$/.test(compact)) return false
  if (IBAN_LENGTH[compact.slice(0, 2)] !== compact.length) return false
  let remainder = 0
  for (const letter of compact.slice(4) + compact.slice(0, 4)) {
    const value = parseInt(letter, 36)
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97
  }
  return remainder === 1
}

/** First digits and lengths of the card schemes (ISO/IEC 7812 issuer identification numbers). */
const CARD = [
  /^4(\d{12}|\d{15}|\d{18})$/,
  /^(5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}$/,
  /^3[47]\d{13}$/,
  /^(6011|64[4-9]\d|65\d{2})\d{12}$/,
  /^(30[0-5]|3[689]\d)\d{11}$/,
  /^35(2[89]|[3-8]\d)\d{12}$/,
  /^62\d{14,17}$/,
]

/** The number of a payment card: prefix and length of a scheme, and the Luhn check. Groups may have spaces or hyphens. */
export function isPaymentCard(text: string): boolean {
  if (!/^\d[\d -]{11,22}\d$/.test(text)) return false
  const digits = text.replaceAll(/[ -]/g, '')
  return CARD.some((form) => form.test(digits)) && passesLuhn(digits)
}

/**
 * A US social security number as it is written, with hyphens. It has no checksum: area 000, 666 and 900 to 999, group 00 and serial
 * 0000 are never assigned (Social Security Administration, POMS RM 10201.035).
 */
export function isUsSsn(text: string): boolean {
  return /^(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}$/.test(text)
}

/**
 * A German tax id: 11 digits, not 0 first, among the first ten one digit two or three times and the others at most once, check digit
 * by ISO 7064 mod 11,10 (BZSt, structure of the identification number).
 */
export function isGermanTaxId(text: string): boolean {
  const digits = text.replaceAll(' ', '')
  if (!/^[1-9]\d{10}$/.test(digits)) return false
  const counts = new Map<string, number>()
  for (const digit of digits.slice(0, 10)) counts.set(digit, (counts.get(digit) ?? 0) + 1)
  const repeated = [...counts.values()].filter((count) => count > 1)
  if (repeated.length !== 1 || repeated[0]! > 3) return false
  let product = 10
  for (const digit of digits.slice(0, 10)) {
    const sum = (Number(digit) + product) % 10 || 10
    product = (sum * 2) % 11
  }
  return (11 - product) % 10 === Number(digits[10])
}

/** A Dutch burgerservicenummer: the eleven test, weights 9 to 2 and −1 (Rijksdienst voor Identiteitsgegevens). */
export function isDutchBsn(text: string): boolean {
  if (!/^\d{8,9}$/.test(text) || /^0+$/.test(text)) return false
  const sum = weighted(text.padStart(9, '0'), [9, 8, 7, 6, 5, 4, 3, 2, -1])
  return sum % 11 === 0
}

/** A Spanish DNI or NIE: the letter is that of the number modulo 23 (Real Decreto 1553/2005; NIE: X, Y, Z are 0, 1, 2). */
export function isSpanishDni(text: string): boolean {
  const [, first, rest, letter] = /^([XYZ]?)-?(\d{7,8})-?([A-Z])$/.exec(text.toUpperCase()) ?? []
  if (rest === undefined || (first === '') !== (rest.length === 8)) return false
  const number = Number((first === '' ? '' : String('XYZ'.indexOf(first!))) + rest)
  return 'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23] === letter
}

/** An NHS number: ten digits, the last from modulus 11 of weights 10 to 2 (NHS Data Dictionary). Written 3-3-4 or in one. */
export function isNhsNumber(text: string): boolean {
  if (!/^\d{3}[ -]?\d{3}[ -]?\d{4}$/.test(text)) return false
  const digits = text.replaceAll(/[ -]/g, '')
  const check = 11 - (weighted(digits.slice(0, 9), [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11)
  return !/^(\d)\1+$/.test(digits) && (check === 11 ? 0 : check) === Number(digits[9])
}

/** A French NIR of 15 digits: key = 97 − number modulo 97; in Corsica 2A counts as 19, 2B as 18 (INSEE). */
export function isFrenchNir(text: string): boolean {
  const compact = text.replaceAll(' ', '').toUpperCase()
  if (!/^[12]\d{2}(0[1-9]|1[0-2]|[2-9]\d)(\d{2}|2[AB])\d{6}\d{2}$/.test(compact)) return false
  const number = BigInt(compact.slice(0, 13).replace('2A', '19').replace('2B', '18'))
  return 97n - (number % 97n) === BigInt(compact.slice(13))
}

/** A Polish PESEL: eleven digits with a date of birth, weights 1 3 7 9 (Ministry of Digital Affairs). */
export function isPesel(text: string): boolean {
  if (!/^\d{2}([02468][1-9]|[13579][0-2])(0[1-9]|[12]\d|3[01])\d{5}$/.test(text)) return false
  return weighted(text, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 === 0
}

/** A Brazilian CPF: two check digits by modulus 11 (Receita Federal). */
export function isCpf(text: string): boolean {
  if (!/^\d{3}\.?\d{3}\.?\d{3}-?\d{2}$/.test(text)) return false
  const digits = text.replaceAll(/[.-]/g, '')
  if (/^(\d)\1+$/.test(digits)) return false
  const check = (length: number): number => {
    const weights = Array.from({ length }, (_, at) => length + 1 - at)
    const sum = weighted(digits, weights)
    return ((sum * 10) % 11) % 10
  }
  return check(9) === Number(digits[9]) && check(10) === Number(digits[10])
}

function weighted(digits: string, weights: readonly number[]): number {
  return weights.reduce((sum, weight, at) => sum + weight * Number(digits[at]), 0)
}
