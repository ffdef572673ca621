import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { openDuckDb } from '../ports/analytics/duckdb.ts'
import { quoteLiteral } from '../ports/analytics/analytics.ts'
import { normalise } from '../sources/sources.ts'
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
  passesLuhn,
} from './checksums.ts'
import { people } from './people-fixture.ts'
import { detectPersonal } from './privacy.ts'
import type { PersonalFinding } from './schema.ts'

const analytics = openDuckDb({ memoryLimit: '1GB' })
const folder = mkdtempSync(join(tmpdir(), 'tidemill-privacy-'))
afterAll(async () => {
  await analytics[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

/** Through the same reading as a dataset's files. */
async function findingsOf(path: string): Promise<PersonalFinding[]> {
  await using session = await analytics.session({ threads: 1 })
  const format = path.endsWith('.parquet') ? 'parquet' : path.endsWith('.json') ? 'json' : 'csv'
  const target = join(folder, 'part.parquet')
  const read = await normalise(session, {
    path,
    format,
    delimiter: ',',
    known: [],
    time: undefined,
    target,
    treatments: { columns: new Map() },
  })
  if (!Array.isArray(read)) throw new Error(read.message)
  return await detectPersonal(session, `SELECT * FROM read_parquet(${quoteLiteral(target)})`, read)
}

async function kindsIn(rows: readonly Record<string, unknown>[]): Promise<Record<string, string>> {
  const path = join(folder, 'rows.json')
  writeFileSync(path, JSON.stringify(rows))
  const findings = await findingsOf(path)
  return Object.fromEntries(findings.map(({ column, kind }) => [column, kind]))
}

it('knows the published examples of each checksum, and refuses them with one digit changed', () => {
  const examples: [(text: string) => boolean, string[]][] = [
    [isIban, ['DE89 3704 0044 0532 0130 00', 'GB82WEST12345698765432', 'NL91ABNA0417164300']],
    [isPaymentCard, ['4111 1111 1111 1111', '378282246310005', '5555555555554444', '3530111333300000']],
    [isGermanTaxId, ['86095742719', '65929970489']],
    [isDutchBsn, ['111222333', '123456782']],
    [isSpanishDni, ['12345678Z', 'X1234567L']],
    [isNhsNumber, ['943 476 5919', '4010232137']],
    [isFrenchNir, ['2 55 08 14 168 025 38']],
    [isPesel, ['44051401359']],
    [isCpf, ['529.982.247-25', '11144477735']],
  ]
  for (const [check, valid] of examples) {
    for (const value of valid) {
      expect([value, check(value)]).toEqual([value, true])
      const last = /\d(?=\D*$)/
      const changed = value.replace(last, (digit) => String((Number(digit) + 1) % 10))
      expect([changed, check(changed)]).toEqual([changed, false])
    }
  }
  expect(['078-05-1120', '666-12-1234', '123-00-1234', '900-12-1234'].map(isUsSsn)).toEqual([
    true,
    false,
    false,
    false,
  ])
})

it('finds what each column of a table of people is', async () => {
  const rows = people(400)
  expect(await kindsIn(rows)).toEqual({
    name: 'person_name',
    contact: 'email',
    mobile: 'phone',
    reachable: 'phone',
    account: 'iban',
    paid_with: 'payment_card',
    Steuer: 'de_tax_id',
    bsn: 'nl_bsn',
    documento: 'es_dni',
    nhsNumber: 'uk_nhs',
    nir: 'fr_nir',
    social: 'us_ssn',
    lastSeenFrom: 'ip_address',
    device: 'mac_address',
    dateOfBirth: 'birth_date',
    street: 'postal_address',
    zip: 'postal_code',
    notes: 'text_with_emails',
  })
})

it('shows examples masked, and evidence that a person can follow', async () => {
  const path = join(folder, 'mail.csv')
  writeFileSync(
    path,
    'who\nada.lovelace@example.org\ngrace.hopper@example.org\nnobody\nalan@example.org\nemmy@example.org\n',
  )
  const [finding] = await findingsOf(path)
  expect(finding).toMatchObject({ column: 'who', kind: 'email', confidence: 'high', share: 0.8 })
  expect(finding!.evidence).toBe('4 of 5 distinct values have the form of an e-mail address')
  expect(new Set(finding!.examples)).toEqual(new Set(['***@example.org']))
})

it('takes order numbers, times and versions for what they are', async () => {
  const rows = Array.from({ length: 2_000 }, (_, index) => ({
    order: 4_000_000_000_000_000 + index,
    order_text: `4${String(index * 7919).padStart(15, '0')}`,
    invoice: 100_000_000 + index,
    invoice11: 12_345_670_000 + index,
    day: new Date(index * 86_400_000).toISOString().slice(0, 10),
    at: new Date(index * 86_400_000).toISOString(),
    version: `1.${index}.0`,
    product_name: ['Blue chair', 'Red table'][index % 2],
    sku: `AB-${index}`,
    epoch_ms: 1_600_000_000_000 + index * 1000,
  }))
  expect(rows.filter(({ order }) => passesLuhn(String(order))).length).toBeGreaterThan(150)
  expect(await kindsIn(rows)).toEqual({})
})

it.each([
  ['flights-3m.parquet', {}],
  ['movies.json', {}],
  ['penguins.json', {}],
  ['cars.json', {}],
  ['weather.csv', {}],
  ['stocks.csv', {}],
  ['github.csv', {}],
  ['birdstrikes.csv', {}],
  ['airports.csv', { latitude: 'coordinates', longitude: 'coordinates' }],
  ['us-state-capitals.json', { lat: 'coordinates', lon: 'coordinates' }],
  ['zipcodes.csv', { zip_code: 'postal_code', latitude: 'coordinates', longitude: 'coordinates' }],
])('finds nothing in %s of vega-datasets that is not there', async (name, expected) => {
  const findings = await findingsOf(`node_modules/vega-datasets/data/${name}`)
  expect(Object.fromEntries(findings.map(({ column, kind }) => [column, kind]))).toEqual(expected)
  expect(findings.every(({ confidence }) => confidence === 'low')).toBe(true)
})

it('finds the people in la-riots.csv of vega-datasets', async () => {
  const findings = await findingsOf('node_modules/vega-datasets/data/la-riots.csv')
  expect(Object.fromEntries(findings.map(({ column, kind }) => [column, kind]))).toEqual({
    first_name: 'person_name',
    last_name: 'person_name',
    address: 'postal_address',
    longitude: 'coordinates',
    latitude: 'coordinates',
  })
})
