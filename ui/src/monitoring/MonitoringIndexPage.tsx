import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { alerts, deployments } from '../api.ts'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Page, Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Table } from '../kit/Table.tsx'
import { AlertList } from './AlertList.tsx'

/** Is anything wrong anywhere? */
export function MonitoringIndexPage() {
  const open = useQuery(alerts({ state: 'open' }))
  const watched = useQuery(deployments())
  return (
    <Page title="Monitoring" lede="Has the world changed, and does it hurt?">
      <Section title={`Open alerts (${open.data?.items.length ?? 0})`}>
        <Loaded query={open}>{(data) => <AlertList items={data.items} none="No alert is open." />}</Loaded>
      </Section>
      <Section title="Watched deployments">
        <Loaded query={watched}>
          {(data) =>
            data.items.length === 0 ? (
              <EmptyState
                what="Nothing is watched yet: a deployment is watched from its first answer on."
                code={
                  "tidemill deploy late --version 1\nmonitor('late', { deployment: late })     # in the project: reference, budgets"
                }
              />
            ) : (
              <Table
                label="Watched deployments"
                rows={data.items}
                rowKey={(item) => item.name}
                columns={[
                  {
                    name: 'Deployment',
                    cell: (item) => <Link href={`/monitoring/${item.name}`}>{item.name}</Link>,
                  },
                  {
                    name: 'Serves',
                    cell: (item) => (item.stable ? `${item.model}/${item.stable.version}` : '–'),
                  },
                  {
                    name: 'Alerts',
                    cell: (item) => {
                      const n = (open.data?.items ?? []).filter(
                        (alert) => alert.deployment === item.name,
                      ).length
                      return n === 0 ? (
                        <State word="none open" mood="good" />
                      ) : (
                        <State word={`${n} open`} mood="attention" />
                      )
                    },
                  },
                ]}
              />
            )
          }
        </Loaded>
      </Section>
    </Page>
  )
}
