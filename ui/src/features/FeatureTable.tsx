import { Link } from 'wouter'
import { ValueShape } from '../data/ValueShape.tsx'
import { count, decimal, share } from '../format.ts'
import { Section } from '../kit/Page.tsx'
import { Quiet, Table, type Column } from '../kit/Table.tsx'
import type { EntryPage, EntryFeature, ViewDetail } from './answers.ts'
import { entryHref } from './api.ts'
import { importanceMeans } from './UsageSection.tsx'

/** Each feature: what it means, how it is distributed now, and what models rest on it. */
export function FeatureTable({ entry, view }: { entry: EntryPage; view?: ViewDetail | undefined }) {
  const [now, before] = view?.summaries ?? []
  const at = new Map(now?.summary.columns.map((column) => [column.name, column]))
  const was = new Map(before?.summary.columns.map((column) => [column.name, column]))
  const shapes: Column<EntryFeature>[] = now
    ? [
        {
          name: 'Values',
          cell: ({ name }) => {
            const column = at.get(name)
            return column ? <ValueShape column={column} before={was.get(name)} /> : <Quiet>–</Quiet>
          },
        },
        {
          name: 'Missing',
          number: true,
          cell: ({ name }) => {
            const column = at.get(name)
            return column === undefined || column.rows === 0 ? '–' : share(column.nulls / column.rows)
          },
        },
        {
          name: 'Middle',
          number: true,
          cell: ({ name }) => {
            const median = at.get(name)?.quantiles?.['p50']
            return median === undefined || at.get(name)?.kind !== 'number' ? (
              <Quiet>–</Quiet>
            ) : (
              decimal(median)
            )
          },
        },
      ]
    : []
  const measured = entry.users.flatMap(({ importance }) => (importance ? [importanceMeans(importance)] : []))
  const notes = [
    ...(now ? [`values of ${count(now.summary.rows)} keys, computed once a day`] : []),
    ...(measured[0] === undefined ? [] : [`importance: ${measured[0]}, most of all versions`]),
  ]
  return (
    <Section title="Features" note={notes.join('; ')}>
      <Table
        label="Features"
        rows={entry.features}
        rowKey={({ name }) => name}
        columns={[
          { name: 'Feature', cell: ({ name }) => <strong>{name}</strong> },
          { name: 'Kind', cell: ({ kind }) => <Quiet>{kind}</Quiet> },
          ...(entry.kind === 'service'
            ? [{ name: 'From', cell: (feature: EntryFeature) => <From feature={feature} /> }]
            : []),
          { name: 'Means', wrap: true, cell: ({ description }) => description ?? <Quiet>not said</Quiet> },
          ...shapes,
          {
            name: 'Importance',
            number: true,
            cell: ({ name }) => <Importance entry={entry} feature={name} />,
          },
          {
            name: 'Used',
            cell: ({ name }) => (entry.unusedFeatures.includes(name) ? <Quiet>by nobody</Quiet> : 'yes'),
          },
        ]}
      />
    </Section>
  )
}

function From({ feature: { source, from } }: { feature: EntryFeature }) {
  if (source === null || from === null || from === 'request') return <Quiet>the request</Quiet>
  return <Link href={entryHref({ kind: from, name: source })}>{source}</Link>
}

/** The largest share that a version which was measured loses without it. */
function Importance({ entry, feature }: { entry: EntryPage; feature: string }) {
  const measured = entry.users.flatMap(({ model, version, importance }) =>
    (importance?.features ?? [])
      .filter((each) => each.feature === feature)
      .map((each) => ({ share: each.share, version: `${model}/${version}` })),
  )
  const most = measured.toSorted((a, b) => b.share - a.share)[0]
  if (most === undefined) return <Quiet>–</Quiet>
  return <span title={`for ${most.version}`}>{share(Math.max(0, most.share))}</span>
}
