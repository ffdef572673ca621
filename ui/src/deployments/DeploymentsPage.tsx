import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { Deployment } from '../answers.ts'
import { deployments } from '../api.ts'
import { count } from '../format.ts'
import { EmptyState } from '../kit/EmptyState.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Page } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { Version } from './Version.tsx'
import { stageName, stateOf } from './traffic.ts'

/** Which endpoints are there, and what answers behind each? */
export function DeploymentsPage() {
  const query = useQuery(deployments())
  return (
    <Page title="Deployments" lede="The named endpoints, and the model version that answers behind each.">
      <Loaded query={query}>
        {(data) =>
          data.items.length === 0 ? (
            <EmptyState
              what="Nothing is deployed yet."
              code={
                'tidemill deploy late --version 1            # a registered version\ntidemill deploy model.onnx --name churn     # any ONNX file'
              }
            />
          ) : (
            <Table
              label="Deployments"
              rows={data.items}
              rowKey={(item) => item.name}
              columns={[
                {
                  name: 'Deployment',
                  cell: (item) => <Link href={`/deployments/${item.name}`}>{item.name}</Link>,
                },
                { name: 'State', cell: (item) => <State word={stateOf(item)} /> },
                {
                  name: 'Stable',
                  cell: (item) =>
                    item.stable ? (
                      <Version model={item.model} version={item.stable.version} />
                    ) : (
                      <Quiet>none</Quiet>
                    ),
                },
                { name: 'Candidate', cell: (item) => <Candidate deployment={item} /> },
                { name: 'Answers, last day', number: true, cell: (item) => count(answered(item)) },
                { name: 'Monitoring', cell: (item) => <Link href={`/monitoring/${item.name}`}>open</Link> },
              ]}
            />
          )
        }
      </Loaded>
    </Page>
  )
}

function Candidate({ deployment }: { deployment: Deployment }) {
  const { rollout, model } = deployment
  if (rollout === null) return <Quiet>none</Quiet>
  return (
    <>
      <Version model={model} version={rollout.candidateVersion} /> <Quiet>in {stageName(rollout)}</Quiet>
    </>
  )
}

function answered(deployment: Deployment): number {
  return deployment.traffic.filter((one) => one.variant !== 'shadow').reduce((sum, one) => sum + one.n, 0)
}
