import { z } from 'zod'

/** What only people know of a model. The key, the title, and the question that the section answers. */
export const PEOPLE_SECTIONS = [
  { key: 'intendedUse', title: 'Intended use', question: 'What is it meant for, and by whom is it used?' },
  { key: 'outOfScope', title: 'Out-of-scope use', question: 'What should it not be used for?' },
  {
    key: 'ethics',
    title: 'Ethical considerations',
    question: 'Whom may its errors harm, and what was done about it?',
  },
  {
    key: 'caveats',
    title: 'Caveats and recommendations',
    question: 'What should one know before relying on it?',
  },
  { key: 'contact', title: 'Contact', question: 'Who answers questions about it?' },
] as const

const Text = z.string().max(20_000).describe('Markdown; empty while nobody has written it')

export const CardSections = z.strictObject({
  intendedUse: Text.default(''),
  outOfScope: Text.default(''),
  ethics: Text.default(''),
  caveats: Text.default(''),
  contact: Text.default(''),
})
export type CardSections = z.infer<typeof CardSections>

export const CardRevision = z.object({
  revision: z.number().describe('0 while nobody has written anything'),
  author: z.string().nullable(),
  createdMs: z.number().nullable(),
  sections: CardSections,
})
export type CardRevision = z.infer<typeof CardRevision>

/** A table or a list of facts, as the card prints it. */
const FactBlock = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('text'), text: z.string() }),
  z.object({ kind: z.literal('facts'), facts: z.array(z.tuple([z.string(), z.string()])) }),
  z.object({ kind: z.literal('list'), items: z.array(z.string()) }),
  z.object({ kind: z.literal('table'), columns: z.array(z.string()), rows: z.array(z.array(z.string())) }),
  z.object({ kind: z.literal('markdown'), text: z.string().describe('As a person wrote it') }),
])
export type FactBlock = z.infer<typeof FactBlock>

const FactSection = z.object({ title: z.string(), blocks: z.array(FactBlock) })
export type FactSection = z.infer<typeof FactSection>

export const ModelCard = z.object({
  model: z.string(),
  version: z.number(),
  digest: z.string().describe('SHA-256 of what the version is'),
  facts: z.array(FactSection).describe('What is known, gathered anew each time'),
  written: CardRevision.describe('What people wrote'),
  blanks: z.array(z.string()).describe('Titles of the sections that nobody has written yet'),
})
export type ModelCard = z.infer<typeof ModelCard>
