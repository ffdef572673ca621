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
