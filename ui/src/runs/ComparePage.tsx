import { useQueries } from '@tanstack/react-query'
import { Link } from 'wouter'
import type { Run } from '../answers.ts'
import { runDetail } from './api.ts'
import { useParam } from '../kit/address.ts'
import { Page, Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { runColour } from '../palette.ts'
import { written } from './facets.ts'
import { MetricGroups } from './MetricGroups.tsx'

/** What differs? */
export function ComparePage() {
  const [ids] = useParam('runs', '')
  const wanted = ids.split(',').filter(Boolean).slice(0, 16)
  const answers = useQueries({ queries: wanted.map((id) => runDetail(id)) })
  const runs = answers.flatMap((answer) => (answer.data ? [answer.data] : []))
  const params = commonKeys(
    runs.map((one) => one.params),
    200,
  )
  const differing = params.filter((key) => new Set(runs.map((one) => paramOf(one, key))).size > 1)
  const metrics = commonKeys(
    runs.map((one) => one.metrics),
    30,
  )
  return (
    <Page title="Compare" crumbs={[{ label: 'Runs', href: '/runs' }]} lede={lede(runs, differing, params)}>
      {runs.length > 0 && (
        <Section title="What differs" note={<Quiet>Only the params that differ, and every metric</Quiet>}>
          <Table
            label="What differs"
            rows={runs}
            rowKey={(one) => one.id}
            columns={[
              {
                name: 'Run',
                cell: (one) => <RunName run={one} dashed={dashOf(runs, one).dash !== undefined} />,
              },
              { name: 'State', cell: (one) => <State word={one.status} /> },
              ...differing.map((key) => ({ name: key, cell: (one: Run) => paramOf(one, key) ?? '–' })),
              ...metrics.map((key) => ({
                name: key,
                number: true,
                cell: (one: Run) => written(metricOf(one, key)),
              })),
            ]}
          />
        </Section>
      )}
      <MetricGroups runs={runs} keys={metrics} />
    </Page>
  )
}

function lede(runs: Run[], differing: string[], params: string[]): string {
  if (runs.length === 0) return 'Select runs with x in the list, then press c.'
  if (differing.length === 0) return `${runs.length} runs with the same ${params.length} params.`
  const same = params.length - differing.length
  return `${runs.length} runs: ${differing.join(', ')} ${differing.length === 1 ? 'differs' : 'differ'}${same === 0 ? '' : `, ${same} other ${same === 1 ? 'param is' : 'params are'} the same`}.`
}

function RunName({ run, dashed }: { run: Run; dashed: boolean }) {
  return (
    <>
      <span
        aria-hidden
        style={{
          display: 'inline-block',
          width: 18,
          marginRight: 8,
          verticalAlign: 4,
          borderTop: `3px ${dashed ? 'dashed' : 'solid'} ${runColour(run.id)}`,
        }}
      />
      <Link href={`/runs/${run.id}`}>{run.name}</Link>
    </>
  )
}

/** Eight colours are not enough for all: the second and third run with one colour are dashed. */
function dashOf(runs: Run[], run: Run): { dash?: number[] } {
  const same = runs
    .filter((other) => runColour(other.id) === runColour(run.id))
    .findIndex((other) => other.id === run.id)
  return same <= 0 ? {} : { dash: same === 1 ? [6, 3] : [2, 3] }
}

function metricOf(run: Run, key: string): number | undefined {
  const value = run.metrics.find((metric) => metric.key === key)?.value
  return value === undefined ? undefined : Number(value)
}

function paramOf(run: Run, key: string): string | undefined {
  return run.params.find((param) => param.key === key)?.value
}

/** The keys that most runs have, most frequent first, then by name. */
function commonKeys(lists: { key: string }[][], limit: number): string[] {
  const counts = new Map<string, number>()
  for (const list of lists) for (const { key } of list) counts.set(key, (counts.get(key) ?? 0) + 1)
  return [...counts]
    .sort(([a, n], [b, m]) => m - n || a.localeCompare(b))
    .slice(0, limit)
    .map(([key]) => key)
}
