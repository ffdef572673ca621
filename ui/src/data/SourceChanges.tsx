import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { count } from '../format.ts'
import { Button } from '../kit/Button.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import type { DatasetChange } from './answers.ts'
import { datasetChanges } from './api.ts'

/** What came and went at the source, and what became of it. */
export function SourceChanges({ name }: { name: string }) {
  const query = useInfiniteQuery(datasetChanges(name))
  return (
    <Section title="What happened at the source" note="the newest first">
      <Loaded query={query}>
        {({ pages }) => (
          <>
            <ChangeTable name={name} changes={pages.flatMap(({ items }) => items)} />
            {query.hasNextPage && (
              <Button
                look="quiet"
                disabled={query.isFetchingNextPage}
                onPress={() => void query.fetchNextPage()}
              >
                Show older
              </Button>
            )}
          </>
        )}
      </Loaded>
    </Section>
  )
}

function ChangeTable({ name, changes }: { name: string; changes: DatasetChange[] }) {
  if (changes.length === 0) return <Quiet>Nothing yet: it has not been looked at.</Quiet>
  return (
    <Table
      label="What happened at the source"
      rows={changes}
      rowKey={(change) => change.id}
      columns={[
        { name: 'When', cell: (change) => <Time ms={change.updatedMs} /> },
        { name: 'Became', cell: (change) => <Outcome change={change} name={name} /> },
        { name: 'What', wrap: true, cell: (change) => <What change={change} /> },
        { name: 'Rows', number: true, cell: (change) => (change.rows > 0 ? count(change.rows) : '') },
        {
          name: 'Late',
          number: true,
          cell: (change) => (change.lateRows > 0 ? count(change.lateRows) : ''),
        },
        { name: 'Noticed by', cell: (change) => <Quiet>{change.actor}</Quiet> },
      ]}
    />
  )
}

function Outcome({ change, name }: { change: DatasetChange; name: string }) {
  if (change.kind === 'failed') return <State word="unreachable" mood="bad" />
  if (change.version !== null)
    return <Link href={`/datasets/${name}?version=${change.version}`}>v{change.version}</Link>
  if (change.reportId === null) return <Quiet>–</Quiet>
  return (
    <Link href={`/reports/${change.reportId}`}>
      <State word="refused" mood="bad" />
    </Link>
  )
}

function What({ change }: { change: DatasetChange }) {
  if (change.kind === 'failed')
    return (
      <>
        {change.sentence}
        {change.times > 1 && (
          <Quiet>
            {' '}
            {count(change.times)} times since <Time ms={change.createdMs} plain />
          </Quiet>
        )}
      </>
    )
  const parts = (['added', 'changed', 'removed'] as const).flatMap((what) => {
    const { count: many, names } = change[what]
    if (many === 0) return []
    const [only] = names
    return [
      <span key={what} title={names.join('\n')}>
        {many === 1 && only !== undefined ? only : `${count(many)} items`} {words[what]}
      </span>,
    ]
  })
  return (
    <>
      {parts.flatMap((part, index) => (index === 0 ? [part] : [', ', part]))}
      {change.schemaChange && (
        <>
          {parts.length > 0 && '; '}
          <State
            word={`${change.schemaChange.kind} change of the schema`}
            mood={change.schemaChange.kind === 'breaking' ? 'bad' : 'attention'}
          />{' '}
          <Quiet>{change.schemaChange.changes.join(', ')}</Quiet>
        </>
      )}
      {change.version === null && change.sentence !== '' && <p>{change.sentence}</p>}
    </>
  )
}

const words = { added: 'came', changed: 'changed', removed: 'went' } as const
