import { amount } from '../kernel/amount.ts'
import type { z } from 'zod'
import { table } from '../http/command.ts'
import { personalTable } from '../privacy/describe.ts'
import type { CheckSeries, reportDetail } from '../reports/schema.ts'
import type { DatasetVersion, VersionCause } from '../data/schema.ts'
import type { versionDetail } from './schema.ts'
import type { ColumnSummary, DatasetSummary } from '../summaries/schema.ts'

const SHOWN_TOP = 3
const NOTABLE = 0.5
const SHOWN_POINTS = 30
const SHOWN_FAILING = 20

/** A version as a page of text. */
export function describeVersion(version: z.infer<typeof versionDetail>): string {
  const { dataset, number, rows, addedRows, parts, sizeBytes, schemaChange, report, deleted } = version
  const head = [
    ['version', `${dataset}@${number}`],
    ['created', `${momentText(version.createdMs)}${originText(version)}`],
    ...(deleted ? [['deleted', `by retention, ${momentText(deleted.atMs)}: ${deleted.why}`]] : []),
    [
      'rows',
      `${amount(rows)} (${amount(addedRows)} new) in ${parts === 1 ? '1 part' : `${amount(parts)} parts`}, ${sizeText(sizeBytes)}`,
    ],
    ['times', rangeText(version.minTimeMs, version.maxTimeMs)],
    ['content', version.contentHash],
    ['parent', number > 1 && version.parentId !== null ? version.parentId : 'none'],
    ['schema', schemaChange ? `${schemaChange.kind}: ${schemaChange.changes.join('; ')}` : 'as before'],
    ['report', report ? `${report.verdict}: ${report.sentence}` : 'none'],
  ]
  const personal = version.personal.length === 0 ? '' : `\n\n${personalTable(version.personal)}`
  const whole = summaryLines(version.summary)
  const facts = whole.length === 0 ? '' : `\n\n${whole.join('\n')}`
  return `${lines(head)}\n\n${summaryTable(version.summary.columns)}${facts}${personal}`
}

/** What is known of the rows as a whole and of times, where there is something to tell. */
function summaryLines({ rows, columns, duplicates, correlations, associations }: DatasetSummary): string[] {
  const repeated =
    duplicates === null || duplicates.rows === 0
      ? []
      : [
          `${duplicates.exact ? '' : '~'}${amount(duplicates.rows)} rows (${shareText(duplicates.rows, rows)}) repeat another${duplicates.exact ? '' : `, ± ${amount(Math.round(2 * duplicates.standardError))}`}`,
        ]
  const gaps = columns.flatMap(({ name, dates }) =>
    dates && dates.gaps.length > 0
      ? [
          `${name}: ${amount(dates.emptyDays)} days without rows, the longest from ${momentText(dates.gaps[0]!.fromMs).slice(0, 10)} to ${momentText(dates.gaps[0]!.toMs - 1).slice(0, 10)}`,
        ]
      : [],
  )
  const correlated = correlations
    .filter(({ pearson, spearman }) => Math.max(Math.abs(pearson ?? 0), Math.abs(spearman ?? 0)) >= NOTABLE)
    .map(
      ({ x, y, pearson, spearman, spearmanExact }) =>
        `${x} and ${y} are correlated: ${(pearson ?? 0).toFixed(2)}${spearman === null ? '' : `, in rank ${spearmanExact ? '' : '~'}${spearman.toFixed(2)}`}`,
    )
  const associated = associations
    .filter(({ value }) => value >= NOTABLE)
    .map(
      ({ x, y, measure, value }) =>
        `${x} and ${y} go together: ${measure === 'cramersV' ? 'Cramér’s V' : 'correlation ratio'} ${value.toFixed(2)}`,
    )
  return [...repeated, ...gaps, ...correlated, ...associated]
}

/** Each check: whether it holds, in how many reports it did not, and what it saw from the oldest to the newest. */
export function describeChecks(series: readonly CheckSeries[]): string {
  if (series.length === 0) return 'No checks yet: they are made when data arrive.'
  return table(
    ['', 'check', 'failed in', 'last', 'usual or allowed', 'over time'],
    series.map(({ title, severity, points }) => {
      const last = points.at(-1)!
      const failed = points.filter(({ passed }) => !passed).length
      return [
        last.passed ? 'ok' : severity === 'error' ? 'FAILED' : 'warned',
        title,
        `${failed} of ${points.length}`,
        lastOf(last),
        last.expected ? boundsOf(last.expected) : '',
        points
          .slice(-SHOWN_POINTS)
          .map(({ passed }) => (passed ? '.' : 'x'))
          .join(''),
      ]
    }),
  )
}

