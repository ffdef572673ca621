import { useQueries, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { Link } from 'wouter'
import type { Run } from '../answers.ts'
import { describeRun, metric, run } from '../api.ts'
import { Curves } from '../charts/Curves.tsx'
import { Comments } from '../comments/Comments.tsx'
import { Note } from '../comments/Note.tsx'
import { bytes, duration, exact } from '../format.ts'
import { Facts } from '../kit/Facts.tsx'
import { Loaded } from '../kit/Loaded.tsx'
import { Columns, Page, Section } from '../kit/Page.tsx'
import { State } from '../kit/State.tsx'
import { Quiet, Table } from '../kit/Table.tsx'
import { readableTags, toCurve, written } from './facets.ts'
import styles from './Panels.module.css'
import { Smoothing, useSmoothing } from './Smoothing.tsx'

/** What did it do? */
export function RunPage({ id }: { id: string }) {
  const query = useQuery(run(id))
  return <Loaded query={query}>{(data) => <RunView run={data} />}</Loaded>
}

function RunView({ run }: { run: Run }) {
  return (
    <Page
      title={run.name}
      aside={<State word={run.status} />}
      crumbs={[
        { label: 'Runs', href: '/runs' },
        ...(run.parentRunId === undefined ? [] : [{ label: 'Parent run', href: `/runs/${run.parentRunId}` }]),
      ]}
      lede={sentence(run)}
    >
      <Metrics run={run} />
      <Columns>
        <Section title="Params">
          {run.params.length === 0 ? (
            <Quiet>None were logged.</Quiet>
          ) : (
            <Facts items={run.params.map(({ key, value }) => [key, value])} />
          )}
        </Section>
        <Section title="About">
          <Facts
            items={[
              ['Started', exact(run.startMs)],
              ['Run id', <code key="id">{run.id}</code>],
              ...readableTags(run.tags).map(({ key, value }): [string, string] => [key, value]),
            ]}
          />
        </Section>
      </Columns>
      {run.children.length > 0 && (
        <Section
          title="Nested runs"
          note={
            <Link href={`/runs/compare?runs=${run.children.map((child) => child.id).join(',')}`}>
              Compare them
            </Link>
          }
        >
          <Table
            label="Nested runs"
            rows={run.children}
            rowKey={(child) => child.id}
            columns={[
              { name: 'Run', cell: (child) => <Link href={`/runs/${child.id}`}>{child.name}</Link> },
              { name: 'State', cell: (child) => <State word={child.status} /> },
            ]}
          />
        </Section>
      )}
      <Section title="Artifacts">
        {run.artifacts.length === 0 ? (
          <Quiet>None were stored.</Quiet>
        ) : (
          <Table
            label="Artifacts"
            rows={run.artifacts}
            rowKey={(artifact) => artifact.path}
            columns={[
              {
                name: 'Path',
                cell: (artifact) => <code>{artifact.path + (artifact.isDirectory ? '/' : '')}</code>,
              },
              {
                name: 'Size',
                number: true,
                cell: (artifact) => (artifact.sizeBytes === undefined ? '' : bytes(artifact.sizeBytes)),
              },
            ]}
          />
        )}
      </Section>
      <Note
        text={run.tags.find(({ key }) => key === 'mlflow.note.content')?.value ?? ''}
        empty="Nobody has described this run yet."
        rooms={['tracking']}
        onSave={(text) => describeRun(run.id, text)}
      />
      <Comments subjectType="run" subjectId={run.id} />
    </Page>
  )
}

function sentence(run: Run): string {
  const took =
    run.endMs === undefined || run.endMs === run.startMs ? '' : ` in ${duration(run.endMs - run.startMs)}`
  const verb = {
    RUNNING: 'Is running',
    FINISHED: 'Finished',
    FAILED: 'Failed',
    KILLED: 'Was stopped',
    SCHEDULED: 'Waits to start',
  }[run.status]
  const final = run.metrics
    .slice(0, 3)
    .map((metric) => `${metric.key} ${written(Number(metric.value))}`)
    .join(', ')
  return `${verb ?? run.status}${took}${final === '' ? '.' : `: ${final}.`}`
}

function Metrics({ run }: { run: Run }) {
  const [weight] = useSmoothing()
  const histories = useQueries({ queries: run.metrics.map(({ key }) => metric(run.id, key)) })
  const settled = histories.map((history) => history.data)
  const version = settled.map((data) => data?.points.length ?? -1).join()
  const panels = useMemo(
    () =>
      run.metrics.map(({ key }, index) => {
        const points = settled[index]?.points ?? []
        return { key, curves: [toCurve(run, points)] }
      }),
    // oxlint-disable-next-line react-hooks/exhaustive-deps
    [version, run.id],
  )
  const curves = panels.filter((panel) => (panel.curves[0]?.xs.length ?? 0) > 1)
  const single = run.metrics.filter(({ key }) => !curves.some((panel) => panel.key === key))
  return (
    <>
      {single.length > 0 && (
        <Section title="Metrics">
          <dl className={styles['numbers']}>
            {single.map((metric) => (
              <div key={metric.key}>
                <dt>{metric.key}</dt>
                <dd>{written(Number(metric.value))}</dd>
              </div>
            ))}
          </dl>
        </Section>
      )}
      {curves.length > 0 && (
        <Section title="Curves" note={<Smoothing />}>
          <div className={styles['panels']}>
            {curves.map((panel) => (
              <Curves key={panel.key} label={panel.key} curves={panel.curves} weight={weight} xName="Step" />
            ))}
          </div>
        </Section>
      )}
    </>
  )
}
