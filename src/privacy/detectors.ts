import { isIP } from 'node:net'
import {
  isCpf,
  isDutchBsn,
  isFrenchNir,
  isGermanTaxId,
  isIban,
  isNhsNumber,
  isPaymentCard,
  isPesel,
  isSpanishDni,
  isUsSsn,
} from './checksums.ts'
import type { PersonalKind } from './schema.ts'

export type ColumnKind = 'text' | 'integer' | 'number' | 'time'

/**
 * How one kind of personal column is known. A column is of the kind when `minShare` of its distinct values have the form and there are at
 * least `minValues`; or, with `named`, when its name says so and the values have the form.
 */
export interface Detector {
  kind: PersonalKind
  of: readonly ColumnKind[]
  /** For people: "… have the form of …". */
  form: string
  /** Held against the words of the column's name in lower case, joined by `_`. */
  named?: RegExp
  matches: (value: string) => boolean
  minShare: number
  /** How many distinct values must have the form where no name helps; none: values alone never decide. */
  minValues?: number
  confidence: 'high' | 'medium' | 'low'
}

const words = (pattern: string): RegExp => new RegExp(`(^|_)(${pattern})(_|$)`)

const EMAIL =
  /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*\.[a-z]{2,}$/i
/** `+49 30 901820` (E.164), `(202) 555-0143`, `202-555-0143`, `030/901820`, `020 7946 0018`. */
const PHONE = [
  /^\+[1-9][0-9]{0,3}[ .-]?(\(0?[0-9]{1,4}\)[ .-]?)?[0-9](?:[ .-]?[0-9]){5,12}$/,
  /^(1[ .-])?(\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}$/,
  /^\(?0[1-9][0-9]{1,4}\)?[ /-][0-9](?:[ -]?[0-9]){4,9}$/,
]

