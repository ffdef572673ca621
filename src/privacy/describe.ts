import { table } from '../http/command.ts'
import type { PersonalColumn } from './schema.ts'

/** What is personal in a version, why, and what the dataset says to do with it. */
export function personalTable(columns: readonly PersonalColumn[]): string {
  return table(
    ['personal column', 'kind', 'confidence', 'policy', 'evidence'],
    columns.map(({ column, kind, confidence, policy, evidence, examples }) => [
      column,
      kind ?? '',
      confidence ?? '',
      policyText(policy),
      [evidence ?? '', ...examples].filter((text) => text !== '').join(', '),
    ]),
  )
}

function policyText(policy: PersonalColumn['policy']): string {
  if (policy === null) return 'not said'
  if (policy === false) return 'not personal'
  return typeof policy === 'string' ? policy : JSON.stringify(policy)
}
