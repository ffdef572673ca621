import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { models } from '../api.ts'
import { Version } from '../deployments/Version.tsx'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Page } from '../kit/Page.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Time } from '../kit/Time.tsx'

/** Which models are there, and which version of each is the champion? */
export function ModelsPage() {
  const query = useQuery(models())
  return (
    <Page title="Models" lede="What was registered, and which version of it is the champion.">
      <Loaded query={query}>
        {(data) =>
          data.items.length === 0 ? (
            <EmptyState
              what="No model is registered. A pipeline registers one, or any MLflow client, or a file:"
              code={
                "await register('late', model)              // in a pipeline\ntidemill deploy model.onnx --name churn    # any ONNX file"
              }
            />
          ) : (
            <Table
              label="Models"
              rows={data.items}
              rowKey={(item) => item.name}
              columns={[
                { name: 'Model', cell: (item) => <Link href={`/models/${item.name}`}>{item.name}</Link> },
                { name: 'Predicts', cell: (item) => item.task ?? <Quiet>not said</Quiet> },
                { name: 'Versions', number: true, cell: (item) => item.versions },
                {
                  name: 'Champion',
                  cell: (item) =>
                    item.champion === null ? (
                      <Quiet>none</Quiet>
                    ) : (
                      <Version model={item.name} version={item.champion} />
                    ),
                },
                {
                  name: 'Newest',
                  cell: (item) =>
                    item.latest === null ? (
                      <Quiet>none</Quiet>
                    ) : (
                      <Version model={item.name} version={item.latest.version} />
                    ),
                },
                {
                  name: 'Registered',
                  cell: (item) => (item.latest === null ? '' : <Time ms={item.latest.createdMs} />),
                },
              ]}
            />
          )
        }
      </Loaded>
    </Page>
  )
}
