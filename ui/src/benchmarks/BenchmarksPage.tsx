import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { count } from '../format.ts'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Page } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { metricName } from '../registry/judged.ts'
import { benchmarks } from './api.ts'
import { moodOfBenchmark } from './state.ts'

/** On which holdouts do models of different people stand side by side? */
export function BenchmarksPage() {
  const query = useQuery(benchmarks())
  return (
    <Page title="Benchmarks" lede="Locked holdouts on which everybody’s models are measured by the server.">
      <Loaded query={query}>
        {(data) =>
          data.items.length === 0 ? (
            <EmptyState
              what="There is no benchmark yet. A maintainer makes one from a Parquet file or a dataset version:"
              code={
                'tidemill benchmarks create late-2001 holdout.parquet \\\n  --task binary --metric auc --label late --id id --time date'
              }
            />
          ) : (
            <Table
              label="Benchmarks"
              rows={data.items}
              rowKey={(item) => item.name}
              columns={[
                {
                  name: 'Benchmark',
                  cell: (item) => (
                    <Link href={`/benchmarks/${encodeURIComponent(item.name)}`}>{item.name}</Link>
                  ),
                },
                {
                  name: 'State',
                  cell: (item) => <State word={item.state} mood={moodOfBenchmark(item.state)} />,
                },
                {
                  name: 'Measures',
                  cell: ({ definition }) => `${metricName(definition.metric)} of ${definition.label}`,
                },
                {
                  name: 'Rows',
                  number: true,
                  cell: (item) => (item.holdout === null ? <Quiet>–</Quiet> : count(item.holdout.rows)),
                },
                { name: 'Participants', number: true, cell: (item) => item.participants },
                { name: 'Evaluated', number: true, cell: (item) => count(item.evaluated) },
              ]}
            />
          )
        }
      </Loaded>
    </Page>
  )
}
