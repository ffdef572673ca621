import type { CardRevision, CardSections, ModelCard } from '../../../src/cards/schema.ts'
import type { Page } from '../answers.ts'
import { at, base, many, one, send } from '../api.ts'

/** What only people know, and the question that each section answers. */
export const peopleSections: { key: keyof CardSections; title: string; question: string }[] = [
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
]

export type { CardRevision, CardSections, FactBlock, ModelCard } from '../../../src/cards/schema.ts'

const path = (model: string, version: number) => `/models/${at(model)}/versions/${version}/card`

export const card = (model: string, version: number) => one<ModelCard>('registry', path(model, version))
export const cardRevisions = (model: string, version: number) =>
  many<Page<CardRevision>>('registry', `${path(model, version)}/revisions`)
export const writeCard = (
  model: string,
  version: number,
  body: { revision: number; sections: Partial<CardSections> },
) => send<CardRevision>('PUT', path(model, version), body)
/** The card as a file: `md` or `html`. */
export const cardFile = (model: string, version: number, kind: 'md' | 'html') =>
  `${base}/api/v1${path(model, version)}.${kind}`
