import { Link } from 'wouter'
import { LineBand } from '../charts/LineBand.tsx'
import { Version } from '../deployments/Version.tsx'
import { count, dateTime, duration, plain, share } from '../format.ts'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import type { FeatureSkew, SkewReport, SkewExample } from './answers.ts'
import { rateText } from './SkewState.tsx'

/** Served values beside the offline ones: how many differ, how many were only late, and which. */
export function SkewSection({
  skew,
  title = 'Served as it is computed offline?',
}: {
  skew: SkewReport
  title?: string
}) {
  const { features, problems } = skew
  if (features.length === 0 && problems.length === 0)
    return (
      <Section title={title}>
        <EmptyState
          what="Nothing was computed again yet. A sample of what a deployment serves is, an hour after it was served, while a monitor watches the deployment:"
          code={"monitor('late', { deployment: 'late', skew: { rowsPerHour: 100, maxRate: 0.01 } })"}
        />
      </Section>
    )
  const examples = features.flatMap((each) => each.examples.map((example) => ({ ...example, of: each })))
  return (
    <Section title={title} note="a sample of the last 7 days, computed again as of the moment it was served">
      {problems.map((each) => (
        <p key={`${each.deployment}/${each.version}/${each.startMs}`}>
          <State word="not computed" mood="attention" /> {each.model}/{each.version} at{' '}
          {dateTime(each.startMs)}: {each.problem}
        </p>
      ))}
      {features.length > 0 && <Rates features={features} />}
      <LateOverTime features={features} />
      {examples.length > 0 && <Examples examples={examples} />}
    </Section>
  )
}

function Rates({ features }: { features: FeatureSkew[] }) {
  return (
    <Table
      label="Mismatches by feature"
      rows={features}
      rowKey={(row) => `${row.deployment}/${row.model}/${row.version}/${row.feature}`}
      columns={[
        { name: 'Feature', cell: (row) => <strong>{row.feature}</strong> },
        {
          name: 'State',
          cell: (row) =>
            row.rate && row.rate.lower > 0.001 ? (
              <State word="differs" mood="bad" />
            ) : row.mismatched > 0 ? (
              <State word="unsure" />
            ) : (
              <State word="the same" mood="good" />
            ),
        },
        { name: 'Differ', number: true, cell: (row) => count(row.mismatched) },
        { name: 'Of', number: true, cell: (row) => count(row.checked) },
        {
          name: 'Share, with 95 % bounds',
          number: true,
          cell: (row) => (row.rate ? rateText(row.rate) : '–'),
        },
        {
          name: 'Late data',
          number: true,
          cell: (row) => (row.checked === 0 ? '–' : share(row.late / row.checked)),
        },
        {
          name: 'Unknown',
          number: true,
          cell: (row) => (row.unchecked === 0 ? <Quiet>–</Quiet> : count(row.unchecked)),
        },
        { name: 'Version', cell: (row) => <Version model={row.model} version={row.version} /> },
        {
          name: 'Served by',
          cell: (row) => <Link href={`/deployments/${row.deployment}`}>{row.deployment}</Link>,
        },
      ]}
    />
  )
}

/** Hour by hour what differs, of the feature that differs most, beside what was late. */
function LateOverTime({ features }: { features: FeatureSkew[] }) {
  const most = features.toSorted((a, b) => b.mismatched - a.mismatched || b.late - a.late)[0]
  const hours = most?.hours.filter(({ checked }) => checked > 0) ?? []
  if (most === undefined || hours.length < 3 || most.mismatched + most.late === 0) return null
  const shares = (of: 'mismatched' | 'late') =>
    hours.map((hour) => ({ atMs: hour.startMs, value: hour[of] / hour.checked, n: hour.checked }))
  return (
    <LineBand
      label={`${most.feature}, hour by hour: share of values that differ, and that were late`}
      series={[
        { name: 'differ', colour: 'var(--bad)', points: shares('mismatched') },
        { name: 'late', colour: 'var(--c0)', points: shares('late') },
      ]}
      format={share}
      timeFormat={dateTime}
      band="interval"
      height={140}
    />
  )
}

function Examples({ examples }: { examples: (SkewExample & { of: FeatureSkew })[] }) {
  const rows = examples.toSorted((a, b) => Number(a.kind === 'late') - Number(b.kind === 'late')).slice(0, 12)
  return (
    <Table
      label="Examples"
      rows={rows}
      rowKey={(row) => `${row.predictionId}/${row.of.feature}`}
      columns={[
        { name: 'Feature', cell: (row) => row.of.feature },
        {
          name: 'Why',
          cell: (row) =>
            row.kind === 'late' ? (
              <State word="late data" mood="idle" />
            ) : (
              <State word="differs" mood="bad" />
            ),
        },
        { name: 'Served', number: true, cell: (row) => plain(row.served) },
        { name: 'Offline', number: true, cell: (row) => plain(row.recomputed) },
        {
          name: 'Of',
          wrap: true,
          cell: (row) =>
            Object.entries(row.inputs)
              .map(([name, value]) => `${name} ${plain(value)}`)
              .join(', '),
        },
        { name: 'When', cell: (row) => <Time ms={row.timeMs} plain /> },
        { name: 'Age then', number: true, cell: (row) => (row.ageMs === null ? '–' : duration(row.ageMs)) },
      ]}
    />
  )
}
