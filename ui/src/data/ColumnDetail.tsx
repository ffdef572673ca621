import { HistogramPair } from '../charts/HistogramPair.tsx'
import { count, dayOf, decimal, moment, share } from '../format.ts'
import { Button } from '../kit/Button.tsx'
import { Facts } from '../kit/Facts.tsx'
import { Columns, Section } from '../kit/Page.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import type { ColumnSummary, PersonalColumn } from './answers.ts'
import { rebin, shapeOf } from './column-shape.ts'

/** One column at full size: its picture beside the version before, its quantiles, its commonest values. */
export function ColumnDetail({
  column,
  before,
  personal,
  onClose,
}: {
  column: ColumnSummary
  before: ColumnSummary | undefined
  personal: PersonalColumn | undefined
  onClose: () => void
}) {
  const { bins, now } = shapeOf(column)
  const reference = before && rebin(column, before)
  const known = column.rows - column.nulls
  return (
    <Section
      title={`Column ${column.name}`}
      note={
        <Button look="quiet" onPress={onClose}>
          Close
        </Button>
      }
    >
      {bins.length > 0 && (
        <HistogramPair
          label={`Values of ${column.name}, in full`}
          bins={bins}
          now={now}
          width={560}
          height={120}
          data
          {...(reference ? { reference } : {})}
        />
      )}
      <Columns>
        <Facts items={factsOf(column, personal)} />
        {column.dates && <Rhythm dates={column.dates} />}
        {column.top.length > 0 && (
          <Table
            label={`Commonest values of ${column.name}`}
            rows={column.top.slice(0, 15)}
            rowKey={(one) => one.value}
            columns={[
              { name: 'Value', cell: (one) => one.value || <Quiet>empty</Quiet> },
              { name: 'Rows', number: true, cell: (one) => count(one.count) },
              { name: 'Share', number: true, cell: (one) => share(one.count / Math.max(1, known)) },
            ]}
          />
        )}
      </Columns>
    </Section>
  )
}

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']

/** When in the week, and in the day, rows are. */
function Rhythm({ dates: { weekdays: days, hours } }: { dates: NonNullable<ColumnSummary['dates']> }) {
  return (
    <div>
      <p>
        <Quiet>By day of the week, Monday first{hours && '; by hour, UTC'}</Quiet>
      </p>
      <HistogramPair label="Rows by day of the week" bins={weekdays} now={days} height={48} />
      {hours && (
        <HistogramPair
          label="Rows by hour"
          bins={hours.map((_, hour) => `${hour}:00`)}
          now={hours}
          width={288}
          height={48}
        />
      )}
    </div>
  )
}

function factsOf(column: ColumnSummary, personal: PersonalColumn | undefined): [string, React.ReactNode][] {
  const text = column.kind === 'timestamp' ? moment : decimal
  // By their names: p05 is the value that five per cent do not exceed.
  const quantiles = Object.entries(column.quantiles ?? {}).map(([at, value]): [string, React.ReactNode] => [
    `${share(Number(at.slice(1)) / 100)} are at most`,
    text(value),
  ])
  return [
    ['Type', column.type.toLowerCase()],
    ['Known', `${count(column.rows - column.nulls)} of ${count(column.rows)} rows`],
    [
      'Distinct',
      column.distinctExact
        ? count(column.distinct)
        : `≈ ${count(column.distinct)}, estimated within about 6 % (one standard error)`,
    ],
    ...(column.mean === null || column.kind !== 'number'
      ? []
      : ([
          ['Mean', decimal(column.mean)],
          ...(column.standardDeviation === null
            ? []
            : [['Standard deviation', decimal(column.standardDeviation)]]),
        ] as [string, React.ReactNode][])),
    ...quantiles,
    ...numberFacts(column),
    ...textFacts(column),
    ...(personal ? ([['Personal', personalText(personal)]] as [string, React.ReactNode][]) : []),
  ]
}

function numberFacts({ numbers }: ColumnSummary): [string, React.ReactNode][] {
  if (!numbers) return []
  return [
    ['Zeros', count(numbers.zeros)],
    ['Below zero', count(numbers.negatives)],
    ...(numbers.notFinite > 0
      ? ([['Not finite', count(numbers.notFinite)]] as [string, React.ReactNode][])
      : []),
  ]
}

function textFacts({ lengths, dates }: ColumnSummary): [string, React.ReactNode][] {
  const facts: [string, React.ReactNode][] = []
  if (lengths)
    facts.push(
      ['Characters', `${count(lengths.min)} to ${count(lengths.max)}, ${decimal(lengths.mean)} on average`],
      ['Empty texts', count(lengths.empty)],
    )
  if (dates) {
    const gaps = dates.gaps.map(({ fromMs, toMs }) => `${dayOf(fromMs)} to ${dayOf(toMs)}`)
    facts.push([
      'Days without a row',
      `${count(dates.emptyDays)}${gaps.length > 0 ? `: ${gaps.join(', ')}` : ''}`,
    ])
  }
  return facts
}

/** What looks personal and why, and what the dataset does about it. */
export function personalText({ kind, evidence, policy }: PersonalColumn): string {
  const found = evidence ?? (kind === null ? 'nothing personal is left in the stored values' : kind)
  return `${found}; ${policyText(policy)}`
}

function policyText(policy: unknown): string {
  if (policy === null) return 'the dataset does not say what to do with it'
  if (policy === false) return 'declared not personal'
  return `policy: ${typeof policy === 'string' ? policy : JSON.stringify(policy)}`
}