/** Which form decides first where two fit: the most telling first. */
export const detectors: readonly Detector[] = [
  {
    kind: 'email',
    of: ['text'],
    form: 'an e-mail address',
    named: words('e_?mail|mail'),
    matches: (value) => EMAIL.test(value),
    minShare: 0.8,
    minValues: 1,
    confidence: 'high',
  },
  {
    kind: 'iban',
    of: ['text'],
    form: 'an IBAN whose check digits are right',
    named: words('iban'),
    matches: isIban,
    minShare: 0.8,
    minValues: 2,
    confidence: 'high',
  },
  {
    kind: 'payment_card',
    of: ['text', 'integer'],
    form: 'a payment card’s prefix, length and check digit',
    named: words('card|pan|cc|credit_?card'),
    matches: isPaymentCard,
    minShare: 0.9,
    minValues: 3,
    confidence: 'high',
  },
  {
    kind: 'es_dni',
    of: ['text'],
    form: 'a Spanish DNI or NIE whose letter is right',
    named: words('dni|nie|nif'),
    matches: isSpanishDni,
    minShare: 0.9,
    minValues: 3,
    confidence: 'high',
  },
  {
    kind: 'fr_nir',
    of: ['text', 'integer'],
    form: 'a French NIR whose key is right',
    named: words('nir|insee|secu'),
    matches: isFrenchNir,
    minShare: 0.9,
    minValues: 3,
    confidence: 'high',
  },
  {
    kind: 'us_ssn',
    of: ['text'],
    form: 'a US social security number',
    named: words('ssn|social_security(_number)?'),
    matches: isUsSsn,
    minShare: 0.9,
    minValues: 5,
    confidence: 'high',
  },
  {
    kind: 'pl_pesel',
    of: ['text', 'integer'],
    form: 'a PESEL whose check digit is right',
    named: words('pesel'),
    matches: isPesel,
    minShare: 0.9,
    minValues: 10,
    confidence: 'high',
  },
  {
    kind: 'de_tax_id',
    of: ['text', 'integer'],
    form: 'a German tax id whose check digit is right',
    named: words('steuer_?id|idnr|tax_?id|tin'),
    matches: isGermanTaxId,
    minShare: 0.9,
    minValues: 10,
    confidence: 'high',
  },
  {
    kind: 'br_cpf',
    of: ['text', 'integer'],
    form: 'a CPF whose check digits are right',
    named: words('cpf'),
    matches: isCpf,
    minShare: 0.9,
    minValues: 10,
    confidence: 'high',
  },
  {
    kind: 'nl_bsn',
    of: ['text', 'integer'],
    form: 'a burgerservicenummer that passes the eleven test',
    named: words('bsn|sofi(_?nummer)?|burgerservicenummer'),
    matches: isDutchBsn,
    minShare: 0.9,
    minValues: 20,
    confidence: 'high',
  },
  {
    kind: 'uk_nhs',
    of: ['text', 'integer'],
    form: 'an NHS number whose check digit is right',
    named: words('nhs(_(number|no))?'),
    matches: isNhsNumber,
    minShare: 0.9,
    minValues: 20,
    confidence: 'high',
  },
  {
    kind: 'ip_address',
    of: ['text'],
    form: 'an IP address',
    named: words('ip|ip_?(address|addr)'),
    matches: (value) => isIP(value) !== 0,
    minShare: 0.9,
    minValues: 2,
    confidence: 'high',
  },
  {
    kind: 'mac_address',
    of: ['text'],
    form: 'a MAC address',
    named: words('mac|mac_?(address|addr)'),
    matches: (value) => /^[0-9a-f]{2}([:-])[0-9a-f]{2}(\1[0-9a-f]{2}){4}$/i.test(value),
    minShare: 0.9,
    minValues: 2,
    confidence: 'high',
  },
  {
    kind: 'phone',
    of: ['text'],
    form: 'a phone number',
    matches: (value) => PHONE.some((form) => form.test(value)),
    minShare: 0.8,
    minValues: 3,
    confidence: 'medium',
  },
  {
    kind: 'phone',
    of: ['text', 'integer'],
    form: '7 to 15 digits',
    named: words('phone|telephone|tel|mobile|cell|fax|msisdn|telefon|handy|gsm'),
    matches: (value) =>
      /^[+(]?[0-9][0-9 ()./-]*$/.test(value) && /^\d{7,15}$/.test(value.replaceAll(/\D/g, '')),
    minShare: 0.7,
    confidence: 'medium',
  },
  {
    kind: 'birth_date',
    of: ['time', 'text', 'integer'],
    form: 'a date or a year between 1900 and today',
    named: words('dob|birth_?(date|day|year)|(date|year|day)_of_birth|born|geburtsdatum|geboren'),
    matches: isBirthDate,
    minShare: 0.9,
    confidence: 'medium',
  },
  {
    kind: 'person_name',
    of: ['text'],
    form: 'a name',
    named: words(
      '(first|last|middle|given|family|maiden|full|sur|fore|nick)_?names?|vorname|nachname|(person|customer|client|patient|employee|student|passenger|guest|contact|user|member|owner|donor|holder)_full_name|(person|customer|client|patient|employee|student|passenger|guest|contact|member|donor|cardholder)_?name',
    ),
    matches: (value) => /^\p{L}[\p{L}\p{M}'’ .,()"-]*$/u.test(value),
    minShare: 0.8,
    confidence: 'medium',
  },
  {
    kind: 'user_name',
    of: ['text'],
    form: 'a user name',
    named: /^(user_?name|login|screen_name|login_name)$/,
    matches: (value) => value.length <= 64,
    minShare: 0.9,
    confidence: 'medium',
  },
  {
    kind: 'postal_address',
    of: ['text'],
    form: 'text',
    named:
      /(^|_)((street|home|postal|mailing|shipping|billing|delivery)_(address|addr)|street(_name)?|address(_?line)?(_?\d)?|strasse|anschrift)$/,
    matches: (value) => /\p{L}/u.test(value),
    minShare: 0.8,
    confidence: 'medium',
  },
  {
    kind: 'postal_code',
    of: ['text', 'integer'],
    form: 'a postal code',
    named: words('zip|zip_?codes?|postal_?codes?|post_?codes?|plz'),
    matches: (value) => /^[0-9A-Z]{2,5}[ -]?[0-9A-Z]{0,5}$/i.test(value) && /\d/.test(value),
    minShare: 0.8,
    confidence: 'low',
  },
  {
    kind: 'coordinates',
    of: ['number'],
    form: 'degrees of latitude or longitude',
    named: words('lat|latitude|lon|lng|long|longitude'),
    matches: (value) => Math.abs(Number(value)) <= 180,
    minShare: 0.99,
    confidence: 'low',
  },
]

/** For a column that is called `name`, in a table that is about people. */
export const nameOfPerson: Detector = {
  kind: 'person_name',
  of: ['text'],
  form: 'a name of a person, beside other columns about people',
  named: words('name'),
  matches: (value) => /^\p{Lu}[\p{L}\p{M}'’.-]*([ ,]+\p{L}[\p{L}\p{M}'’.-]*)+$/u.test(value),
  minShare: 0.7,
  confidence: 'medium',
}

/** An address anywhere in longer text. */
export const EMAIL_INSIDE = '[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,}'

function isBirthDate(value: string): boolean {
  const year =
    /^(\d{4})(-\d{2}-\d{2}|$)/.exec(value)?.[1] ?? /^\d{1,2}[./]\d{1,2}[./](\d{4})$/.exec(value)?.[1]
  return year !== undefined && Number(year) >= 1900 && Number(year) <= new Date().getUTCFullYear()
}

/** `customerEMail`, `Customer E-Mail` and `CUSTOMER_EMAIL` are `customer_e_mail` and `customer_email`. */
export function wordsOfColumn(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/[^\p{L}\p{N}]+/gu, '_')
    .replaceAll(/^_+|_+$/g, '')
    .toLowerCase()
}
