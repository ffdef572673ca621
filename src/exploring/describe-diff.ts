import { amount } from '../kernel/amount.ts'
import { table } from '../http/command.ts'
import { lines, momentText, numberText, rangeText, shareText } from './describe.ts'
import type { DatasetDiff } from './diff-schema.ts'
import type { KeyDiff } from './diff-keys.ts'

/** The difference of two versions as a page of text. */
export function describeDiff({ dataset, from, to, same, schemaChange, parts, columns }: DatasetDiff): string {
  const sideText = ({ number, createdMs, minTimeMs, maxTimeMs }: DatasetDiff['from']): string =>
    `${dataset}@${number}, ${momentText(createdMs)}; times ${rangeText(minTimeMs, maxTimeMs) || 'none'}`
  const head = [
    ['from', sideText(from)],
    ['to', sideText(to)],
    ['rows', `${amount(from.rows)} → ${amount(to.rows)} (${signed(to.rows - from.rows)})`],
    [
      'parts',
      parts
        ? `${amount(parts.kept)} kept, ${amount(parts.added)} added (${amount(parts.addedRows)} rows), ${amount(parts.removed)} removed (${amount(parts.removedRows)} rows)`
        : 'not known: retention took a manifest',
    ],
    ['schema', schemaChange ? `${schemaChange.kind}: ${schemaChange.changes.join('; ')}` : 'the same'],
  ]
  if (same) return `${lines(head)}\n\nThe content is the same.`
  const rows = columns.map(({ name, from: old, to: now, distances }) => [
    name,
    `${shareText(old.nullShare, 1)} → ${shareText(now.nullShare, 1)}`,
    `${amount(old.distinct)} → ${amount(now.distinct)}`,
    old.mean === null || now.mean === null ? '' : `${numberText(old.mean)} → ${numberText(now.mean)}`,
    distances ? numberText(distances.psi) : '',
    distances ? numberText(distances.jensenShannon) : '',
    distances?.wasserstein == null
      ? ''
      : `${numberText(distances.wasserstein)}${distances.wassersteinSd === null ? '' : ` (${numberText(distances.wassersteinSd)} sd)`}`,
  ])
  return `${lines(head)}\n\n${table(['column', 'nulls', 'distinct', 'mean', 'PSI', 'JS distance', 'Wasserstein'], rows)}`
}

export function describeKeyDiff({
  key,
  added,
  removed,
  changed,
  repeated,
  columns,
  examples,
}: KeyDiff): string {
  const text = [
    `by ${key.join(', ')}: ${amount(added)} added, ${amount(removed)} removed, ${amount(changed)} changed`,
    ...(repeated > 0 ? [`${amount(repeated)} of these keys have several rows in a version`] : []),
    ...columns.map(({ name, changed: count }) => `  ${name} differs in ${amount(count)}`),
    ...examples.map(
      ({ key: values, change }) =>
        `  ${change}: ${Object.values(values)
          .map((value) => value ?? 'null')
          .join(', ')}`,
    ),
  ]
  return text.join('\n')
}

function signed(count: number): string {
  return count < 0 ? `−${amount(-count)}` : `+${amount(count)}`
}