function lastOf({ failing, rows, observed }: CheckSeries['points'][number]): string {
  if (failing !== null) return `${amount(failing)} of ${amount(rows)}`
  if (!observed) return ''
  const { min, max } = observed
  return min === max ? numberText(min) : `${numberText(min)} to ${numberText(max)}`
}

function boundsOf({ min, max }: { min: number | null; max: number | null }): string {
  return `${min === null ? '' : numberText(min)} … ${max === null ? '' : numberText(max)}`.trim()
}

/** A report: its verdict, every check, and the rows that failed. */
export function describeReport(report: z.infer<typeof reportDetail>): string {
  const checks = table(
    ['', 'check', 'file', 'failing', 'observed'],
    report.results.map(({ passed, severity, title, file, failing, rows, observed }) => [
      passed ? 'ok' : severity === 'error' ? 'FAILED' : 'warned',
      title,
      file ?? 'all together',
      failing === null ? '' : `${amount(failing)} of ${amount(rows)}`,
      observed === null ? '' : numberText(observed),
    ]),
  )
  const shown = report.failingRows.slice(0, SHOWN_FAILING).map(({ file, row, checks: failed, values }) => {
    const cells = Object.entries(values).map(([name, value]) => `${name}=${value ?? 'null'}`)
    return `${file} row ${row}: ${failed.join('; ')}\n    ${cells.join(' ')}`
  })
  const more = report.failingRows.length - shown.length
  return [
    `${report.verdict}: ${report.sentence}`,
    ...(report.results.length > 0 ? ['', checks] : []),
    ...(shown.length > 0 ? ['', ...shown] : []),
    ...(more > 0 ? [`… and ${amount(more)} more (--json has them)`] : []),
  ].join('\n')
}

/** ` by ana, who asked for it (job …)`. */
function originText({ by, cause }: Pick<DatasetVersion, 'by' | 'cause'>): string {
  if (by === null) return ''
  return ` by ${by.name}${cause === null ? '' : `: ${CAUSE_TEXT[cause.kind]}${cause.reference === null ? '' : ` ${cause.reference}`}`}`
}

const CAUSE_TEXT = {
  probe: 'new data seen by job',
  request: 'asked for',
  push: 'rows were pushed, job',
  pipeline: 'asked for by a pipeline',
} as const satisfies Record<VersionCause['kind'], string>

function summaryTable(columns: readonly ColumnSummary[]): string {
  return table(
    ['column', 'type', 'nulls', 'distinct', 'min', 'median', 'max', 'mean', 'most frequent'],
    columns.map((column) => {
      const value = (of: number | string | null | undefined): string => valueText(column, of)
      return [
        column.name,
        column.type,
        shareText(column.nulls, column.rows),
        `${column.distinctExact ? '' : '~'}${amount(column.distinct)}`,
        value(column.min),
        value(column.quantiles?.['p50']),
        value(column.max),
        column.mean === null ? '' : numberText(column.mean),
        column.top
          .slice(0, SHOWN_TOP)
          .map(({ value: key, count }) => `${clip(key, 20)} ${shareText(count, column.rows)}`)
          .join(', '),
      ]
    }),
  )
}

function valueText({ kind, type }: ColumnSummary, value: number | string | null | undefined): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return clip(value, 20)
  if (kind !== 'timestamp') return numberText(value)
  return type === 'DATE' ? momentText(value).slice(0, 10) : momentText(value)
}

export function lines(pairs: readonly (readonly string[])[]): string {
  return pairs.map(([name, text]) => `${name!.padEnd(9)}${text}`).join('\n')
}

/** UTC, to the second. */
export function momentText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
}

export function rangeText(fromMs: number | null, toMs: number | null): string {
  return fromMs === null || toMs === null ? '' : `${momentText(fromMs)} – ${momentText(toMs)}`
}

export function shareText(count: number, of: number): string {
  return of === 0 ? '0 %' : `${((count / of) * 100).toFixed(1)} %`
}

export function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(5)))
}

export function sizeText(bytes: number): string {
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}

function clip(text: string, length: number): string {
  const characters = Array.from(text)
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`
}
