import { useQueries } from '@tanstack/react-query'
import { Link } from 'wouter'
import { Section } from '../kit/Page.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { lineage } from '../lineage/api.ts'
import type { RunComparison } from './answers.ts'
import { type UsedData, differencesOf, usedData } from './compared-data.ts'

/** The versions of datasets that each run rests on, and where to see how they differ. */
export function ComparedData({ runs, labels }: { runs: RunComparison['runs']; labels: readonly string[] }) {
  const answers = useQueries({
    queries: runs.map(({ id }) => lineage({ kind: 'run', id, direction: 'up' })),
  })
  const used = answers.map(({ data }) => (data ? usedData(data.nodes) : []))
  if (used.every((data) => data.length === 0)) return null
  const differences = differencesOf(used)
  return (
    <Section
      title="Data"
      note={
        differences.length === 0
          ? 'the same for all'
          : differences.map(({ name, from, to }) => (
              <Link key={name} href={`/datasets/${encodeURIComponent(name)}?version=${to}&against=${from}`}>
                What changed in {name} from v{from} to v{to}
              </Link>
            ))
      }
    >
      <Table
        label="Data"
        rows={runs.map((run, index) => ({ run, label: labels[index], data: used[index] ?? [] }))}
        rowKey={({ run }) => run.id}
        columns={[
          { name: 'Run', cell: ({ run, label }) => <Link href={`/runs/${run.id}`}>{label}</Link> },
          { name: 'Rests on', wrap: true, cell: ({ data }) => <Versions data={data} /> },
        ]}
      />
    </Section>
  )
}

function Versions({ data }: { data: UsedData[] }) {
  if (data.length === 0) return <Quiet>nothing that is known</Quiet>
  return data.map(({ name, version, href }, index) => (
    <span key={href}>
      {index > 0 && ', '}
      <Link href={href}>
        {name} v{version}
      </Link>
    </span>
  ))
}
