import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { bytes, count } from '../format.ts'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Page, Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'
import { useParam } from '../kit/address.ts'
import type { DatasetItem } from './answers.ts'
import { datasets } from './api.ts'
import { SearchField } from '../kit/SearchField.tsx'

/** Which data is there, and how new is it? */
export function DatasetsPage() {
  const [search, setSearch] = useParam('q', '')
  const query = useQuery(datasets(search === '' ? {} : { search }))
  return (
    <Page title="Data" lede="Datasets as immutable versions: what came, what was refused, and who made them.">
      <Section title="Datasets">
        <SearchField
          label="Search names, descriptions, tags and columns"
          value={search}
          onChange={setSearch}
        />
        <Loaded query={query}>
          {({ items }) => (items.length === 0 ? <None search={search} /> : <Datasets items={items} />)}
        </Loaded>
      </Section>
    </Page>
  )
}

function None({ search }: { search: string }) {
  if (search !== '')
    return <Quiet>No dataset has “{search}” in its name, description, tags or columns.</Quiet>
  return (
    <EmptyState
      what="This project declares no dataset yet."
      code={
        "export const flights = dataset('flights', {\n  source: files('data/*.parquet'),\n  time: 'date',\n  expect: [notNull('origin'), between('delay', -120, 2000)],\n})\n\ntidemill data infer flights.csv     # proposes the checks from what a file holds"
      }
    />
  )
}

function Datasets({ items }: { items: DatasetItem[] }) {
  return (
    <Table
      label="Datasets"
      rows={items}
      rowKey={(item) => item.name}
      columns={[
        {
          name: 'Dataset',
          wrap: true,
          cell: (item) => (
            <>
              <Link href={`/datasets/${item.name}`}>{item.name}</Link>{' '}
              <Quiet>{item.definition.description}</Quiet>
            </>
          ),
        },
        { name: 'Newest data', cell: (item) => <Verdict item={item} /> },
        {
          name: 'Version',
          cell: (item) => (item.latest ? `v${item.latest.number}` : <Quiet>no data yet</Quiet>),
        },
        { name: 'Rows', number: true, cell: (item) => (item.latest ? count(item.latest.rows) : '–') },
        {
          name: 'Added',
          number: true,
          cell: (item) => (item.latest ? `+${count(item.latest.addedRows)}` : '–'),
        },
        { name: 'Size', number: true, cell: (item) => (item.latest ? bytes(item.latest.sizeBytes) : '–') },
        { name: 'Arrived', cell: (item) => (item.latest ? <Time ms={item.latest.createdMs} /> : '–') },
        { name: 'Owner', cell: (item) => item.definition.owner ?? <Quiet>–</Quiet> },
        { name: 'Tags', cell: (item) => <Quiet>{item.definition.tags?.join(', ')}</Quiet> },
      ]}
    />
  )
}

function Verdict({ item: { report } }: { item: DatasetItem }) {
  if (!report) return <Quiet>–</Quiet>
  const refused = report.verdict === 'failed'
  return (
    <Link href={`/reports/${report.id}`} title={report.sentence}>
      <State word={refused ? 'refused' : report.verdict} {...(refused && { mood: 'bad' as const })} />
    </Link>
  )
}
