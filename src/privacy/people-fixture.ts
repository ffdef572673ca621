import {
  isDutchBsn,
  isFrenchNir,
  isGermanTaxId,
  isIban,
  isNhsNumber,
  isPaymentCard,
  isSpanishDni,
} from './checksums.ts'

const FIRST = ['Ada', 'Grace', 'Alan', 'Emmy', 'Noor', 'Łucja', 'José', 'Mei', 'Olu', 'Ingrid']
const LAST = [
  'Lovelace',
  'Hopper',
  'Turing',
  'Noether',
  'de Vries',
  'Kowalska',
  'García',
  'Chen',
  'Adeyemi',
  'Öz',
]

/** People who do not exist, the same ones each time; every number passes the checksum of its kind. */
export function people(count: number): Record<string, unknown>[] {
  let state = 42
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
  const digits = (length: number): string => Array.from({ length }, () => below(10)).join('')
  const find = (make: () => string, check: (text: string) => boolean): string => {
    for (;;) {
      const text = make()
      if (check(text)) return text
    }
  }
  return Array.from({ length: count }, (_, index) => {
    const first = FIRST[below(FIRST.length)]!
    const last = LAST[below(LAST.length)]!
    const email = `${first}.${last}${index}@example.org`.normalize('NFD').replaceAll(/[^\w.@]/g, '')
    return {
      id: index,
      name: `${first} ${last}`,
      contact: email,
      mobile: 491_700_000_000 + below(9_999_999),
      reachable: `(${202 + below(500)}) 555-${String(below(9999)).padStart(4, '0')}`,
      account: find(() => `NL${digits(2)}ABNA${digits(10)}`, isIban),
      paid_with: find(() => `4${digits(15)}`, isPaymentCard),
      Steuer: find(() => digits(11), isGermanTaxId),
      bsn: Number(find(() => `1${digits(8)}`, isDutchBsn)),
      documento: find(() => digits(8) + 'TRWAGMYFPDXBNJZSQVHLCKE'[below(23)]!, isSpanishDni),
      nhsNumber: find(() => `${400 + below(100)} ${digits(3)} ${digits(4)}`, isNhsNumber),
      nir: find(() => `${1 + below(2)}${digits(2)}0${1 + below(9)}${digits(8)}${digits(2)}`, isFrenchNir),
      social: `${100 + below(500)}-${10 + below(89)}-${1000 + below(8999)}`,
      lastSeenFrom: `192.0.2.${below(255)}`,
      device: Array.from({ length: 6 }, () => below(256).toString(16).padStart(2, '0')).join(':'),
      dateOfBirth: `${1930 + below(80)}-0${1 + below(9)}-${10 + below(18)}`,
      street: `${last} Street ${below(200)}`,
      zip: String(10_000 + below(89_999)),
      notes: below(20) === 0 ? `please write to ${email} instead` : `called ${below(9)} times, case ${index}`,
      amount: below(100_000) / 100,
      visits: below(30),
    }
  })
}
