import { z } from 'zod'
import { personalPolicy } from './definition.ts'

/** What a column may tell of a person. */
const personalKinds = [
  'email',
  'phone',
  'iban',
  'payment_card',
  'us_ssn',
  'de_tax_id',
  'nl_bsn',
  'es_dni',
  'uk_nhs',
  'fr_nir',
  'pl_pesel',
  'br_cpf',
  'ip_address',
  'mac_address',
  'person_name',
  'user_name',
  'postal_address',
  'postal_code',
  'birth_date',
  'coordinates',
  'text_with_emails',
] as const
export type PersonalKind = (typeof personalKinds)[number]

/** A column that looks personal, and why. */
const personalFinding = z.object({
  column: z.string(),
  kind: z.enum(personalKinds),
  /**
   * `high`: the values prove it, by a checksum or a form that nothing else has. `medium`: the name says so and the values
   * do not contradict, or values of a common form. `low`: points at a person only together with other columns.
   */
  confidence: z.enum(['high', 'medium', 'low']),
  /** Share of the distinct values looked at that have the form; null where the name alone decides. */
  share: z.number().nullable(),
  /** For people: `198 of 200 values have the form of an e-mail address`. */
  evidence: z.string(),
  /** At most three, masked. */
  examples: z.array(z.string()),
})
export type PersonalFinding = z.infer<typeof personalFinding>

/** A personal column as a version shows it: what was found, and what the dataset says to do with it. */
export const personalColumn = z.object({
  column: z.string(),
  /** What was found in the values that are stored; null when nothing was, as after `hash`. */
  kind: personalFinding.shape.kind.nullable(),
  confidence: personalFinding.shape.confidence.nullable(),
  share: z.number().nullable(),
  evidence: z.string().nullable(),
  examples: z.array(z.string()),
  /** As declared in `personal`; null when the dataset does not say. */
  policy: personalPolicy.nullable(),
})
export type PersonalColumn = z.infer<typeof personalColumn>

const anonymityGroup = z.object({
  /** In the order of the columns. */
  values: z.array(z.string().nullable()),
  rows: z.number(),
  /** Different values of the sensitive column. */
  distinct: z.number().nullable(),
})
export type AnonymityGroup = z.infer<typeof anonymityGroup>

export const anonymityReport = z.object({
  columns: z.array(z.string()),
  sensitive: z.string().nullable(),
  rows: z.number(),
  groups: z.number(),
  /** Rows of the smallest group; null without rows. */
  k: z.number().nullable(),
  /** The k that was asked for: groups below it are small. */
  asked: z.number(),
  smallGroups: z.number(),
  rowsBelow: z.number(),
  shareBelow: z.number(),
  /** Rows that are a group of their own. */
  rowsAlone: z.number(),
  /** Fewest different sensitive values of a group. */
  l: z.number().nullable(),
  /** Rows in groups with one sensitive value or none: who is in the group has it. */
  rowsOfOneValue: z.number().nullable(),
  smallest: z.array(anonymityGroup),
})
export type AnonymityReport = z.infer<typeof anonymityReport>

const balanceGroup = z.object({
  /** Null where the group's column is null, and for the smaller groups taken together. */
  group: z.string().nullable(),
  /** How many groups count together here; null for a group of its own. */
  merged: z.number().nullable(),
  rows: z.number(),
  share: z.number(),
  labelled: z.number(),
  positives: z.number(),
  /** Share of the labelled rows that are positive, with an exact 95 % interval. */
  rate: z.object({ value: z.number(), lower: z.number(), upper: z.number() }).nullable(),
  /** The rate beside that of the reference group; `perhaps` where the interval reaches to four fifths. */
  ratio: z
    .object({
      value: z.number(),
      lower: z.number(),
      upper: z.number(),
      belowFourFifths: z.enum(['no', 'perhaps', 'yes']),
    })
    .nullable(),
  /** Share of the group's rows in which a column is null. */
  missing: z.record(z.string(), z.number()),
})
export type BalanceGroup = z.infer<typeof balanceGroup>

export const balanceReport = z.object({
  by: z.string(),
  label: z.string().nullable(),
  positive: z.string().nullable(),
  rows: z.number(),
  /** The group with the highest rate. */
  reference: z.string().nullable(),
  groups: z.array(balanceGroup),
  missingness: z.array(z.object({ column: z.string(), least: z.number(), most: z.number() })),
})
export type BalanceReport = z.infer<typeof balanceReport>

/** The rows of one person: those whose column has one of these texts (the key as it came, and as it may be stored). */
export interface KeyRows {
  column: string
  values: readonly string[]
}
