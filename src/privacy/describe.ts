import { amount } from '../kernel/amount.ts'
import { table } from '../http/command.ts'
import type { AnonymityReport, BalanceGroup, BalanceReport, PersonalColumn } from './schema.ts'

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

export function describeAnonymity(report: AnonymityReport): string {
  const { columns, sensitive, rows, groups, k, asked, rowsBelow, shareBelow, rowsAlone, l, rowsOfOneValue } =
    report
  if (k === null) return 'There are no rows.'
  const lines = [
    `${columns.join(', ')}: ${amount(rows)} rows in ${amount(groups)} groups; the smallest has ${amount(k)} (k = ${amount(k)})`,
    `${amount(rowsBelow)} rows (${percent(shareBelow)}) are in groups of fewer than ${amount(asked)}, ${amount(rowsAlone)} are alone`,
    ...(l === null
      ? []
      : [
          `${sensitive!}: at least ${l} different values in each group (l = ${l}); ${amount(rowsOfOneValue!)} rows are in groups that give it away`,
        ]),
  ]
  const smallest = report.smallest.map(({ values, rows: size, distinct }) => [
    ...values.map((value) => value ?? 'null'),
    amount(size),
    ...(distinct === null ? [] : [String(distinct)]),
  ])
  return `${lines.join('\n')}\n\n${table([...columns, 'rows', ...(sensitive === null ? [] : [`different ${sensitive}`])], smallest)}`
}

export function describeBalance({
  by,
  label,
  positive,
  groups,
  reference,
  missingness,
}: BalanceReport): string {
  const header =
    label === null
      ? []
      : [`${label} = ${positive!}`, '95 % interval', `beside ${reference ?? 'none'}`, 'below 4/5']
  const rows = groups.map((group) => [
    nameOf(group),
    amount(group.rows),
    percent(group.share),
    ...(label === null ? [] : rateCells(group)),
  ])
  const missing = missingness
    .slice(0, 10)
    .map(({ column, least, most }) => [column, percent(least), percent(most)])
  const unequal = missing.length === 0 ? '' : `\n\n${table(['missing by group', 'least', 'most'], missing)}`
  return `${table([by, 'rows', 'share', ...header], rows)}${unequal}`
}

function nameOf({ group, merged }: BalanceGroup): string {
  return merged === null ? (group ?? 'null') : `${merged} smaller groups`
}

function rateCells({ rate, ratio }: BalanceGroup): string[] {
  if (rate === null) return ['', '', '', '']
  const interval = `${percent(rate.lower)} to ${percent(rate.upper)}`
  return [percent(rate.value), interval, ratio ? ratio.value.toFixed(2) : '', ratio?.belowFourFifths ?? '']
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
