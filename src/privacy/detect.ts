import { quoteIdentifier, quoteLiteral, type AnalyticsSession } from '../ports/analytics/analytics.ts'
import type { Column, ColumnType } from '../sources/schema.ts'
import {
  detectors,
  EMAIL_INSIDE,
  nameOfPerson,
  wordsOfColumn,
  type ColumnKind,
  type Detector,
} from './detectors.ts'
import { maskValue } from './mask.ts'
import type { PersonalFinding, PersonalKind } from './schema.ts'

/** Rows that are looked at; those of a larger table are drawn at random, the same ones each time. */
const SAMPLE_ROWS = 20_000
/** Distinct values of a column that are held against the forms. */
const VALUES = 1_000
const VALUE_LENGTH = 200
const SAMPLE = '__privacy_sample'
/** A column in which this many texts contain an address holds more than a stray one. */
const MIN_TEXTS = 2

/**
 * Finds the columns that look personal, by the forms and checksums of values and by names of columns, from a bounded
 * sample of a scan. Share counts distinct values, so that one value that is repeated decides nothing.
 */
export async function detectPersonal(
  session: AnalyticsSession,
  scan: string,
  columns: readonly Column[],
): Promise<PersonalFinding[]> {
  const looked = columns.filter(({ type }) => KIND_OF[type] !== undefined)
  if (looked.length === 0) return []
  const texts = looked.map(
    ({ name }) => `left(CAST(${quoteIdentifier(name)} AS VARCHAR), 4000) AS ${quoteIdentifier(name)}`,
  )
  await session.execute(`CREATE OR REPLACE TEMP TABLE ${SAMPLE} AS
    SELECT ${texts.join(', ')} FROM (${scan}) USING SAMPLE reservoir(${SAMPLE_ROWS} ROWS) REPEATABLE (1)`)
  const findings: PersonalFinding[] = []
  for (const column of looked) {
    const found = await lookAt(session, column)
    if (found) findings.push(found)
  }
  const name = looked.find(({ name, type }) => type === 'VARCHAR' && /^name$/i.test(name))
  if (name && findings.some(({ kind }) => OF_PEOPLE.has(kind))) {
    const found = await lookAt(session, name, [nameOfPerson])
    if (found) findings.push(found)
  }
  await session.execute(`DROP TABLE ${SAMPLE}`)
  return findings
}

const KIND_OF: Partial<Record<ColumnType, ColumnKind>> = {
  VARCHAR: 'text',
  BIGINT: 'integer',
  DOUBLE: 'number',
  DATE: 'time',
  TIMESTAMP: 'time',
}

/** A column that is called just `name` holds people when the table has one of these, and things otherwise. */
const OF_PEOPLE: ReadonlySet<PersonalKind> = new Set([
  'email',
  'phone',
  'birth_date',
  'us_ssn',
  'de_tax_id',
  'nl_bsn',
  'es_dni',
  'uk_nhs',
  'fr_nir',
  'pl_pesel',
  'br_cpf',
])

async function lookAt(
  session: AnalyticsSession,
  column: Column,
  among: readonly Detector[] = detectors,
): Promise<PersonalFinding | undefined> {
  const kind = KIND_OF[column.type]!
  const words = wordsOfColumn(column.name)
  const possible = among.filter(
    ({ of, minValues, named }) => of.includes(kind) && (minValues !== undefined || named?.test(words)),
  )
  if (possible.length === 0) return undefined
  const name = quoteIdentifier(column.name)
  const rows = await session.columns(
    `SELECT v FROM (SELECT DISTINCT left(trim(${name}), ${VALUE_LENGTH}) AS v FROM ${SAMPLE} WHERE ${name} IS NOT NULL AND trim(${name}) <> '')
     ORDER BY hash(v) LIMIT ${VALUES}`,
  )
  const values = (rows['v'] ?? []) as string[]
  if (values.length === 0) return undefined
  for (const detector of possible) {
    const found = judge(detector, column.name, words, values)
    if (found) return found
  }
  return kind === 'text' ? await addressesInside(session, column.name) : undefined
}

function judge(
  { kind, form, named, matches, minShare, minValues, confidence }: Detector,
  column: string,
  words: string,
  values: readonly string[],
): PersonalFinding | undefined {
  const fitting = values.filter(matches)
  const isNamed = named?.test(words) ?? false
  const share = fitting.length / values.length
  // A name lets more values be wrong, never most of them.
  if (fitting.length === 0 || share < (isNamed ? Math.min(minShare, 0.7) : minShare)) return undefined
  if (!isNamed && fitting.length < (minValues ?? Infinity)) return undefined
  const counted = `${fitting.length} of ${values.length} distinct values have the form of ${form}`
  return {
    column,
    kind,
    confidence,
    share,
    evidence: isNamed ? `the name ${column} says so; ${counted}` : counted,
    examples: fitting.slice(0, 3).map(maskValue),
  }
}

/** Free text in which people left addresses. */
async function addressesInside(
  session: AnalyticsSession,
  column: string,
): Promise<PersonalFinding | undefined> {
  const name = quoteIdentifier(column)
  const pattern = quoteLiteral(EMAIL_INSIDE)
  const [row] = await session.query(
    `SELECT count(DISTINCT ${name}) AS texts,
       count(DISTINCT ${name}) FILTER (WHERE regexp_matches(${name}, ${pattern})) AS found,
       first(regexp_extract(${name}, ${pattern})) FILTER (WHERE regexp_matches(${name}, ${pattern})) AS example
     FROM ${SAMPLE}`,
  )
  const found = Number(row!['found'])
  const texts = Number(row!['texts'])
  if (found < MIN_TEXTS) return undefined
  return {
    column,
    kind: 'text_with_emails',
    confidence: 'high',
    share: found / texts,
    evidence: `${found} of ${texts} distinct texts have an e-mail address inside`,
    examples: [maskValue(String(row!['example']))],
  }
}
