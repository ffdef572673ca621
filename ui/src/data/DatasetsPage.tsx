import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { Features } from '../answers.ts'
import { datasets, features } from '../api.ts'
import { bytes, count, duration } from '../format.ts'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Page, Section } from '../kit/Page.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'

/** Which data is there, and how new is it? */
export function DatasetsPage() {
  const query = useQuery(datasets())
  const computed = useQuery(features())
  return (
    <Page title="Data" lede="Datasets as immutable versions, and the features computed from them.">
      <Section title="Datasets">
        <Loaded query={query}>
          {(data) =>
            data.items.length === 0 ? (
              <EmptyState
                what="This project declares no dataset yet."
                code={
                  "export const flights = dataset('flights', {\n  source: files('data/*.parquet'),\n  time: 'date',\n  expect: [notNull('origin'), between('delay', -120, 2000)],\n})"
                }
              />
            ) : (
              <Table
                label="Datasets"
                rows={data.items}
                rowKey={(item) => item.name}
                columns={[
                  {
                    name: 'Dataset',
                    cell: (item) => <Link href={`/datasets/${item.name}`}>{item.name}</Link>,
                  },
                  {
                    name: 'Version',
                    cell: (item) => (item.latest ? `v${item.latest.number}` : <Quiet>no data yet</Quiet>),
                  },
                  {
                    name: 'Rows',
                    number: true,
                    cell: (item) => (item.latest ? count(item.latest.rows) : '–'),
                  },
                  {
                    name: 'Added',
                    number: true,
                    cell: (item) => (item.latest ? `+${count(item.latest.addedRows)}` : '–'),
                  },
                  {
                    name: 'Size',
                    number: true,
                    cell: (item) => (item.latest ? bytes(item.latest.sizeBytes) : '–'),
                  },
                  {
                    name: 'Arrived',
                    cell: (item) => (item.latest ? <Time ms={item.latest.createdMs} /> : '–'),
                  },
                ]}
              />
            )
          }
        </Loaded>
      </Section>
      <Loaded query={computed}>{(data) => <FeatureViews features={data} />}</Loaded>
    </Page>
  )
}

function FeatureViews({ features }: { features: Features }) {
  return (
    <Section title="Feature views">
      {features.views.length === 0 ? (
        <Quiet>None: every model takes its features from the request.</Quiet>
      ) : (
        <Table
          label="Feature views"
          rows={features.views}
          rowKey={(view) => view.name}
          columns={[
            { name: 'View', cell: (view) => <strong>{view.name}</strong> },
            { name: 'About each', cell: (view) => view.entity },
            { name: 'From', cell: (view) => <Link href={`/datasets/${view.dataset}`}>{view.dataset}</Link> },
            { name: 'Too old after', cell: (view) => duration(view.ttlMs) },
            {
              name: 'Computed until',
              cell: (view) =>
                view.freshMs === undefined ? <Quiet>never</Quiet> : <Time ms={view.freshMs} />,
            },
          ]}
        />
      )}
      {features.services.length > 0 && (
        <Table
          label="Feature services"
          rows={features.services}
          rowKey={(service) => service.name}
          columns={[
            { name: 'Service', cell: (service) => <strong>{service.name}</strong> },
            {
              name: 'Features, in the order the model takes them',
              wrap: true,
              cell: (service) => service.features.join(', '),
            },
          ]}
        />
      )}
    </Section>
  )
}
